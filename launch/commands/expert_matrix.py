"""``potstill expert matrix``: can every arm do every task?"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from potstill.envs.robots.robot_names import ROBOT_NAMES, check_robot_name
from potstill.envs.task_names import MT10, TASK_NAMES, check_task_name
from potstill.launch.errors import BadInputError
from potstill.launch.expert.chosen_names import chosen_names
from potstill.launch.expert.matrix import MatrixCell, oracle_matrix
from potstill.launch.field_types import parse_text

#: A robot is counted as able to do a task from this success rate on.
_ABLE = 0.8


def run(arguments: Namespace) -> int:
    """Print the table, or JSON; progress goes to the error stream."""
    robots = chosen_names(
        arguments.robots or "all", key="--robots", check=check_robot_name, groups={"all": ROBOT_NAMES}
    )
    tasks = chosen_names(
        arguments.tasks, key="--tasks", check=check_task_name, groups={"mt10": MT10, "all": TASK_NAMES}
    )
    episodes = _count(arguments.episodes, "--episodes", 10_000)
    workers = _count(arguments.workers, "--workers", 1_024)
    cells: dict[tuple[str, str], MatrixCell] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("episodes of the oracle", total=len(robots) * len(tasks) * episodes)
        for cell in oracle_matrix(robots, tasks, episodes=episodes, workers=workers):
            cells[cell.robot, cell.task] = cell
            progress.update(bar, advance=episodes, description=f"{cell.robot} {cell.task} {cell.success}")
    if arguments.json:
        print(json.dumps(_facts(cells, robots, tasks)))
    else:
        print(f"success of the oracle in {episodes} episodes each (95 % intervals: --json)")
        Console().print(_table(cells, robots, tasks))
    return 0


def _count(text: str, key: str, most: int) -> int:
    number = parse_text(text, int, key=key)
    if not 1 <= number <= most:
        raise BadInputError(f"{key} must be in 1..{most}: got {number}")
    return number


def _able(cells: dict[tuple[str, str], MatrixCell], robot: str, tasks: Sequence[str]) -> int:
    return sum((cells[robot, task].success.rate or 0.0) >= _ABLE for task in tasks)


def _facts(
    cells: dict[tuple[str, str], MatrixCell], robots: Sequence[str], tasks: Sequence[str]
) -> dict[str, Any]:
    results = [
        {
            "robot": cell.robot,
            "task": cell.task,
            "model_hash": cell.model_hash,
            "success_rate": cell.success.rate,
            "success_ci95": cell.success.ci95,
            "eval_episodes": cell.success.episodes,
        }
        for cell in (cells[robot, task] for robot in robots for task in tasks)
    ]
    able = {robot: _able(cells, robot, tasks) for robot in robots}
    return {"teacher": "oracle", "results": results, "tasks": len(tasks), "tasks_at_80_percent": able}


def _table(cells: dict[tuple[str, str], MatrixCell], robots: Sequence[str], tasks: Sequence[str]) -> Table:
    table = Table()
    table.add_column("task")
    for robot in robots:
        table.add_column(robot, justify="right")
    for task in tasks:
        table.add_row(task, *(f"{cells[robot, task].success.rate:.2f}" for robot in robots))
    table.add_section()
    table.add_row(
        f"tasks at {_ABLE:.0%}", *(f"{_able(cells, robot, tasks)}/{len(tasks)}" for robot in robots)
    )
    return table
