"""An evaluation's outcome is a pure function of the weights and the seeds: nothing about the workers changes a bit."""

from __future__ import annotations

import pytest
import torch

from potstill.actors.render_channel import LocalRenderChannel
from potstill.envs.rendering.mujoco_scene_renderer import MujocoSceneRenderer
from potstill.envs.rendering.render_config import RenderConfig
from potstill.policies.batched_inference import BatchedInference
from potstill.policies.observation_shape import ObservationShape
from potstill.policies.pixel_policy import PixelPolicy
from potstill.policies.pixel_policy_config import PixelPolicyConfig
from potstill.policies.policy_checkpoint import save_policy

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
