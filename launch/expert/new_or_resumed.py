"""What a command with trials is asked to do: a new run, or the rest of an interrupted one."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from potstill.launch.errors import BadInputError
from potstill.launch.expert.shaping_teacher import with_checked_teacher
from potstill.launch.expert.trials_plan import TrialsPlan, without_repetitions
from potstill.launch.field_types import parse_text

#: What still may be said when going on.
_WITH_RESUME = {"resume", "concurrent", "ray", "debug", "command", "known_options", "words", "verb", "action"}


def new_or_resumed(
    arguments: Namespace, *, kind: str, make: Callable[[Namespace], tuple[TrialsPlan, Path]]
) -> tuple[TrialsPlan, Path, int]:
    """The plan, the run directory and how many trials run at a time.

    Args:
        arguments: With ``resume``, ``concurrent`` and ``run_dir``; the last is set, so that Ctrl-C can name it.
        kind: Of the plan that ``resume`` must hold.
        make: A new plan and its directory.

    Raises:
        BadInputError: what was given contradicts itself or is not there.
    """
    if arguments.resume:
        given = [name for name, value in vars(arguments).items() if value and name not in _WITH_RESUME]
        if given:
            raise BadInputError(
                f"--resume goes on with the run's own settings: leave out {_option(given[0])}"
            )
        root = Path(arguments.resume)
        plan = TrialsPlan.read(root)
        if plan.kind != kind:
            raise BadInputError(f"{root}: is a {plan.kind}, not a {kind}")
    else:
        try:
            plan, root = make(arguments)
        except ValueError as error:
            raise BadInputError(str(error)) from None
        trials = (replace(trial, config=with_checked_teacher(trial.config)) for trial in plan.trials)
        plan = without_repetitions(replace(plan, trials=tuple(trials)))
        _check_new(root, arguments.words)
    arguments.run_dir = str(root)
    return plan, root, _concurrent(arguments.concurrent, len(plan.trials))


def _option(name: str) -> str:
    return "FILE" if name == "file" else "--" + name.replace("_", "-")


def _check_new(root: Path, words: str) -> None:
    if (root / "config.yaml").exists():
        raise BadInputError(
            f"run_dir: {root} already holds a run; go on with '{words} --resume {root}', "
            "or choose another --run-dir"
        )
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise BadInputError(f"run_dir: {root} is not an empty folder; choose another --run-dir")


def _concurrent(text: str | None, trials: int) -> int:
    """One trial per core that this process may use, unless told otherwise."""
    if text is None:
        return min(trials, len(os.sched_getaffinity(0)))
    number = parse_text(text, int, key="--concurrent")
    if not 1 <= number <= 1024:
        raise BadInputError(f"--concurrent must be in 1..1024: got {number}")
    return number
