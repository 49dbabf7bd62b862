"""The real Redis queue with a clock that a test can move: the same Lua, but for where the time comes from."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from simulation.simulated_server import BACKOFF_MS, OpenQueue

from potstill.queues.lua_scripts import Command, script_command, script_sources
from potstill.queues.redis_connection import RedisConnection
from potstill.queues.redis_task_queue import RedisTaskQueue

_TIME = "redis.call('TIME')"
_CLOCK_KEY = "simulated-clock"
_MOVED_TIME = f"redis.call('LRANGE', '{_CLOCK_KEY}', 0, 1)"


class ClockedRedis:
    """Stands in for ``RedisConnection``: scripts read seconds and microseconds from a key instead of ``TIME``.

    Args:
        connection: To a server of the test's own.
        patches: Lua text to replace, for planted bugs; each must occur.
    """

    def __init__(self, connection: RedisConnection, patches: Mapping[str, str] | None = None) -> None:
        self.clock: Callable[[], int] = lambda: int(time.time() * 1000)
        """Milliseconds."""
        self._connection = connection
        self._set_to = -1
        self._digests = {}
        for source in script_sources():
            moved = source.replace(_TIME, _MOVED_TIME)
            for old, new in (patches or {}).items():
                moved = moved.replace(old, new)
            digest = connection.exchange(("SCRIPT", "LOAD", moved))[0]
            self._digests[hashlib.sha1(source.encode()).hexdigest()] = digest
        for text in (_TIME, *(patches or {})):
            if not any(text in source for source in script_sources()):
                raise AssertionError(f"no Lua script says {text!r}")

    def exchange(self, *commands: Command) -> list[Any]:
        """As ``RedisConnection.exchange``, at the time of the clock."""
        moved = [self._moved(command) for command in commands]
        now = self.clock()
        if now == self._set_to:
            return self._connection.exchange(*moved)
        self._set_to = now
        seconds, milliseconds = divmod(now, 1000)
        clock = [("DEL", _CLOCK_KEY), ("RPUSH", _CLOCK_KEY, seconds, 1000 * milliseconds)]
        return self._connection.exchange(*clock, *moved)[2:]

    def script(self, name: str, base: str, *args: Any) -> Any:
        """As ``RedisConnection.script``."""
        return self.exchange(script_command(name, base, *args))[0]

    def _moved(self, command: Command) -> Command:
        if command[0] != "EVALSHA":
            return command
        return ("EVALSHA", self._digests[command[1]], *command[2:])


def redis_queue_opener(
    connection: RedisConnection, run: str, patches: Mapping[str, str] | None = None
) -> OpenQueue:
    """Makes the queues of simulations, one after the other, under one run name."""
    clocked = ClockedRedis(connection, patches)

    def open_queue(
        clock_ms: Callable[[], int], caller_ms: Callable[[], int], max_waiting: int | None
    ) -> RedisTaskQueue:
        clocked.clock = clock_ms
        queue = RedisTaskQueue(clocked, run, max_waiting=max_waiting, retry_backoff_seconds=BACKOFF_MS / 1000)
        queue.purge()
        return queue

    return open_queue
