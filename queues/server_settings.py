"""The settings of a Redis server as the server itself reports them."""

from __future__ import annotations

from collections.abc import Sequence

from potstill.queues.redis_connection import connect


def server_settings(url: str, names: Sequence[str]) -> dict[str, str]:
    """Read settings back with ``CONFIG GET``; names the server does not know are left out.

    Raises:
        QueueUnavailableError: the server cannot be reached, refuses, or is still loading.
    """
    connection = connect(url, outage_seconds=0.0)
    try:
        # A server that still reads its file tells its settings, but refuses PING; it may yet find the file damaged.
        _, *answers = connection.exchange(("PING",), *(("CONFIG GET", name) for name in names))
    finally:
        connection.close()
    return {answer[0].decode(): answer[1].decode() for answer in answers if answer}
