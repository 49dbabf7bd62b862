"""An episode's actions are the same bits whoever shares the batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.policies.batched_inference import BatchedInference
from potstill.policies.pixel_policy import PolicyOutput
from potstill.policies.policy_checkpoint import save_policy


def observations(inference, count, seed=0):
    rng = np.random.default_rng(seed)
    shape, stack = inference._policy.shape, inference.frame_stack
    size = (count, stack, shape.cameras, shape.height, shape.width, 3)
    frames = rng.integers(0, 256, size, dtype=np.uint8)
    return frames, rng.normal(size=(count, stack, shape.proprio)).astype(np.float32)


@pytest.mark.parametrize("encoder", ["patch", "nature", "none"])
def test_actions_are_bitwise_equal_for_any_batch_size_and_order(make_policy, encoder):
    policy = make_policy(encoder=encoder, size=64, channels=32, features=64, hidden=(128, 128))
    inference = BatchedInference(policy, version="v")
    frames, proprio = observations(inference, 1500)
    together = inference.act(frames, proprio)
    rng = np.random.default_rng(1)
    for batch in (1, 8, 32, 7):
        order = rng.permutation(1500)[: 200 if batch == 1 else 1500]
        for first in range(0, len(order), batch):
            rows = order[first : first + batch]
            assert np.array_equal(inference.act(frames[rows], proprio[rows]), together[rows])


def test_two_workers_with_other_thread_counts_act_alike(make_policy, tmp_path):
    save_policy(tmp_path, make_policy())
    one, two = BatchedInference.load(tmp_path), BatchedInference.load(tmp_path)
    frames, proprio = observations(one, 64)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        first = one.act(frames, proprio)
        torch.set_num_threads(2)
        second = two.act(frames[::-1].copy(), proprio[::-1].copy())[::-1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(first, second)
    assert one.version == two.version and len(one.version) == 64


def test_the_actions_are_those_of_the_network(make_policy):
    policy = make_policy(frame_stack=2)
    inference = BatchedInference(policy, version="v")
    frames, proprio = observations(inference, 20)
    with torch.inference_mode():
        expected = policy(torch.from_numpy(frames), torch.from_numpy(proprio)).mean.numpy()
    assert np.allclose(inference.act(frames, proprio), expected, atol=1e-5)
    assert inference.act(frames[:0], proprio[:0]).shape == (0, 3)


def test_a_network_whose_rows_feel_their_neighbours_falls_back_to_one_by_one(make_policy):
    policy = make_policy()

    class Sociable(type(policy)):
        def forward(self, frames, proprio):
            mean = super().forward(frames, proprio).mean
            return PolicyOutput(mean + mean.mean(), None)

    policy.__class__ = Sociable
    inference = BatchedInference(policy, version="v")
    assert inference.chunk == 1
    frames, proprio = observations(inference, 6)
    alone = np.concatenate([inference.act(frames[i : i + 1], proprio[i : i + 1]) for i in range(6)])
    assert np.array_equal(inference.act(frames, proprio), alone)


@pytest.mark.parametrize("wrong", ["float frames", "wide proprio", "unequal"])
def test_observations_of_another_shape_are_refused(make_policy, wrong):
    inference = BatchedInference(make_policy(), version="v")
    frames, proprio = observations(inference, 4)
    if wrong == "float frames":
        frames = frames.astype(np.float32)
    elif wrong == "wide proprio":
        proprio = np.concatenate([proprio, proprio], axis=2)
    else:
        proprio = proprio[:3]
    with pytest.raises(ValueError, match="must be"):
        inference.act(frames, proprio)
