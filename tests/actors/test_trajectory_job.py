from __future__ import annotations

import pytest

from potstill.actors.teacher_source import TeacherSource
from potstill.actors.trajectory_job import TrajectoryJob
from potstill.envs.dynamics_config import DynamicsConfig
from potstill.queues.codec import decode, encode

REQUIRED = dict(
    purpose="rollout", run="r", round=1, index=3, task="reach-v3", seed=5, actor="expert", max_steps=9, store="/x"
)  # fmt: skip


def test_a_job_survives_the_queue():
    job = TrajectoryJob(
        **REQUIRED | {"actor": "student"}, robot="ur5e", checkpoint="/c", checkpoint_sha256="b" * 64, beta=0.25,
        stop_at_success=False, hold_steps=3, expert=TeacherSource(folder="/e", sha256="c" * 64),
        dynamics=DynamicsConfig(mass_scale=2.0, action_delay=1),
    )  # fmt: skip
    assert TrajectoryJob.from_payload(decode(encode(job.to_payload()))) == job


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"purpose": "training"}, "purpose must be one of rollout, evaluation: got 'training'"),
        ({"actor": "oracle"}, "actor must be one of expert, random, student: got 'oracle'"),
        ({"sigma": 2.5}, r"sigma must be in 0.0..2.0: got 2.5"),
        ({"beta": -0.1}, r"beta must be in 0.0..1.0: got -0.1"),
        ({"max_steps": 501}, r"max_steps must be in 1..500: got 501"),
        ({"max_steps": 0}, r"max_steps must be in 1..500: got 0"),
        ({"seed": -1}, "seed must be at least 0: got -1"),
        ({"hold_steps": -1}, "hold_steps must be at least 0: got -1"),
        ({"actor": "student"}, "checkpoint and checkpoint_sha256 must be given for a student"),
        ({"checkpoint": "/c", "checkpoint_sha256": "b"}, "and for nobody else: got '/c'"),
        ({"actor": "student", "checkpoint": "/c"}, "checkpoint and checkpoint_sha256 must be given"),
        ({"store": ""}, "store must be given for a rollout"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        TrajectoryJob(**REQUIRED | changes)
