"""The Lua scripts of ``queues/lua``: every change of state on the server is one of them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Any

#: Stand before the scripts of the task queue: the first before all, the others, as each costs time, before those that
#: say so.
_PARTS = ("task_state", "task_deliveries", "task_counts")

#: A Redis command as words, e.g. ``("HGET", key, field)``.
Command = tuple[Any, ...]


def script_command(name: str, base: str, *args: Any) -> Command:
    """The command that runs ``queues/lua/NAME.lua`` on the keys that begin with ``base``."""
    return ("EVALSHA", _digest(name), 1, base, *args)


def script_sources() -> list[str]:
    """What a server that knows none of the scripts must load."""
    folder = resources.files("potstill.queues") / "lua"
    names = (entry.name.removesuffix(".lua") for entry in folder.iterdir() if entry.name.endswith(".lua"))
    return [_source(name) for name in sorted(names) if name not in _PARTS]


@cache
def _source(name: str) -> str:
    body = _text(name)
    if not name.startswith("task_"):
        return body
    first, *others = _PARTS
    before = "\n".join(_text(part) for part in (first, *(p for p in others if f"-- Uses {p}.lua." in body)))
    # What a script has noted is written when it is through, whichever way it returns.
    return f"{before}\nlocal function run()\n{body}\nend\nlocal answer = run()\nflush()\nreturn answer\n"


def _text(name: str) -> str:
    return (resources.files("potstill.queues") / "lua" / f"{name}.lua").read_text("utf-8")


@cache
def _digest(name: str) -> str:
    return hashlib.sha1(_source(name).encode()).hexdigest()
