"""Bytes for nested plain data and arrays: msgpack for the structure, raw blocks for the arrays, no pickle.

Layout: header (32 bytes: magic, version, body bytes, structure bytes, xxh3-64 of the body), structure
(msgpack), array blocks, each at a multiple of 16 bytes. In the structure an array is an extension
``[dtype, shape, offset]``, or, when its bytes lie outside of the message (``PayloadStore``), another one
``[dtype, shape, name, xxh3-64]``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np
import xxhash

from potstill.queues.errors import MalformedMessageError

#: Larger messages are refused on both sides; give the queue a directory for payloads, or send a file's path.
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
#: Changes when bytes of one version cannot be read by the other.
CODEC_VERSION = 1

_MAGIC = b"ptsl"
_HEADER = struct.Struct("<4sB3sQQQ")
_PADDING = b"\0\0\0"
_ALIGNMENT = 16
_PADDINGS = tuple(bytes(-size % _ALIGNMENT) for size in range(_ALIGNMENT))
_ARRAY_EXTENSION = 1
_OUTSIDE_EXTENSION = 2
_MAX_DEPTH = 64
_PLAIN_TYPES = frozenset({type(None), bool, int, float, str, bytes})
_DTYPES = {
    dtype.str: np.dtype(dtype.str)
    for native in map(np.dtype, "?bBhHiIlLqQefdgFDG")
    for dtype in (native, native.newbyteorder("S"))
}


#: Keeps bytes outside of the message; returns their name there and xxh3-64. None: they belong inside.
MoveOut = Callable[[memoryview], tuple[str, int] | None]
#: The bytes of that name and size.
BringIn = Callable[[str, int], memoryview]


def encode(message: Any, *, max_bytes: int = MAX_MESSAGE_BYTES, move_out: MoveOut | None = None) -> bytes:
    """Bytes of nested dicts (string keys), lists, strings, numbers, bytes, None and arrays.

    Tuples become lists and NumPy scalars become Python numbers. Arrays keep dtype (any bool, integer, float
    or complex, any byte order) and shape; a contiguous one is copied once. What ``move_out`` takes does not count
    as part of the message.

    Raises:
        TypeError: something else is in there; the message says where.
        ValueError: larger than ``max_bytes``, deeper than 64 levels, or an integer beyond 64 bits.
    """
    blocks: list[memoryview] = []
    try:
        structure = msgpack.packb(_ArrayCollector(blocks, move_out).plain(message, "message", 0))
    except OverflowError as error:
        raise ValueError(f"message holds an integer beyond 64 bits: {error}") from None
    parts: list[Any] = [structure + _PADDINGS[len(structure) % _ALIGNMENT]]
    for block in blocks:
        parts += [block, bytes(-block.nbytes % _ALIGNMENT)]
    size = sum(map(len, parts))
    if _HEADER.size + size > max_bytes:
        raise ValueError(
            f"message of {_HEADER.size + size} bytes exceeds the limit of {max_bytes}: "
            f"give the queue a directory for payloads, or put the data in a file and send its path"
        )
    checksum = _checksum(len(structure), parts)
    return b"".join((_HEADER.pack(_MAGIC, CODEC_VERSION, _PADDING, size, len(structure), checksum), *parts))


def decode(
    data: bytes | bytearray | memoryview,
    *,
    max_bytes: int = MAX_MESSAGE_BYTES,
    bring_in: BringIn | None = None,
) -> Any:
    """The message of ``encode``; arrays are read-only views (no copy) of ``data`` or of what ``bring_in`` gives,
    which they keep alive.

    Raises:
        MalformedMessageError: truncated, corrupted, over-sized or of another version.
        PayloadMissingError: a part of it lay outside and is gone.
    """
    if len(data) > max_bytes:
        raise MalformedMessageError(f"message of {len(data)} bytes exceeds the limit of {max_bytes}")
    if len(data) < _HEADER.size or bytes(data[:4]) != _MAGIC:
        raise MalformedMessageError(f"not a potstill message ({len(data)} bytes)")
    _, version, padding, size, structure_size, checksum = _HEADER.unpack_from(data)
    if version != CODEC_VERSION:
        raise MalformedMessageError(
            f"message of codec version {version}: this potstill reads {CODEC_VERSION}"
        )
    if padding != _PADDING:
        raise MalformedMessageError("message header is damaged")
    body = memoryview(data).toreadonly()[_HEADER.size :]
    if len(body) != size or structure_size > size:
        raise MalformedMessageError(f"message body has {len(body)} bytes: its header says {size}")
    if _checksum(structure_size, [body]) != checksum:
        raise MalformedMessageError("message checksum does not match: the bytes were damaged")
    blocks = body[structure_size + -structure_size % _ALIGNMENT :]
    try:
        return msgpack.unpackb(body[:structure_size], ext_hook=_ArrayReader(blocks, bring_in).read)
    except MalformedMessageError:
        raise
    # Whatever a hostile structure provokes (stack depth, huge shapes, bad UTF-8) is one thing to the caller.
    except Exception as error:
        raise MalformedMessageError(f"message cannot be decoded: {type(error).__name__}: {error}") from None


class _ArrayCollector:
    """Turns a message into what msgpack knows, moving arrays out into blocks."""

    def __init__(self, blocks: list[memoryview], move_out: MoveOut | None) -> None:
        self._blocks = blocks
        self._move_out = move_out
        self._offset = 0

    def plain(self, value: Any, where: str, depth: int) -> Any:
        kind = type(value)
        if kind in _PLAIN_TYPES:
            return value
        if depth > _MAX_DEPTH:
            raise ValueError(f"message is nested deeper than {_MAX_DEPTH} levels")
        if isinstance(value, np.ndarray):
            return self._extension(value, where)
        if isinstance(value, dict):
            for key in value:
                if type(key) is not str:
                    raise TypeError(f"{where} has the key {key!r}: keys must be strings")
            return {key: self.plain(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
        if isinstance(value, np.generic) and value.dtype.kind in "biuf" and value.dtype.char != "g":
            return value.item()
        raise TypeError(f"{where} is a {kind.__module__}.{kind.__qualname__}, which cannot be sent")

    def _extension(self, array: np.ndarray, where: str) -> msgpack.ExtType:
        if array.dtype.str not in _DTYPES:
            raise TypeError(f"{where} is an array of {array.dtype}, which cannot be sent")
        flat = np.ascontiguousarray(array).reshape(-1)
        block = flat.view(np.uint8).data
        kept = None if self._move_out is None or not block.nbytes else self._move_out(block)
        if kept is not None:
            return msgpack.ExtType(_OUTSIDE_EXTENSION, msgpack.packb([array.dtype.str, array.shape, *kept]))
        described = msgpack.packb([array.dtype.str, array.shape, self._offset])
        self._blocks.append(block)
        self._offset += block.nbytes + -block.nbytes % _ALIGNMENT
        return msgpack.ExtType(_ARRAY_EXTENSION, described)


class _ArrayReader:
    """Builds views into the array blocks of one message, or into what lies outside of it."""

    def __init__(self, blocks: memoryview, bring_in: BringIn | None) -> None:
        self._blocks = blocks
        self._bring_in = bring_in

    def read(self, code: int, described: bytes) -> np.ndarray:
        if code not in (_ARRAY_EXTENSION, _OUTSIDE_EXTENSION):
            raise ValueError(f"unknown extension {code}")
        dtype_name, shape, *place = msgpack.unpackb(described)
        dtype, count = _DTYPES[dtype_name], math.prod(shape)
        if any(length < 0 for length in shape):
            raise ValueError(f"negative length in shape {shape}")
        if code == _OUTSIDE_EXTENSION:
            name, checksum = place
            return np.frombuffer(self._outside(name, checksum, count * dtype.itemsize), dtype).reshape(shape)
        if count == 0:
            return np.empty(shape, dtype)
        return np.frombuffer(self._blocks, dtype, count, *place).reshape(shape)

    def _outside(self, name: str, checksum: int, size: int) -> memoryview:
        if self._bring_in is None:
            raise MalformedMessageError(
                "a part of the message lies outside of it, and no directory for payloads was given"
            )
        block = self._bring_in(name, size)
        if xxhash.xxh3_64_intdigest(block) != checksum:
            raise MalformedMessageError(f"payload {name} does not match its checksum: its bytes were damaged")
        return block


def _checksum(structure_size: int, parts: list[Any]) -> int:
    """xxh3-64 of the body; the seed covers the one header field that the body cannot contradict."""
    if len(parts) == 1:
        return xxhash.xxh3_64_intdigest(parts[0], structure_size)
    digest = xxhash.xxh3_64(seed=structure_size)
    for part in parts:
        digest.update(part)
    return digest.intdigest()
