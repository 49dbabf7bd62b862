"""The real Redis queue with a clock that a test can move: the same Lua, but for where the time comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from potstill.queues.lua_scripts import Command, script_command, script_sources
from potstill.queues.redis_connection import RedisConnection

_TIME = "redis.call('TIME')"
_CLOCK_KEY = "simulated-clock"
_MOVED_TIME = f"redis.call('LRANGE', '{_CLOCK_KEY}', 0, 1)"


class ClockedRedis:
    """Stands in for ``RedisConnection``: scripts read seconds and microseconds from a key instead of ``TIME``.

    Args:
        connection: To a server of the test's own.
        clock: Milliseconds.
    """

    def __init__(self, connection: RedisConnection, clock: Callable[[], int]) -> None:
        self._connection = connection
        self._clock = clock
        self._set_to = -1
        self._digests = {}
        for source in script_sources():
            moved = source.replace(_TIME, _MOVED_TIME)
            digest = connection.exchange(("SCRIPT", "LOAD", moved))[0]
            self._digests[hashlib.sha1(source.encode()).hexdigest()] = digest
        if not any(_TIME in source for source in script_sources()):
            raise AssertionError(f"no script says {_TIME}: the clock cannot be moved")

    def exchange(self, *commands: Command) -> list[Any]:
        """As ``RedisConnection.exchange``, at the time of the clock."""
        moved = [self._moved(command) for command in commands]
        now = self._clock()
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
