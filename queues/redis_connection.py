"""The one way to the Redis server: scripts and blocking commands in one round trip, outages ridden out."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import hiredis
import redis

from potstill.queues.errors import QueueUnavailableError
from potstill.queues.lua_scripts import Command, script_command, script_sources

#: Nothing blocks on the server for longer, so that a read time-out always means a hung server.
MAX_BLOCK_SECONDS = 1.0
#: The oldest server that knows every command we use (BLMOVE).
OLDEST_SERVER = (6, 2)

_SOCKET_TIMEOUT_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 1.0
_LARGE_WORD_BYTES = 32_768


def connect(url: str, *, timeout_seconds: float = 1.8, outage_seconds: float = 60.0) -> RedisConnection:
    """Reach the server and check that it will do.

    Args:
        url: ``redis://``, ``rediss://`` (TLS; ``?ssl_ca_certs=FILE`` for a private authority) or ``unix://``.
        timeout_seconds: For this first contact.
        outage_seconds: How long later calls keep trying to reconnect before they give up.

    Raises:
        ValueError: the URL is malformed.
        QueueUnavailableError: unreachable, wrong password, TLS mismatch or an older server; says which.
    """
    where = _without_secrets(url)
    # Two phases (TCP or TLS, then the first answer) share the time.
    phase = timeout_seconds / 2
    probe = RedisConnection(
        _pool(url, connect_timeout=phase, socket_timeout=phase), where, outage_seconds=0.0
    )
    try:
        _check_version(probe)
    finally:
        probe.close()
    pool = _pool(url, connect_timeout=timeout_seconds, socket_timeout=_SOCKET_TIMEOUT_SECONDS)
    return RedisConnection(pool, where, outage_seconds=outage_seconds)


class RedisConnection:
    """A thread-safe pool of connections; made by ``connect``."""

    def __init__(self, pool: redis.ConnectionPool, where: str, *, outage_seconds: float) -> None:
        self._pool = pool
        self._where = where
        self._outage_seconds = outage_seconds
        # The pool only says how to connect; its own bookkeeping costs as much as a round trip.
        self._idle: list[Any] = []
        self._process = os.getpid()

    def __repr__(self) -> str:
        return f"RedisConnection({self._where})"

    def exchange(self, *commands: Command) -> list[Any]:
        """Send the commands at once and return their answers; a blocking one holds back those after it.

        Raises:
            QueueUnavailableError: the outage outlasted the patience, or the server refused a command.
        """
        answers = self._through_outages(commands)
        unloaded = [
            index
            for index, answer in enumerate(answers)
            if isinstance(answer, redis.exceptions.NoScriptError)
        ]
        if unloaded:
            # A restarted server has forgotten the scripts; what ran before them need not run again.
            loads = [("SCRIPT LOAD", source) for source in script_sources()]
            repeated = self._through_outages([*loads, *(commands[index] for index in unloaded)])
            for index, answer in zip(unloaded, repeated[len(loads) :], strict=True):
                answers[index] = answer
        for answer in answers:
            if isinstance(answer, redis.ResponseError):
                raise QueueUnavailableError(f"Redis at {self._where} refused a command: {answer}") from answer
        return answers

    def script(self, name: str, base: str, *args: Any) -> Any:
        """Run one Lua script in one round trip."""
        return self.exchange(script_command(name, base, *args))[0]

    def close(self) -> None:
        """Close the sockets; the connection may be used again."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.disconnect()

    def _through_outages(self, commands: Sequence[Command]) -> list[Any]:
        give_up = time.monotonic() + self._outage_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            # A connection that waited since an earlier outage fails at once; that is no news of the server.
            pause_now = 0.0 if self._idle else pause
            try:
                return self._attempt(commands)
            except redis.AuthenticationError as error:
                raise QueueUnavailableError(
                    f"Redis at {self._where} refused the user or password: check the URL"
                ) from error
            except (redis.ConnectionError, redis.TimeoutError, redis.InvalidResponse, OSError) as error:
                if time.monotonic() + pause_now > give_up:
                    raise QueueUnavailableError(_unreachable(self._where, error)) from error
            if pause_now:
                # Jitter: a hundred workers must not return in step.
                time.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _attempt(self, commands: Sequence[Command]) -> list[Any]:
        connection = self._borrow()
        try:
            connection.send_packed_command(_packed(commands), check_health=False)
            answers = [_answer(connection) for _ in commands]
        except BaseException:
            # Unread answers must never reach the next caller.
            connection.disconnect()
            raise
        self._idle.append(connection)
        return answers

    def _borrow(self) -> Any:
        if self._process != os.getpid():  # forked: these sockets are the parent's
            self._idle, self._process = [], os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            # Not the pool's own way: it takes what TLS sends after the handshake for a stale answer.
            return self._pool.connection_class(**self._pool.connection_kwargs)


def block_seconds(remaining: float, event_ms: int = -1) -> float:
    """How long to block: until time is up or a change is due (-1: none), at most ``MAX_BLOCK_SECONDS``."""
    until_event = MAX_BLOCK_SECONDS if event_ms < 0 else event_ms / 1000
    # Zero would mean forever.
    return max(0.002, min(remaining, until_event, MAX_BLOCK_SECONDS))


def _packed(commands: Sequence[Command]) -> list[bytes]:
    """The commands as they go over the wire, large words apart so that they are not copied."""
    buffers: list[bytes] = []
    small: list[bytes] = []
    for name, *rest in commands:
        words = (*name.split(" "), *rest)  # some names are two words
        if not any(type(word) is bytes and len(word) >= _LARGE_WORD_BYTES for word in rest):
            small.append(hiredis.pack_command(words))
            continue
        small.append(b"*%d\r\n" % len(words))
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode()
            small.append(b"$%d\r\n" % len(data))
            if len(data) < _LARGE_WORD_BYTES:
                small += (data, b"\r\n")
            else:
                buffers += (b"".join(small), data)
                small = [b"\r\n"]
    return [*buffers, b"".join(small)]


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.exceptions.BusyLoadingError:
        raise
    except redis.ResponseError as error:
        return error


def _pool(url: str, *, connect_timeout: float, socket_timeout: float) -> redis.ConnectionPool:
    scheme = url.split("://", 1)[0]
    if scheme not in ("redis", "rediss", "unix"):
        raise ValueError("a Redis URL begins with redis://, rediss:// or unix://")
    no_retry = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
    settings = {"socket_timeout": socket_timeout, "retry": no_retry, "protocol": 2, "driver_info": None}
    if scheme != "unix":
        settings |= {"socket_connect_timeout": connect_timeout, "socket_keepalive": True}
    try:
        return redis.ConnectionPool.from_url(url, **settings)
    except ValueError:
        # The original message may quote a part of the password.
        raise ValueError(
            "the Redis URL is malformed: expected redis://[USER:PASSWORD@]HOST:PORT/DB, with special "
            "characters of the password percent-encoded"
        ) from None


def _check_version(probe: RedisConnection) -> None:
    try:
        hello = probe.exchange(("HELLO", "2"))[0]
    except QueueUnavailableError as error:
        if "unknown command" not in str(error):
            raise
        hello = [b"version", b"5"]
    facts = {bytes(key): value for key, value in zip(hello[::2], hello[1::2]) if isinstance(key, bytes)}
    version = facts.get(b"version", b"0").decode()
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        raise QueueUnavailableError(
            f"{probe!r} is server version {version}: potstill needs Redis >= 6.2 or Valkey"
        )


def _unreachable(where: str, error: Exception) -> str:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "SSL" in reason or "CERTIFICATE" in reason.upper():
        return (
            f"Redis at {where} does not complete a TLS handshake ({reason}): check redis:// versus rediss://"
        )
    advice = "is the server running, and is it redis:// or rediss://?"
    return f"Redis at {where} cannot be reached ({reason}): {advice}"


def _without_secrets(url: str) -> str:
    """The URL as it may be shown: no user, password or query."""
    try:
        parts = urlsplit(url)
        host = "" if parts.hostname is None else parts.hostname + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "(malformed URL)"
    return f"{parts.scheme}://{host}{parts.path}"
