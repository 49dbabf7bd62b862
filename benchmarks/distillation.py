r"""Success per DAgger round over seeds, for recipes and tasks: whole runs through the command line, nothing else.

The full figure of docs/results/distillation.md is two calls:

    benchmarks/distillation.py --recipes demo demo-bc --seeds 0 1 2 --runs runs/curves
    benchmarks/distillation.py --recipes demo --seeds 0 --runs runs/tasks --steps 200 \
        --tasks button-press-topdown-v3 drawer-close-v3 window-close-v3 door-open-v3

Finished runs in ``--runs`` are read, not repeated; an interrupted one is resumed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from measurement import print_measurement

from potstill.launch.reporting.success_rate import SuccessRate

POTSTILL = str(Path(sys.executable).parent / "potstill")


def main() -> None:
    arguments = _parse()
    figures: dict[str, Any] = {}
    for recipe in arguments.recipes:
        for task in arguments.tasks:
            reports = [_report(arguments, recipe, task, seed) for seed in arguments.seeds]
            figures[f"{recipe} {task}"] = _summary(reports)
            print(f"{recipe} {task}: {json.dumps(figures[f'{recipe} {task}'])}", flush=True)
    print_measurement("distillation", figures, {})


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipes", nargs="+", default=["demo", "demo-bc"])
    parser.add_argument("--tasks", nargs="+", default=["reach-v3"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, help="longest episode, in rollouts and evaluation")
    parser.add_argument("--runs", type=Path, help="folder of the run directories (default: a temporary one)")
    parser.add_argument(
        "--quick", action="store_true", help="the smoke recipe once: proves the script, not a claim"
    )
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.recipes, arguments.tasks, arguments.seeds = ["smoke"], ["reach-v3"], [0]
    arguments.runs = arguments.runs or Path(tempfile.mkdtemp(prefix="potstill-distillation-"))
    return arguments


def _report(arguments: argparse.Namespace, recipe: str, task: str, seed: int) -> dict[str, Any]:
    folder = arguments.runs / f"{recipe}.{task}.{seed}"
    path = folder / "report.json"
    if not (path.exists() and json.loads(path.read_text())["finished"]):
        if (folder / "config.yaml").exists():
            command = [POTSTILL, "dagger", "resume", str(folder)]
        else:
            settings = [f"task={task}", f"seed={seed}", "pools.dashboard=false"]
            if arguments.steps:
                settings += [
                    f"rollout.max_steps={arguments.steps}",
                    f"evaluation.max_steps={arguments.steps}",
                ]
            overrides = [word for setting in settings for word in ("--set", setting)]
            command = [POTSTILL, "dagger", "run", "--recipe", recipe, "--run-dir", str(folder), *overrides]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return dict(json.loads(path.read_text()))


def _summary(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Successes pooled over seeds, with Wilson intervals; each seed's final rate beside them."""
    by_round = zip(*(report["rounds"] for report in reports), strict=True)
    committed = [entry for report in reports for entry in report["rounds"]]
    return {
        "rounds": [_pooled(list(entries)) for entries in by_round],
        "final": _pooled([report["final"] for report in reports]),
        "final_by_seed": [report["final"]["success_rate"] for report in reports],
        "wall_seconds": [round(report["wall_seconds"], 1) for report in reports],
        "episodes": sum(entry["rollouts_committed"] for entry in committed),
        "lost": sum(entry["lost"] for entry in committed),
        "duplicates": sum(entry["duplicates"] for entry in committed),
    }


def _pooled(entries: list[dict[str, Any]]) -> dict[str, Any]:
    episodes = sum(entry["eval_episodes"] for entry in entries)
    successes = sum(round(entry["success_rate"] * entry["eval_episodes"]) for entry in entries)
    pooled = SuccessRate(successes=successes, episodes=episodes)
    return {"success_rate": pooled.rate, "ci95": list(pooled.ci95), "episodes": episodes}


if __name__ == "__main__":
    main()
