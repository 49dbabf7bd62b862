r"""The experiment's controls: recipes x tasks x seeds through the command line, and the table of what they reached.

The whole table of docs/results/controls.md is one call:

    benchmarks/controls.py --runs runs/controls

One run after the other; finished runs in ``--runs`` are read, not repeated, an interrupted one is resumed, so the
command may be stopped and given again at any time. Subsets by ``--recipes``, ``--tasks`` and ``--seeds``;
``--table-only`` makes the table of the runs that there are. It is printed, and written beside the runs as
``controls.md`` and ``controls.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

from measurement import print_measurement
from pipeline_run import run_pipeline
from tables.controls_table import ControlRun, controls_table, figures_of, warp_statement

from potstill.launch.reporting.duration_text import duration_text

RECIPES = (
    "expert", "state-only", "blind", "raw-rgb", "randomised", "procedural-k1", "procedural-k3", "procedural",
    "procedural-k15", "no-warp", "bc-only",
)  # fmt: skip
TASKS = ("reach-v3", "button-press-topdown-v3")
SEEDS = (0, 1, 2)
#: Of one run on two 2.5 GHz cores; only for the first guess of the time left.
USUAL_SECONDS = 180.0
#: As small as it goes; with --quick.
QUICK = (
    "policy.encoder=patch", "rounds=1", "bootstrap_rollouts=4", "rollouts=2", "render.size=32", "rollout.max_steps=20",
    "rollout.hold_steps=2", "rollout.batch=4", "learner.gradient_steps=10", "learner.batch_size=16",
    "evaluation.episodes=2", "evaluation.final_episodes=2", "evaluation.max_steps=20", "pools.rollout_workers=1",
    "pools.render_workers=1", "pools.learner_threads=1",
)  # fmt: skip


def main() -> None:
    arguments = _parse()
    wanted = [(r, t, s) for s, t, r in product(arguments.seeds, arguments.tasks, arguments.recipes)]
    failed = [] if arguments.table_only else _run_all(arguments, wanted)
    runs = [ControlRun.read(_folder(arguments.runs, *case)) for case in wanted]
    finished = [run for run in runs if run is not None]
    if not finished:
        raise SystemExit(f"{arguments.runs}: holds no finished run of these recipes, tasks and seeds")
    figures = figures_of(finished) | {"runs_wanted": len(wanted)}
    text = f"{controls_table(finished)}\n{warp_statement(finished)}"
    print(f"\n{text}", flush=True)
    (arguments.runs / "controls.md").write_text(text)
    (arguments.runs / "controls.json").write_text(json.dumps(figures, indent=1) + "\n")
    print_measurement("controls", figures, {})
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES))
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--runs", type=Path, help="folder of the run directories (default: a temporary one)")
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="KEY=VALUE", help="further settings of each run"
    )
    parser.add_argument("--table-only", action="store_true", help="run nothing; the table of what there is")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="two recipes, one task, one seed, tiny: proves the script, no claim",
    )
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.recipes, arguments.tasks, arguments.seeds = (
            ["procedural", "procedural-k1"],
            ["reach-v3"],
            [0],
        )
        arguments.set = [*QUICK, *arguments.set]
    arguments.runs = arguments.runs or Path(tempfile.mkdtemp(prefix="potstill-controls-"))
    arguments.runs.mkdir(parents=True, exist_ok=True)
    return arguments


def _folder(runs: Path, recipe: str, task: str, seed: int) -> Path:
    return runs / f"{recipe}.{task}.{seed}"


def _run_all(arguments: argparse.Namespace, wanted: list[tuple[str, str, int]]) -> list[str]:
    """Do what is not done; gives the names of runs that failed. One failure does not cost the others."""
    left = [case for case in wanted if ControlRun.read(_folder(arguments.runs, *case)) is None]
    _say(f"{len(wanted)} runs, {len(left)} to do, about {duration_text(len(left) * USUAL_SECONDS)}")
    failed, seconds = [], []
    for number, case in enumerate(left, start=1):
        folder = _folder(arguments.runs, *case)
        started = time.monotonic()
        recipe, task, seed = case
        code = run_pipeline(folder, "dagger", recipe, [f"task={task}", f"seed={seed}", *arguments.set])
        seconds.append(time.monotonic() - started)
        run = ControlRun.read(folder)
        if run is None:
            failed.append(folder.name)
        outcome = str(run.final) if run is not None else f"failed with exit code {code}, see {folder}.log"
        time_left = duration_text((len(left) - number) * sum(seconds) / number)
        _say(f"[{number}/{len(left)}] {folder.name}: {outcome}; {seconds[-1]:.0f} s, about {time_left} left")
    return failed


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
