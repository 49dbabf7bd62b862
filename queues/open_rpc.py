"""How other rooms get the two ends of a remote service: by URL, without knowing the client library."""

from __future__ import annotations

from potstill.queues.redis_connection import connect
from potstill.queues.redis_rpc import RedisRpcClient, RedisRpcServer


def open_rpc_client(
    url: str, run: str, service: str, *, max_waiting: int | None = None, outage_seconds: float = 60.0
) -> RedisRpcClient:
    """The calling end of a service, e.g. ``render``; ``submit`` blocks while ``max_waiting`` requests wait.

    Raises:
        ValueError: malformed URL, run, service or setting.
        QueueUnavailableError: within 2 s, in one line.
    """
    connection = connect(url, outage_seconds=outage_seconds)
    return RedisRpcClient(connection, run, service, max_waiting=max_waiting)


def open_rpc_server(
    url: str, run: str, service: str, *, redeliver_seconds: float = 5.0, outage_seconds: float = 60.0
) -> RedisRpcServer:
    """The answering end of a service; requests not answered in ``redeliver_seconds`` go to another server.

    Raises:
        ValueError: malformed URL, run, service or setting.
        QueueUnavailableError: within 2 s, in one line.
    """
    connection = connect(url, outage_seconds=outage_seconds)
    return RedisRpcServer(connection, run, service, redeliver_seconds=redeliver_seconds)
