"""Large arrays beside the messages of one process."""

from __future__ import annotations

import uuid

import xxhash

from potstill.queues.errors import MalformedMessageError, PayloadMissingError
from potstill.queues.payload_store import DEFAULT_THRESHOLD_BYTES


class MemoryPayloads:
    """Twin of ``PayloadFiles``."""

    def __init__(self, *, threshold_bytes: int = DEFAULT_THRESHOLD_BYTES) -> None:
        self._threshold_bytes = threshold_bytes
        self._kept: dict[str, bytes] = {}

    def write(self, scope: str, data: memoryview) -> tuple[str, int] | None:
        """Keep a copy of these bytes; see ``PayloadStore.write``."""
        if data.nbytes < self._threshold_bytes:
            return None
        name = f"{scope}+{uuid.uuid4().hex}"
        self._kept[name] = bytes(data)
        return name, xxhash.xxh3_64_intdigest(data)

    def read(self, name: str, size: int) -> memoryview:
        """The kept bytes; see ``PayloadStore.read``."""
        kept = self._kept.get(name)
        if kept is None:
            raise PayloadMissingError(f"payload {name[:200]} is not here")
        if len(kept) != size or size == 0:
            raise MalformedMessageError(f"payload {name} has {len(kept)} bytes: its message says {size}")
        return memoryview(kept)

    def take(self, name: str, size: int) -> memoryview:
        """The kept bytes, kept no more; see ``PayloadStore.take``."""
        view = self.read(name, size)
        self._kept.pop(name, None)
        return view

    def free(self, scope: str) -> int:
        """Forget the bytes of a scope; see ``PayloadStore.free``."""
        names = [name for name in self._kept if name.startswith(f"{scope}+")]
        for name in names:
            del self._kept[name]
        return len(names)

    def free_all(self) -> None:
        """Forget everything."""
        self._kept.clear()
