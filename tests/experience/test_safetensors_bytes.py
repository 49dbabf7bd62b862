"""The bytes are the library's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.numpy import load, save

from potstill.experience.safetensors_bytes import safetensors_bytes
from potstill.experience.safetensors_header import DTYPES

ANY_ARRAY = st.sampled_from(list(DTYPES.values())).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)


@settings(max_examples=80, deadline=None)
@given(
    tensors=st.dictionaries(st.text(min_size=1, max_size=5), ANY_ARRAY, max_size=6),
    text=st.text(max_size=10),
)
def test_they_are_what_the_library_writes(tensors, text):
    assert safetensors_bytes(tensors, {"facts": text}) == save(tensors, metadata={"facts": text})


def test_an_array_that_is_a_view_is_written_as_it_looks():
    grid = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert np.array_equal(load(safetensors_bytes({"turned": grid.T[1:]}, {}))["turned"], grid.T[1:])


@pytest.mark.parametrize("dtype", [">f4", np.complex64, "U3", object])
def test_a_type_that_no_episode_has_is_refused_by_name(dtype):
    with pytest.raises(ValueError, match="colour must be one of"):
        safetensors_bytes({"colour": np.zeros(2, dtype)}, {})
