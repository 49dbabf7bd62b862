"""A background thread that fills a small ring of batch buffers ahead of the consumer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Work = TypeVar("Work")
Buffer = TypeVar("Buffer")


class BatchStream(Generic[Work, Buffer]):
    """Iterates over ``fill(work, buffer)`` for every work, in order, computed ahead in one thread.

    The yielded result may be a view of the buffer: it is valid until the next one is asked for. Memory is
    the ring's. An error in ``fill`` is raised to the consumer at its place in the order. Close it, or
    exhaust it.
    """

    def __init__(
        self, works: Iterable[Work], fill: Callable[[Work, Buffer], Buffer], buffers: Iterable[Buffer]
    ) -> None:
        self._free: queue.SimpleQueue[Buffer | None] = queue.SimpleQueue()
        for buffer in buffers:
            self._free.put(buffer)
        self._ready: queue.SimpleQueue[tuple[Buffer, Buffer] | BaseException | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(
            target=self._run, args=(works, fill), name="batch-stream", daemon=True
        )
        self._thread.start()

    def __iter__(self) -> Iterator[Buffer]:
        try:
            while (item := self._ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                result, buffer = item
                yield result
                self._free.put(buffer)
        finally:
            self.close()

    def close(self) -> None:
        """Stop the thread and wait for it; repeating it is harmless."""
        self._closed = True
        self._free.put(None)
        self._thread.join()

    def _run(self, works: Iterable[Work], fill: Callable[[Work, Buffer], Buffer]) -> None:
        try:
            for work in works:
                buffer = self._free.get()
                if buffer is None or self._closed:
                    return
                self._ready.put((fill(work, buffer), buffer))
            self._ready.put(None)
        except BaseException as error:  # raised to the consumer
            self._ready.put(error)
