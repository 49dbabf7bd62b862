r"""One network for many tasks and robots: runs of several seeds through the command line, and what they reached.

    benchmarks/collective.py --runs runs/collective

One run of the recipe after the other; finished runs in ``--runs`` are read, not repeated, an interrupted one is
resumed, so the command may be stopped and given again at any time. ``rows`` pools the final evaluations by context
over seen and unseen robots, with each seed's own rate: the spread between seeds is what an interval over episodes
does not know. ``rounds`` has the policies of the rounds, ``probes`` the codes of the transformer.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from measurement import print_measurement
from pipeline_run import finished_report, run_pipeline

from potstill.launch.reporting.success_rate import SuccessRate

GROUPS = ("all seen", "all unseen")


def main() -> None:
    arguments = parse()
    folders = {seed: arguments.runs / f"seed_{seed}" for seed in arguments.seeds}
    for seed, folder in folders.items():
        if finished_report(folder) is None:
            began = time.monotonic()
            code = run_pipeline(folder, "collective", arguments.recipe, [f"seed={seed}", *arguments.set])
            print(
                f"seed {seed}: exit code {code}, {time.monotonic() - began:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    reports = {seed: report for seed, folder in folders.items() if (report := finished_report(folder))}
    if len(reports) < len(folders):
        raise SystemExit(
            f"not finished: seeds {sorted(set(folders) - set(reports))}; see {arguments.runs}/*.log"
        )
    figures = {
        "recipe": arguments.recipe,
        "seeds": list(reports),
        "settings": arguments.set,
        "wall_seconds": {seed: report["wall_seconds"] for seed, report in reports.items()},
        "rows": pooled_rows(reports),
        "cells": pooled_cells(reports),
        "rounds": {
            seed: [(entry["success_rate"], entry["eval_episodes"]) for entry in report["rounds"]]
            for seed, report in reports.items()
        },
        "probes": {
            seed: {
                name: report["representation"][name] for name in ("task_probe", "robot_probe", "robot_chance")
            }
            for seed, report in reports.items()
            if report["representation"]
        },
    }
    print_measurement("collective", figures, {})


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", default="collective")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--runs", type=Path, help="folder of the run directories (default: a temporary one)")
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="KEY=VALUE", help="further settings of each run"
    )
    parser.add_argument(
        "--quick", action="store_true", help="recipe smoke, one seed: proves the script, no claim"
    )
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.recipe, arguments.seeds = "smoke", [0]
    arguments.runs = arguments.runs or Path(tempfile.mkdtemp(prefix="potstill-collective-"))
    arguments.runs.mkdir(parents=True, exist_ok=True)
    return arguments


def pooled_rows(reports: dict[int, dict]) -> list[dict]:
    """A row for each context and group of robots, over all seeds."""
    rows = []
    for context in dict.fromkeys(row["context"] for report in reports.values() for row in report["summary"]):
        for group in GROUPS:
            by_seed = {
                seed: row
                for seed, report in reports.items()
                for row in report["summary"]
                if (row["context"], row["robots"]) == (context, group)
            }
            if by_seed:
                rows.append({"context": context, "robots": group} | pooled(by_seed))
    return rows


def pooled_cells(reports: dict[int, dict]) -> dict[str, dict[str, float]]:
    """By context and robot/task the mean success over seeds."""
    cells: dict[str, dict[str, list[float]]] = {}
    for report in reports.values():
        for row in report["results"]:
            cell = cells.setdefault(row["context"], {}).setdefault(f"{row['robot']}/{row['task']}", [])
            cell.append(row["success_rate"])
    return {
        context: {name: sum(rates) / len(rates) for name, rates in named.items()}
        for context, named in cells.items()
    }


def pooled(by_seed: dict[int, dict]) -> dict:
    episodes = sum(row["eval_episodes"] for row in by_seed.values())
    found = {"episodes": episodes}
    for name, told in (("success_rate", "success"), ("final_step_success_rate", "final_step_success")):
        successes = sum(round(row[name] * row["eval_episodes"]) for row in by_seed.values())
        rate = SuccessRate(successes=successes, episodes=episodes)
        found |= {told: rate.rate, f"{told}_ci95": list(rate.ci95)}
    return found | {"by_seed": {seed: row["success_rate"] for seed, row in by_seed.items()}}


if __name__ == "__main__":
    main()
