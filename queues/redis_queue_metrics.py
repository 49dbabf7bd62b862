"""Reads the metrics of a run from its Redis server, in one round trip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from potstill.queues.codec import decode
from potstill.queues.errors import MalformedMessageError
from potstill.queues.lua_scripts import script_command
from potstill.queues.queue_metrics import QueueMetrics, kind_metrics
from potstill.queues.redis_connection import RedisConnection
from potstill.queues.task import Ledger


def redis_queue_metrics(connection: RedisConnection, base: str) -> QueueMetrics:
    """The metrics of the run whose keys begin with ``base``; see ``TaskQueue.metrics``."""
    (backing_off, tally_rows, kinds, groups), beats = connection.exchange(
        script_command("task_metrics", base), script_command("worker_list", base)
    )
    tallies = _counts(tally_rows)
    by_group = {name.decode(): _counts(counts) for name, counts in sorted(groups)}
    return QueueMetrics(
        ledger=Ledger(**sum(map(Counter, by_group.values()), Counter())),
        groups={name: Ledger(**counts) for name, counts in by_group.items()},
        kinds={
            kind.decode(): kind_metrics(
                kind.decode(), waiting=int(waiting), oldest_seconds=oldest_ms / 1000, tallies=tallies
            )
            for kind, waiting, oldest_ms in sorted(kinds)
        },
        backing_off=backing_off,
        deliveries=tallies.get("delivered", 0),
        failures=tallies.get("failed", 0),
        expiries=tallies.get("expired", 0),
        workers=read_facts(beats),
    )


def read_facts(rows: Sequence[bytes]) -> dict[str, dict]:
    """Facts of heartbeats by owner; of one that cannot be read, the reason."""
    return {owner.decode(): _facts(body) for owner, body in zip(rows[::2], rows[1::2], strict=True)}


def _facts(body: bytes) -> dict:
    try:
        return decode(body)
    except MalformedMessageError as error:
        return {"error": f"heartbeat cannot be read: {error}"}


def _counts(rows: Sequence[bytes]) -> dict[str, int]:
    return {name.decode(): int(count) for name, count in zip(rows[::2], rows[1::2], strict=True)}
