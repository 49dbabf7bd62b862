"""The header of a safetensors file, checked against the file's size: where each array lies."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: More than any header of ours; keeps a corrupt length from allocating the machine's memory.
MAX_HEADER_BYTES = 1 << 24
#: Types of arrays, in the order in which a file holds them.
DTYPES = {
    "I64": np.int64,
    "F64": np.float64,
    "F32": np.float32,
    "I32": np.int32,
    "F16": np.float16,
    "I16": np.int16,
    "U8": np.uint8,
    "BOOL": np.bool_,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ArraySpec:
    """Where one array lies in its file."""

    offset: int
    """Bytes from the start of the file."""
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def nbytes(self) -> int:
        """Size in the file."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True, kw_only=True, slots=True)
class SafetensorsHeader:
    """Arrays by name and the free metadata strings."""

    arrays: Mapping[str, ArraySpec]
    metadata: Mapping[str, str]

    @classmethod
    def read(cls, descriptor: int) -> SafetensorsHeader:
        """Parse the header of an open file.

        Raises:
            ValueError: not a safetensors file, truncated, or with bytes that belong to no array.
        """
        size = os.fstat(descriptor).st_size
        length = int.from_bytes(os.pread(descriptor, 8, 0), "little")
        if size < 8 or not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
            raise ValueError(f"not a safetensors file, or truncated ({size} bytes)")
        try:
            raw = json.loads(os.pread(descriptor, length, 8))
            metadata = raw.pop("__metadata__", {})
            arrays = {name: _spec(entry, start=8 + length) for name, entry in raw.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"unreadable safetensors header: {error}") from error
        _check_cover(arrays, start=8 + length, size=size)
        return cls(arrays=arrays, metadata=metadata)


def pread_into(descriptor: int, buffer: memoryview, offset: int, path: Path | str) -> None:
    """Fill ``buffer`` from ``offset`` of an open file without moving its cursor or mapping it.

    Raises:
        ValueError: the file ends before the buffer is full.
    """
    done = 0
    while done < len(buffer):
        got = os.preadv(descriptor, [buffer[done:]], offset + done)
        if got == 0:
            raise ValueError(f"{path}: truncated: wanted {len(buffer)} bytes at {offset}, got {done}")
        done += got


def _spec(entry: dict, *, start: int) -> ArraySpec:
    begin, end = entry["data_offsets"]
    spec = ArraySpec(
        offset=start + begin,
        shape=tuple(int(n) for n in entry["shape"]),
        dtype=np.dtype(DTYPES[entry["dtype"]]),
    )
    if min(spec.shape, default=0) < 0 or end - begin != spec.nbytes:
        raise ValueError(f"{end - begin} bytes do not hold {spec.shape} {spec.dtype}")
    return spec


def _check_cover(arrays: Mapping[str, ArraySpec], *, start: int, size: int) -> None:
    """The arrays must fill the file exactly, without gap or overlap."""
    position = start
    for spec in sorted(arrays.values(), key=lambda spec: (spec.offset, spec.nbytes)):
        if spec.offset != position:
            raise ValueError(f"gap or overlap at byte {position}")
        position += spec.nbytes
    if position != size:
        raise ValueError(f"truncated or over-long: {size} bytes instead of {position}")
