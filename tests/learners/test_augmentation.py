"""Shifts are the same over a stack, differ between samples and cameras, and only move pixels."""

from __future__ import annotations

import numpy as np

from potstill.learners.bc.augmentation import RandomShift


def frames(batch=6, stack=3, cameras=2, size=12) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (batch, stack, cameras, size, size, 3), dtype=np.uint8)


def shifted(original: np.ndarray, pixels: int, seed: int = 1) -> np.ndarray:
    batch = {"frames": original.copy()}
    RandomShift(pixels)(batch, np.random.default_rng(seed))
    return batch["frames"]


def test_every_stack_is_moved_by_one_shift_within_bounds():
    original, pad = frames(), 3
    moved = shifted(original, pad)
    seen = set()
    for row in range(6):
        for camera in range(2):
            picture = original[row, :, camera]
            padded = np.pad(picture, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="edge")
            matches = [
                (y, x)
                for y in range(2 * pad + 1)
                for x in range(2 * pad + 1)
                if np.array_equal(moved[row, :, camera], padded[:, y : y + 12, x : x + 12])
            ]
            assert len(matches) == 1
            seen.add(matches[0])
    assert len(seen) > 6


def test_the_same_generator_gives_the_same_shifts():
    assert np.array_equal(shifted(frames(), 4, seed=7), shifted(frames(), 4, seed=7))
    assert not np.array_equal(shifted(frames(), 4, seed=7), shifted(frames(), 4, seed=8))


def test_no_shift_changes_nothing():
    assert np.array_equal(shifted(frames(), 0), frames())
