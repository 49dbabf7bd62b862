from __future__ import annotations

import numpy as np
import pytest

from potstill.envs.compress_observation import COMPRESSED_SIZE, compress_observation

INDICES = [*range(18), *range(36, 39)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3)])
def test_it_is_the_frame_now_and_the_goal(shape: tuple[int, ...], dtype: type) -> None:
    observation = np.arange(39 * int(np.prod(shape)), dtype=dtype).reshape(*shape, 39)
    compressed = compress_observation(observation)

    assert compressed.shape == (*shape, COMPRESSED_SIZE) and compressed.dtype == dtype
    assert (compressed == observation[..., INDICES]).all()


def test_it_is_a_copy() -> None:
    observation = np.zeros(39)
    compress_observation(observation)[:] = 1.0
    assert not observation.any()


@pytest.mark.parametrize("shape", [(), (38,), (39, 2)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"observation must have shape \(\.\.\., 39\)"):
        compress_observation(np.zeros(shape))
