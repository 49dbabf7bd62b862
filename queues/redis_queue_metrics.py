"""Reads the metrics of a run from its Redis server, in one round trip."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any

from potstill.queues.codec import decode
from potstill.queues.duration_histogram import BOUNDS
from potstill.queues.errors import MalformedMessageError
from potstill.queues.lua_scripts import script_command
from potstill.queues.queue_metrics import QueueMetrics, kind_metrics
from potstill.queues.redis_connection import RedisConnection
from potstill.queues.task import Ledger

#: What stands where in ``tallies:KIND`` (``TALLY`` in ``lua/task_state.lua``): big-endian 64-bit counters.
_TALLIES = (
    *("delivered", "failed", "expired"),
    *(f"{what}:{part}" for what in ("waited", "worked") for part in ("sum", *range(len(BOUNDS)))),
)


def redis_queue_metrics(connection: RedisConnection, base: str) -> QueueMetrics:
    """The metrics of the run whose keys begin with ``base``; see ``TaskQueue.metrics``."""
    (rows, groups), beats = connection.exchange(
        script_command("task_metrics", base), script_command("worker_list", base)
    )
    kinds = {name.decode(): (*counts, _tallies(packed)) for name, *counts, packed in sorted(rows)}
    totals = sum((Counter(tallies) for *_, tallies in kinds.values()), Counter())
    by_group = {name.decode(): _counts(counts) for name, counts in sorted(groups)}
    return QueueMetrics(
        ledger=Ledger(**sum(map(Counter, by_group.values()), Counter())),
        groups={name: Ledger(**counts) for name, counts in by_group.items()},
        kinds={
            kind: kind_metrics(waiting=waiting, oldest_seconds=oldest_ms / 1000, tallies=tallies)
            for kind, (waiting, _, oldest_ms, tallies) in kinds.items()
        },
        backing_off=sum(delayed for _, delayed, *_ in kinds.values()),
        deliveries=totals["delivered"],
        failures=totals["failed"],
        expiries=totals["expired"],
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


def _counts(rows: Sequence[Any]) -> dict[str, int]:
    return {name.decode(): count for name, count in zip(rows[::2], rows[1::2], strict=True)}


def _tallies(packed: bytes) -> dict[str, int]:
    # The server's string ends with the last counter that was ever raised.
    size = 8 * len(_TALLIES)
    return dict(zip(_TALLIES, struct.unpack(f">{len(_TALLIES)}q", packed.ljust(size, b"\0")), strict=True))
