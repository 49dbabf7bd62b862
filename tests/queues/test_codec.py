from __future__ import annotations

import struct
import time

import msgpack
import numpy as np
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from potstill.queues.codec import CODEC_VERSION, decode, encode
from potstill.queues.errors import MalformedMessageError

DTYPES = st.sampled_from([np.dtype(o + c) for c in "?bBhHiIlLqQefdgFDG" for o in "<>"])
ARRAYS = st_np.arrays(DTYPES, st_np.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
MESSAGES = st.recursive(
    SCALARS | ARRAYS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FAST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def same(one, two):
    if isinstance(one, np.ndarray):
        return (
            isinstance(two, np.ndarray)
            and one.dtype == two.dtype
            and one.dtype.str == two.dtype.str
            and one.shape == two.shape
            and np.array_equal(one, two, equal_nan=True)
        )
    if isinstance(one, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, dict):
        return list(one) == list(two) and all(same(one[key], two[key]) for key in one)
    return type(one) is type(two) and one == two


def forged(structure, blocks=b""):
    """A message whose header and checksum are right, whatever is inside."""
    body = structure + bytes(-len(structure) % 16) + blocks
    checksum = xxhash.xxh3_64_intdigest(body, seed=len(structure))
    return struct.pack("<4sB3xQQQ", b"ptsl", CODEC_VERSION, len(body), len(structure), checksum) + body


@given(MESSAGES)
@FAST
def test_what_is_encoded_comes_back(message):
    assert same(message, decode(encode(message)))


@given(st.binary(max_size=200))
@FAST
def test_random_bytes_are_malformed(data):
    with pytest.raises(MalformedMessageError):
        decode(data)


@given(MESSAGES, st.data())
@FAST
def test_one_changed_byte_is_noticed(message, data):
    encoded = bytearray(encode(message))
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(MalformedMessageError):
        decode(encoded)


@given(MESSAGES, st.data())
@FAST
def test_a_truncated_message_is_malformed(message, data):
    encoded = encode(message)
    with pytest.raises(MalformedMessageError):
        decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


@given(st.binary(max_size=100), st.binary(max_size=32))
@FAST
def test_a_forged_structure_raises_nothing_else(structure, blocks):
    try:
        decode(forged(structure, blocks))
    except MalformedMessageError:
        pass


@pytest.mark.parametrize(
    "description",
    [
        ["<f8", [4], 0],
        ["<f8", [-1], 0],
        ["<f8", [2**62, 2**62], 0],
        ["<f8", [1], 2**63 - 1],
        ["<f8", [1], -8],
        ["|O", [1], 0],
        ["<f8", [1.5], 0],
        ["<f8", "1", 0],
        ["<f8", [1] * 99, 0],
        ["<f8", [0, 2**63 - 1], 0],
        [["<f8"], [1], 0],
        ["<f8"],
        7,
    ],
)
def test_a_forged_array_is_malformed(description):
    structure = msgpack.packb(msgpack.ExtType(1, msgpack.packb(description)))
    with pytest.raises(MalformedMessageError):
        decode(forged(structure, bytes(16)))


@pytest.mark.parametrize(
    "structure",
    [
        b"\x91" * 100_000 + b"\xc0",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc7\x01\x05x",
        b"\xa1\xff",
        b"\x81\x01\x02",
        b"\xc0\xc0",
        b"",
    ],
)
def test_a_hostile_structure_is_malformed(structure):
    with pytest.raises(MalformedMessageError):
        decode(forged(structure))


def test_another_version_is_refused_by_name():
    data = bytearray(encode({"a": 1}))
    data[4] = CODEC_VERSION + 1
    with pytest.raises(MalformedMessageError, match=f"version {CODEC_VERSION + 1}"):
        decode(data)


def test_the_size_is_capped_on_both_sides():
    message = {"image": np.zeros(10_000, np.uint8)}
    with pytest.raises(ValueError, match="exceeds the limit of 5000"):
        encode(message, max_bytes=5000)
    with pytest.raises(MalformedMessageError, match="exceeds the limit of 5000"):
        decode(encode(message), max_bytes=5000)


@pytest.mark.parametrize(
    ("message", "where"),
    [
        ({"a": [1, object()]}, r"message\.a\[1\] is a builtins\.object"),
        ({"a": np.array([None])}, r"message\.a is an array of object"),
        ({"a": np.array(["x"])}, r"message\.a is an array of <U1"),
        ({"a": {1: 2}}, r"message\.a has the key 1"),
        ({"a": {1, 2}}, r"message\.a is a builtins\.set"),
    ],
)
def test_what_cannot_be_sent_is_named_with_its_place(message, where):
    with pytest.raises(TypeError, match=where):
        encode(message)


def test_integers_beyond_64_bits_and_bottomless_nesting_are_refused():
    with pytest.raises(ValueError, match="64 bits"):
        encode({"a": 2**64})
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="deeper than 64"):
        encode(loop)


def test_non_contiguous_arrays_numpy_scalars_and_tuples_arrive_as_values():
    array = np.arange(24).reshape(2, 3, 4)
    scalars = {"n": np.float32(0.5), "b": np.True_, "p": (1, 2)}
    message = decode(encode({"t": array.T, "s": array[:, ::-2, 1:], **scalars}))
    assert np.array_equal(message["t"], array.T)
    assert np.array_equal(message["s"], array[:, ::-2, 1:])
    assert (message["n"], message["b"], message["p"]) == (0.5, True, [1, 2])
    assert type(message["n"]) is float


def test_decoded_arrays_are_aligned_read_only_views():
    data = encode({"pad": "x" * 5, "a": np.arange(3, dtype=np.uint8), "b": np.arange(1000.0)})
    message = decode(data)
    start = np.frombuffer(data, np.uint8).ctypes.data
    for array in (message["a"], message["b"]):
        assert start <= array.ctypes.data < start + len(data)
        assert array.ctypes.data % 16 == start % 16
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_megabyte_costs_about_one_copy():
    image = np.random.default_rng(0).integers(0, 255, (1024, 1024), np.uint8)

    def best(work):
        times = []
        for _ in range(30):
            started = time.perf_counter()
            work()
            times.append(time.perf_counter() - started)
        return min(times)

    data = encode({"image": image})
    # The bound is loose for a shared machine; msgpack alone would need two copies more.
    assert best(lambda: encode({"image": image})) < 4 * best(image.tobytes) + 2e-4
    assert best(lambda: decode(data)) < 2 * best(image.tobytes) + 2e-4
