"""The table at the end of a grid or a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from potstill.launch.reporting.rate_text import rate_text


def print_trials_table(report: Mapping[str, Any]) -> None:
    """One row per trial of ``report`` (``trials_report.py``), on standard output."""
    console, table = Console(), _table(report)
    # Wider than a narrow terminal rather than with every word cut.
    console.width = max(
        console.width, Measurement.get(console, console.options.update(width=500), table).maximum
    )
    console.print(table, crop=False)


def _table(report: Mapping[str, Any]) -> Table:
    rows = report["results"]
    drawn = list(rows[0].get("drawn", ()))
    table = Table(box=None, padding=(0, 2), header_style="dim")
    head = [*(["rank", *drawn] if "rank" in rows[0] else []), "task", "robot", "seed", "state"]
    for name in (*head, "success [95 %] of n", "best evaluation", "env steps", "minutes", "expert"):
        table.add_column(name, justify="left" if name in ("task", "robot", "state", "expert") else "right")
    for row in rows:
        ranked = [str(row["rank"]), *(_shown(row["drawn"][key]) for key in drawn)] if "rank" in row else []
        best = row["best_success_rate"]
        table.add_row(
            *ranked,
            row["task"],
            row["robot"],
            str(row["seed"]),
            row["state"],
            rate_text(row) if row["eval_episodes"] else "-",
            "-" if best is None else f"{best:.2f}",
            f"{row['env_steps']:,}",
            f"{row['wall_seconds'] / 60:.1f}",
            row["expert"] or "-",
        )
    return table


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
