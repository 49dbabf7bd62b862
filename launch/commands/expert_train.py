"""``potstill expert train``: one expert, new or resumed."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from potstill.launch.configuration import override
from potstill.launch.errors import BadInputError
from potstill.launch.expert.config import ExpertConfig
from potstill.launch.expert.recipes import default_expert
from potstill.launch.expert.run_folder import ExpertFolder
from potstill.launch.expert.shaping_teacher import with_checked_teacher
from potstill.launch.field_types import parse_text


def run(arguments: Namespace) -> int:
    """Check everything that can be checked, then train."""
    config, path = _resumed(arguments) if arguments.resume else _new(arguments)
    # Ctrl-C names the directory, also one that was chosen here.
    arguments.run_dir = str(path)
    # Said before the slow imports, so that something is on the screen at once.
    print(f"potstill: expert of {config.task} with {config.robot}, seed {config.seed} -> {path}", flush=True)
    from potstill.launch.expert.run_expert import run_expert

    return run_expert(config, path)


def _new(arguments: Namespace) -> tuple[ExpertConfig, Path]:
    if arguments.task is None:
        raise BadInputError("expert train: say --task TASK, e.g. --task reach-v3, or --resume RUN_DIR")
    config = default_expert(
        arguments.task,
        robot=arguments.robot or "sawyer",
        seed=parse_text(arguments.seed or "0", int, key="--seed"),
    )
    minutes = [] if arguments.minutes is None else [f"budget.minutes={arguments.minutes}"]
    config = override(config, [*minutes, *arguments.set])
    path = Path(arguments.run_dir or f"runs/{config.label}")
    ExpertFolder(path).check_new()
    return with_checked_teacher(config), path


def _resumed(arguments: Namespace) -> tuple[ExpertConfig, Path]:
    given = [
        name for name in ("task", "robot", "seed", "minutes", "run_dir", "set") if getattr(arguments, name)
    ]
    if given:
        option = given[0].replace("_", "-")
        raise BadInputError(f"--resume goes on with the run's own settings: leave out --{option}")
    path = Path(arguments.resume)
    return ExpertFolder(path).read_config(), path
