"""A reading of the queue as people and scripts want to see it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from potstill.queues.queue_metrics import KindMetrics, QueueMetrics

_COUNTS = ("submitted", "waiting", "leased", "done", "dead", "cancelled", "duplicates")


def queue_facts(metrics: QueueMetrics) -> dict[str, Any]:
    """The reading as JSON values."""
    return {
        "total": asdict(metrics.ledger),
        "groups": {group: asdict(ledger) for group, ledger in metrics.groups.items()},
        "kinds": {kind: _kind_facts(facts) for kind, facts in metrics.kinds.items()},
        "backing_off": metrics.backing_off,
        "deliveries": metrics.deliveries,
        "failures": metrics.failures,
        "expiries": metrics.expiries,
        "workers": {owner: dict(facts) for owner, facts in metrics.workers.items()},
    }


def queue_lines(metrics: QueueMetrics) -> list[str]:
    """The reading as tables: groups, kinds, workers."""
    lines = _table(
        ["group", *_COUNTS],
        [[group, *(asdict(ledger)[name] for name in _COUNTS)] for group, ledger in metrics.groups.items()],
    )
    heads = ["kind", "waiting", "oldest s", "wait p50", "wait p99", "work p50", "work p99"]
    lines += ["", *_table(heads, [_kind_row(kind, facts) for kind, facts in metrics.kinds.items()])]
    lines += ["", f"workers alive: {len(metrics.workers)}"]
    for owner, facts in sorted(metrics.workers.items()):
        said = ", ".join(
            f"{name} {facts[name]}" for name in ("units_per_second", "busy_share") if name in facts
        )
        lines.append(f"  {owner}{': ' if said else ''}{said}")
    lines.append(
        f"deliveries {metrics.deliveries}, failed {metrics.failures}, expired {metrics.expiries}, "
        f"backing off {metrics.backing_off}"
    )
    return lines


def queue_line(metrics: QueueMetrics) -> str:
    """The reading in one line."""
    total = metrics.ledger
    oldest = max((facts.oldest_seconds for facts in metrics.kinds.values()), default=0.0)
    return (
        f"waiting={total.waiting} leased={total.leased} done={total.done} dead={total.dead} "
        f"cancelled={total.cancelled} oldest={oldest:.1f}s workers={len(metrics.workers)}"
    )


def _kind_facts(facts: KindMetrics) -> dict[str, float | None]:
    quantiles = {
        f"{name}_p{round(100 * share)}_seconds": _finite(histogram.quantile(share))
        for name, histogram in (("wait", facts.waited), ("work", facts.worked))
        for share in (0.5, 0.99)
    }
    return {"waiting": facts.waiting, "oldest_seconds": round(facts.oldest_seconds, 3), **quantiles}


def _kind_row(kind: str, facts: KindMetrics) -> list[Any]:
    bounds = [facts.waited.quantile(0.5), facts.waited.quantile(0.99)]
    bounds += [facts.worked.quantile(0.5), facts.worked.quantile(0.99)]
    # Known to a factor of two only: the bound of a bucket.
    return [kind, facts.waiting, f"{facts.oldest_seconds:.1f}", *(f"<={bound:.3g}" for bound in bounds)]


def _finite(seconds: float) -> float | None:
    """JSON has no infinity."""
    return seconds if math.isfinite(seconds) else None


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    table = [list(heads), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in table
    ]
