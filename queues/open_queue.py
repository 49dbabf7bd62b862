"""How other rooms get a task queue: by URL, without knowing the client library."""

from __future__ import annotations

from potstill.queues.payload_files import PayloadFiles
from potstill.queues.redis_connection import connect
from potstill.queues.redis_task_queue import RedisTaskQueue


def open_queue(
    url: str,
    run: str,
    *,
    max_waiting: int | None = None,
    retry_backoff_seconds: float = 1.0,
    outage_seconds: float = 60.0,
    payload_directory: str | None = None,
) -> RedisTaskQueue:
    """The queue of one run on the server at ``url`` (``redis://``, ``rediss://``, ``unix://``).

    Args:
        url: Of the server; its password appears in no message.
        run: Names the key space; matches ``ID_PATTERN``.
        max_waiting: ``put`` blocks while this many tasks wait; None: unbounded.
        retry_backoff_seconds: Pause after the first failed attempt; doubles with each, up to 60 s.
        outage_seconds: How long a call keeps reconnecting before ``QueueUnavailableError``.
        payload_directory: Where large arrays go (``PayloadFiles``), the same for all of the run; None: nowhere.

    Raises:
        ValueError: malformed URL, run or setting.
        QueueUnavailableError: within 2 s, in one line.
    """
    connection = connect(url, outage_seconds=outage_seconds)
    return RedisTaskQueue(
        connection,
        run,
        max_waiting=max_waiting,
        retry_backoff_seconds=retry_backoff_seconds,
        payloads=None if payload_directory is None else PayloadFiles(payload_directory),
    )
