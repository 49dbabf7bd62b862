"""An evaluation's outcome is a pure function of the weights and the seeds: nothing about the workers changes a bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from potstill.actors.render_channel import LocalRenderChannel
from potstill.envs.compress_observation import COMPRESSED_SIZE
from potstill.envs.rendering.mujoco_scene_renderer import MujocoSceneRenderer
from potstill.envs.rendering.render_config import RenderConfig
from potstill.envs.task_simulation import ACTION_SIZE
from potstill.policies.batched_inference import BatchedInference
from potstill.policies.collective_checkpoint import save_collective
from potstill.policies.collective_inference import CollectiveInference
from potstill.policies.collective_policy import CollectivePolicy
from potstill.policies.collective_policy_config import CollectivePolicyConfig
from potstill.policies.observation_shape import ObservationShape
from potstill.policies.pixel_policy import PixelPolicy
from potstill.policies.pixel_policy_config import PixelPolicyConfig
from potstill.policies.policy_checkpoint import save_policy
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig

EPISODES = 8
SIZE = 32
#: name -> (batches of the workers that share the queue, whether the tasks are put in reverse)
SETTINGS = {
    "batch 2": ([2], False),
    "batch 8": ([8], False),
    "batch 5, backwards": ([5], True),
    "two workers, batches 1 and 3": ([1, 3], False),
    "two workers, batch 2, backwards": ([2, 2], True),
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A student with random weights and a stack of two frames: (folder, sha256)."""
    folder = tmp_path_factory.mktemp("checkpoint")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        shape = ObservationShape(cameras=2, height=SIZE, width=SIZE, proprio=4, actions=4)
        return folder, save_policy(folder, PixelPolicy(PixelPolicyConfig(frame_stack=2), shape))


@pytest.fixture(scope="module")
def renderer():
    renderer = MujocoSceneRenderer()
    yield renderer
    renderer.close()


@pytest.fixture
def evaluate(bench, checkpoint, renderer):
    """Runs the evaluation once more; gives (seed, success, steps, exact return) of each episode in order."""
    folder, sha256 = checkpoint
    render = RenderConfig(size=SIZE, painter="randomised")
    student = {"checkpoint": str(folder), "checkpoint_sha256": sha256, "beta": 0.0}
    jobs = [
        bench.job(i, purpose="evaluation", seed=i, max_steps=12, render=render, **student)
        for i in range(EPISODES)
    ]

    def evaluate(batches, backwards):
        bench.queue.purge()
        bench.put(*(jobs[::-1] if backwards else jobs))
        workers = [
            bench.worker(
                f"worker-{number}",
                batch=batch,
                pictures=LocalRenderChannel(renderer),
                student=BatchedInference.load(folder, expected_sha256=sha256),
            )
            for number, batch in enumerate(batches)
        ]
        assert bench.work(*workers).done == EPISODES
        results = sorted(bench.results("evaluation"), key=lambda result: result["index"])
        return [
            (result["seed"], result["success"], result["steps"], result["return"].hex()) for result in results
        ]

    return evaluate


def test_outcomes_are_bitwise_equal_for_any_batch_number_of_workers_and_order(evaluate):
    alone = evaluate([1], backwards=False)
    # Not vacuous: the episodes differ from each other.
    assert len({exact for *_, exact in alone}) == EPISODES
    outcomes = {name: evaluate(*setting) for name, setting in SETTINGS.items()}
    assert outcomes == dict.fromkeys(SETTINGS, alone)


@pytest.fixture(scope="module")
def collective_checkpoint(tmp_path_factory):
    """A collective policy with random weights that reads the last five states: (folder, sha256)."""
    folder = tmp_path_factory.mktemp("collective")
    sizes = {"state_size": COMPRESSED_SIZE, "action_size": ACTION_SIZE}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        transformer = TrajectoryTransformer(TrajectoryTransformerConfig(window=5, layers=1), **sizes)
        policy = CollectivePolicy(
            CollectivePolicyConfig(hidden=(32,)),
            transformer=transformer,
            tasks=("push-v3", "reach-v3"),
            code_size=transformer.config.code_size,
            **sizes,
        )
        return folder, save_collective(folder, policy)


def test_a_collective_policys_outcomes_are_too(trajectories, collective_checkpoint):
    folder, sha256 = collective_checkpoint
    cells = [("reach-v3", "sawyer"), ("push-v3", "sawyer"), ("reach-v3", "ur5e")]
    jobs = [
        trajectories.job(
            i, purpose="evaluation", actor="student", task=task, robot=robot, max_steps=12, seed=i,
            checkpoint=str(folder), checkpoint_sha256=sha256, stop_at_success=False, store="",
        )
        for i, (task, robot) in enumerate(cells * 3)
    ]  # fmt: skip
    outcomes = []
    for batches, order in [([9], 1), ([1], 1), ([4, 2], -1)]:
        trajectories.queue.purge()
        trajectories.put(*jobs[::order])
        workers = [
            trajectories.worker(
                f"worker-{number}",
                batch=batch,
                load_student=lambda folder, sha256: CollectiveInference.load(
                    Path(folder), expected_sha256=sha256
                ),
            )
            for number, batch in enumerate(batches)
        ]
        assert trajectories.work(*workers).done == len(jobs)
        results = sorted(trajectories.results("evaluation"), key=lambda result: result["index"])
        outcomes.append([(result["steps"], result["return"].hex()) for result in results])
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert len(set(outcomes[0])) == len(jobs)  # not vacuous
