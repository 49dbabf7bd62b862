"""Whether the indexes and counts on a Redis server say what the tasks themselves say."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from potstill.queues.redis_connection import RedisConnection
from potstill.queues.redis_keys import RedisKeys


def index_errors(connection: RedisConnection, run: str) -> list[str]:
    """One line for each key of the run that is not what the hashes of its tasks ask for. Counts have no keys of their
    own: the ledger and the depth are read off these.
    """
    keys = RedisKeys(run)
    names = connection.exchange(("KEYS", keys.of("task", "*")))[0]
    rows = connection.exchange(*(("HGETALL", name) for name in names)) if names else []
    tasks = {name.decode().rpartition("task:")[2]: _text(row) for name, row in zip(names, rows, strict=True)}
    groups = sorted({task["group"] for task in tasks.values()})
    kinds = _names(connection.exchange(("SMEMBERS", keys.of("kinds")))[0])
    wanted = _wanted(tasks, kinds)
    return [
        f"{key}: {found!r} instead of {wanted[key]!r}"
        for key, found in _found(connection, keys, groups, kinds).items()
        if found != wanted[key]
    ]


def _wanted(tasks: dict[str, dict[str, str]], known_kinds: list[str]) -> dict[str, Any]:
    """What each key should hold."""
    wanted: dict[str, Any] = defaultdict(dict)
    wanted["groups"] = sorted({task["group"] for task in tasks.values()})
    # Kinds of forgotten groups stay known.
    wanted["kinds"] = sorted({*known_kinds, *(task["kind"] for task in tasks.values())})
    for kind in wanted["kinds"]:
        wanted[f"ready or delayed:{kind}"] = sorted(
            name for name, task in tasks.items() if (task["kind"], task["state"]) == (kind, "waiting")
        )
    wanted["leases"] = {
        name: float(task["deadline"]) for name, task in tasks.items() if task["state"] == "leased"
    }
    for group in wanted["groups"]:
        mine = {name: task for name, task in tasks.items() if task["group"] == group}
        wanted[f"submitted:{group}"] = dict(Counter(task["kind"] for task in mine.values()))
        for index, states in (
            ("open", ("waiting", "leased")),
            ("dead", ("dead",)),
            ("cancelled", ("cancelled",)),
            ("results", ("done",)),
        ):
            wanted[f"{index}:{group}"] = sorted(
                name for name, task in mine.items() if task["state"] in states
            )
    return wanted


def _found(
    connection: RedisConnection, keys: RedisKeys, groups: list[str], kinds: list[str]
) -> dict[str, Any]:
    """What each key holds."""

    def ask(command: str, *parts: str, arguments: tuple = ()) -> Any:
        return connection.exchange((command, keys.of(*parts), *arguments))[0]

    def scores(*parts: str) -> dict[str, float]:
        row = _text(ask("ZRANGE", *parts, arguments=(0, -1, "WITHSCORES")))
        return {name: float(score) for name, score in row.items()}

    found: dict[str, Any] = {
        "groups": _names(ask("SMEMBERS", "groups")),
        "kinds": kinds,
        "leases": scores("leases"),
    }
    for kind in kinds:
        # A list: a task in both indexes would be found twice.
        found[f"ready or delayed:{kind}"] = sorted([*scores("waiting", kind), *scores("delayed", kind)])
    for group in groups:
        submitted = _text(ask("HGETALL", "submitted", group))
        found[f"submitted:{group}"] = {kind: int(many) for kind, many in submitted.items()}
        found[f"results:{group}"] = _names(ask("HKEYS", "results", group))
        for index in ("open", "dead", "cancelled"):
            found[f"{index}:{group}"] = _names(ask("SMEMBERS", index, group))
    return found


def _names(names: list[bytes]) -> list[str]:
    return sorted(name.decode() for name in names)


def _text(row: list[bytes]) -> dict[str, str]:
    words = [word.decode("utf-8", "replace") for word in row]
    return dict(zip(words[::2], words[1::2], strict=True))
