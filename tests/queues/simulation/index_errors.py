"""Whether the indexes and counts on a Redis server say what the tasks themselves say."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from potstill.queues.redis_connection import RedisConnection
from potstill.queues.redis_keys import RedisKeys

STATES = ("waiting", "leased", "done", "dead", "cancelled")


def index_errors(connection: RedisConnection, run: str) -> list[str]:
    """One line for each key of the run that is not what the hashes of its tasks ask for."""
    keys = RedisKeys(run)
    names = connection.exchange(("KEYS", keys.of("task", "*")))[0]
    rows = connection.exchange(*(("HGETALL", name) for name in names)) if names else []
    tasks = {name.decode().rpartition("task:")[2]: _text(row) for name, row in zip(names, rows, strict=True)}
    wanted = _wanted(tasks)
    groups = sorted({task["group"] for task in tasks.values()})
    kinds = sorted({task["kind"] for task in tasks.values()})
    return [
        f"{key}: {found!r} instead of {wanted[key]!r}"
        for key, found in _found(connection, keys, groups, kinds).items()
        if found != wanted[key]
    ]


def _wanted(tasks: dict[str, dict[str, str]]) -> dict[str, Any]:
    """What each key should hold."""
    wanted: dict[str, Any] = defaultdict(dict)
    wanted["groups"] = sorted({task["group"] for task in tasks.values()})
    wanted["depth"] = dict(Counter(task["kind"] for task in tasks.values() if task["state"] == "waiting"))
    wanted["ready or delayed"] = sorted(name for name, task in tasks.items() if task["state"] == "waiting")
    wanted["leases"] = {
        name: float(task["deadline"]) for name, task in tasks.items() if task["state"] == "leased"
    }
    for group in wanted["groups"]:
        mine = {name: task["state"] for name, task in tasks.items() if task["group"] == group}
        wanted[f"ledger:{group}"] = _counts(list(mine.values()))
        for index, members in (
            ("open", ("waiting", "leased")),
            ("dead", ("dead",)),
            ("cancelled", ("cancelled",)),
            ("results", ("done",)),
        ):
            wanted[f"{index}:{group}"] = sorted(name for name, state in mine.items() if state in members)
    return wanted


def _found(
    connection: RedisConnection, keys: RedisKeys, groups: list[str], kinds: list[str]
) -> dict[str, Any]:
    """What each key holds."""

    def ask(command: str, *parts: str, arguments: tuple = ()) -> Any:
        return connection.exchange((command, keys.of(*parts), *arguments))[0]

    def ledger(group: str) -> dict[str, int]:
        counts = {name: int(number) for name, number in _text(ask("HGETALL", "ledger", group)).items()}
        return {name: counts.get(name, 0) for name in ("submitted", *STATES)}

    everything = (0, -1)
    waiting = [name for kind in kinds for name in ask("ZRANGE", "waiting", kind, arguments=everything)]
    leases = _text(ask("ZRANGE", "leases", arguments=(*everything, "WITHSCORES")))
    found: dict[str, Any] = {
        "groups": _names(ask("SMEMBERS", "groups")),
        "depth": {k: int(n) for k, n in _text(ask("HGETALL", "depth")).items() if int(n)},
        "ready or delayed": _names([*waiting, *ask("ZRANGE", "delayed", arguments=everything)]),
        "leases": {name: float(deadline) for name, deadline in leases.items()},
    }
    for group in groups:
        found[f"ledger:{group}"] = ledger(group)
        found[f"results:{group}"] = _names(ask("HKEYS", "results", group))
        for index in ("open", "dead", "cancelled"):
            found[f"{index}:{group}"] = _names(ask("SMEMBERS", index, group))
    return found


def _counts(states: list[str]) -> dict[str, int]:
    return {"submitted": len(states), **{state: states.count(state) for state in STATES}}


def _names(names: list[bytes]) -> list[str]:
    return sorted(name.decode() for name in names)


def _text(row: list[bytes]) -> dict[str, str]:
    words = [word.decode("utf-8", "replace") for word in row]
    return dict(zip(words[::2], words[1::2], strict=True))
