"""Whether a Redis URL and a run's name are usable, found out before anything starts."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from potstill.launch.errors import BadInputError
from potstill.queues.task import ID_PATTERN

#: An unreachable server is bad input, and bad input is reported within two seconds.
CONNECT_SECONDS = 1.5
_FORMS = "redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix:///PATH"


def check_server(url: str) -> None:
    """Connect and hang up; speaks no Redis, that is the queue's business.

    Raises:
        BadInputError: not a Redis URL, or nobody listens there. Passwords are never repeated.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "localhost", parts.port or 6379
    except ValueError as error:
        raise BadInputError(f"--redis: not a URL ({error}); expected {_FORMS}") from None
    if parts.scheme == "unix":
        _connect(parts.path, shown=f"unix://{parts.path}")
    elif parts.scheme in ("redis", "rediss"):
        _connect((host, port), shown=f"{parts.scheme}://{host}:{port}")
    else:
        raise BadInputError(f"--redis: unknown scheme {parts.scheme!r}; expected {_FORMS}")


def check_run_name(run: str) -> None:
    """Raise ``BadInputError`` for a name that cannot be a run's namespace."""
    if not ID_PATTERN.match(run):
        raise BadInputError(f"--run: {run!r} is not a run's name; it must match {ID_PATTERN.pattern}")


def _connect(address: str | tuple[str, int], *, shown: str) -> None:
    try:
        if isinstance(address, tuple):
            socket.create_connection(address, timeout=CONNECT_SECONDS).close()
            return
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(CONNECT_SECONDS)
            connection.connect(address)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise BadInputError(
            f"--redis: no server answers at {shown} ({reason}); start one with: "
            "redis-server --appendonly yes, or leave --redis out where an embedded one will do"
        ) from None
