from __future__ import annotations

import numpy as np
import pytest

from potstill.envs.fast_metaworld.fast_numpy import fast_numpy

VECTOR = np.random.default_rng(0).normal(size=12)
CASES = [
    ("linalg.norm", (VECTOR[:3],)),
    ("linalg.norm", (VECTOR[:6:2],)),
    ("linalg.norm", (VECTOR,)),
    ("linalg.norm", (VECTOR[:0],)),
    ("linalg.norm", (VECTOR.astype(np.float32),)),
    ("linalg.norm", (VECTOR.reshape(3, 4),)),
    ("linalg.norm", ([3, 4],)),
    ("linalg.norm", (VECTOR[0],)),
    ("linalg.norm", (-2.5,)),
    ("linalg.norm", (VECTOR, 1)),
    ("hstack", ((VECTOR[:2], VECTOR[:3]),)),
    ("hstack", ((VECTOR[0], VECTOR[1]),)),
    ("hstack", ((VECTOR[0], VECTOR[:3]),)),
    ("hstack", ((1, 2.5),)),
    ("hstack", ([VECTOR[:2], VECTOR[:3]],)),
    ("hstack", ((VECTOR.reshape(3, 4), VECTOR.reshape(3, 4)),)),
    ("clip", (VECTOR[0], 0.0, 0.01)),
    ("clip", (np.float32(-1.7), -1, 1)),
    ("clip", (np.float32(0.3), -1, 1)),
    ("clip", (np.float64("nan"), 0.0, 1.0)),
    ("clip", (1.5, 0.0, 1.0)),
    ("clip", (VECTOR, -0.1, 0.1)),
]


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_it_gives_numpys_bits_and_types(name: str, arguments: tuple) -> None:
    def call(module):
        for part in name.split("."):
            module = getattr(module, part)
        return module(*arguments)

    ours, theirs = call(fast_numpy()), call(np)
    assert type(ours) is type(theirs) and ours.dtype == theirs.dtype and ours.shape == theirs.shape
    assert ours.tobytes() == theirs.tobytes()


def test_the_euclidean_norm_may_be_asked_for_by_its_order() -> None:
    assert fast_numpy().linalg.norm(VECTOR[:3], ord=2) == np.linalg.norm(VECTOR[:3], ord=2)
    with pytest.raises(ValueError, match="dim"):
        fast_numpy().linalg.norm(2.5, ord=2)


def test_norms_of_many_vectors_are_numpys_to_the_last_bit() -> None:
    norm = fast_numpy().linalg.norm
    for size in (1, 2, 3, 4, 7, 39):
        for vector in np.random.default_rng(size).normal(size=(200, size)):
            assert norm(vector) == np.linalg.norm(vector)


def test_everything_else_is_numpy_itself() -> None:
    assert fast_numpy().concatenate is np.concatenate
    assert fast_numpy().linalg.inv is np.linalg.inv
