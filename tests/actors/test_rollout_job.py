from __future__ import annotations

import pytest

from potstill.actors.rollout_job import RolloutJob
from potstill.actors.teacher_source import TeacherSource
from potstill.envs.rendering.render_config import RenderConfig
from potstill.queues.codec import decode, encode


def test_a_job_survives_the_queue(bench, on_policy):
    render = RenderConfig(
        painter="randomised", cameras=("corner", "corner2", "topview"), size=48, keyframe_interval=7
    )
    teachers = {
        "expert": TeacherSource(folder="/a", sha256="a" * 64),
        "teacher": TeacherSource(folder="/b", sha256="b" * 64),
    }
    job = bench.job(3, seed=2**40, robot="ur10e", render=render, sigma=0.25, **teachers, **on_policy)

    back = RolloutJob.from_payload(decode(encode(job.to_payload())))

    assert back == job
    assert isinstance(back.render.cameras, tuple)
    assert isinstance(back.expert, TeacherSource)
    assert back.student_acts


def test_without_a_checkpoint_no_student_acts(bench):
    assert not bench.job().student_acts


def test_a_payload_of_another_version_is_refused(bench):
    with pytest.raises(TypeError, match="colour"):
        RolloutJob.from_payload({**bench.job().to_payload(), "colour": "red"})
