"""``potstill compare``: is one run better than the other, or do we not know?"""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict
from typing import Any

from potstill.launch.comparison import Comparison, compare_runs
from potstill.launch.errors import BadInputError
from potstill.launch.reporting.success_rate import SuccessRate
from potstill.launch.run_directory import RunDirectory, open_run_directory


def run(arguments: Namespace) -> int:
    """Print the table, or JSON."""
    a, b = open_run_directory(arguments.run_a), open_run_directory(arguments.run_b)
    worlds = [_world(directory) for directory in (a, b)]
    if worlds[0] != worlds[1]:
        raise BadInputError(
            f"{a.root} is of {worlds[0]}, {b.root} of {worlds[1]}: their rates do not compare"
        )
    rows = compare_runs(a, b)
    print(json.dumps([_facts(row) for row in rows]) if arguments.json else _table(a, b, rows))
    return 0


def _world(directory: RunDirectory) -> str:
    config = directory.read_config()
    if directory.read_pipeline() == "collective":
        # Its episodes are paired by cell and seed, not by seed alone.
        raise BadInputError(
            f"{directory.root}: is a collective run; compare is for runs of one task; see its report.json"
        )
    return f"task {config.get('task')} with {config.get('robot', 'sawyer')}"


def _facts(row: Comparison) -> dict[str, Any]:
    return {**asdict(row), "a": _rate(row.a), "b": _rate(row.b)}


def _rate(success: SuccessRate) -> dict[str, Any]:
    return {"success_rate": success.rate, "success_ci95": success.ci95, "eval_episodes": success.episodes}


def _table(a: RunDirectory, b: RunDirectory, rows: list[Comparison]) -> str:
    head = ("", "A", "B", "p", "test", "verdict")
    cells = [
        (
            row.label,
            str(row.a),
            str(row.b),
            "" if row.p_value is None else f"{row.p_value:.3g}",
            row.test,
            row.verdict,
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in (head, *cells)) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in (head, *cells)
    ]
    notes = "success [95 % Wilson interval] of episodes; p: two-sided, exact, each row on its own"
    return "\n".join([f"A = {a.root}", f"B = {b.root}", *lines, notes])
