"""``potstill expert grid``: an expert for each task, robot and seed, as Tune trials."""

from __future__ import annotations

import itertools
import time
from argparse import Namespace
from pathlib import Path

from potstill.envs.robots.robot_names import ROBOT_NAMES, check_robot_name
from potstill.envs.task_names import MT10, TASK_NAMES, check_task_name
from potstill.launch.configuration import override
from potstill.launch.errors import BadInputError, FinishedShortError
from potstill.launch.expert.chosen_names import chosen_names
from potstill.launch.expert.new_or_resumed import new_or_resumed
from potstill.launch.expert.recipes import default_expert
from potstill.launch.expert.trials_plan import PlannedTrial, TrialsPlan
from potstill.launch.field_types import parse_text


def run(arguments: Namespace) -> int:
    """Check everything that can be checked, then train; 3 when not every trial passed its gate."""
    plan, root, concurrent = new_or_resumed(arguments, kind="grid", make=_plan)
    print(f"potstill: {len(plan.trials)} trials, {concurrent} at a time -> {root}", flush=True)
    from potstill.launch.expert.run_trials import run_trials

    report = run_trials(plan, root, concurrent=concurrent, address=arguments.ray)
    rows = report["results"]
    passed = [row for row in rows if row["gate_passed"]]
    print(f"report: {root / 'report.json'}; experts: {root / 'trials'}/*/expert")
    if len(passed) < len(rows):
        others = [row["state"] for row in rows if not row["gate_passed"]]
        named = {"finished": "below the gate"}
        counts = ", ".join(f"{len(list(g))} {named.get(s, s)}" for s, g in itertools.groupby(sorted(others)))
        raise FinishedShortError(f"{len(passed)} of {len(rows)} experts passed the gate ({counts})")
    return 0


def _plan(arguments: Namespace) -> tuple[TrialsPlan, Path]:
    if arguments.tasks is None:
        raise BadInputError("expert grid: say --tasks A,B or --tasks mt10, or --resume RUN_DIR")
    tasks = chosen_names(
        arguments.tasks, key="--tasks", check=check_task_name, groups={"mt10": MT10, "all": TASK_NAMES}
    )
    robots = chosen_names(
        arguments.robots or "sawyer", key="--robots", check=check_robot_name, groups={"all": ROBOT_NAMES}
    )
    words = chosen_names(arguments.seeds or "0", key="--seeds", check=_check_seed, groups={})
    minutes = [] if arguments.minutes is None else [f"budget.minutes={arguments.minutes}"]
    trials = tuple(
        PlannedTrial(
            config=override(default_expert(task, robot=robot, seed=int(word)), [*minutes, *arguments.set])
        )
        for task, robot, word in itertools.product(tasks, robots, words)
    )
    root = Path(arguments.run_dir or f"runs/grid-{time.strftime('%Y%m%d-%H%M%S')}")
    return TrialsPlan(kind="grid", asha=bool(arguments.asha), trials=trials), root


def _check_seed(word: str) -> None:
    parse_text(word, int, key="--seeds")
