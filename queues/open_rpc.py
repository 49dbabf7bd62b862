"""How other rooms get the two ends of a remote service: by URL, without knowing the client library."""

from __future__ import annotations

from potstill.queues.payload_files import PayloadFiles
from potstill.queues.redis_connection import connect
from potstill.queues.redis_rpc_client import RedisRpcClient
from potstill.queues.redis_rpc_server import RedisRpcServer


def open_rpc_client(
    url: str,
    run: str,
    service: str,
    *,
    max_waiting: int | None = None,
    outage_seconds: float = 60.0,
    payload_directory: str | None = None,
) -> RedisRpcClient:
    """The calling end of a service, e.g. ``render``; ``submit`` blocks while ``max_waiting`` requests wait.
    Large arrays go into files of ``payload_directory`` (None: nowhere), the same for all ends.

    Raises:
        ValueError: malformed URL, run, service or setting.
        QueueUnavailableError: within 2 s, in one line.
    """
    connection = connect(url, outage_seconds=outage_seconds)
    payloads = _payloads(payload_directory)
    return RedisRpcClient(connection, run, service, max_waiting=max_waiting, payloads=payloads)


def open_rpc_server(
    url: str,
    run: str,
    service: str,
    *,
    redeliver_seconds: float = 5.0,
    outage_seconds: float = 60.0,
    payload_directory: str | None = None,
) -> RedisRpcServer:
    """The answering end of a service; requests not answered in ``redeliver_seconds`` go to another server.

    Raises:
        ValueError: malformed URL, run, service or setting.
        QueueUnavailableError: within 2 s, in one line.
    """
    connection = connect(url, outage_seconds=outage_seconds)
    payloads = _payloads(payload_directory)
    return RedisRpcServer(connection, run, service, redeliver_seconds=redeliver_seconds, payloads=payloads)


def _payloads(directory: str | None) -> PayloadFiles | None:
    """Where large arrays go, without what dead callers left there."""
    if directory is None:
        return None
    payloads = PayloadFiles(directory)
    payloads.sweep()
    return payloads
