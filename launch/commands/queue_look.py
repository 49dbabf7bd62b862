"""``potstill queue ls|dead|metrics``: look into a run's task queue; nothing is changed."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING

from potstill.launch.errors import BadInputError
from potstill.launch.run_queue import run_queue

if TYPE_CHECKING:
    from potstill.queues.task_queue import TaskQueue


def run(arguments: Namespace) -> int:
    """Do the action named on the command line."""
    actions = {"ls": show_ledger, "dead": show_dead_letters, "metrics": show_metrics}
    with run_queue(arguments) as (queue, name):
        actions[arguments.action](queue, name, arguments)
    return 0


def show_ledger(queue: TaskQueue, name: str, arguments: Namespace) -> None:
    """Print the exact counts of every group, ages and latencies of every kind, and who is alive."""
    from potstill.launch.queue_view import queue_facts, queue_lines

    metrics = queue.metrics()
    if arguments.json:
        print(json.dumps({"run": name, **queue_facts(metrics)}, default=str))
    elif not metrics.groups:
        print(f"run {name}: no tasks on this server")
    else:
        print("\n".join(queue_lines(metrics)))


def show_dead_letters(queue: TaskQueue, name: str, arguments: Namespace) -> None:
    """Print the tasks that used up their attempts, all or some."""
    letters = queue.dead_letters()
    check_dead(arguments.tasks, [letter.task.id for letter in letters], name)
    wanted = [letter for letter in letters if not arguments.tasks or letter.task.id in arguments.tasks]
    if arguments.json:
        facts = [
            {
                "task": letter.task.id,
                "group": letter.task.group,
                "attempts": letter.attempts,
                "error": letter.error,
            }
            for letter in wanted
        ]
        print(json.dumps(facts))
        return
    for letter in wanted:
        print(f"{letter.task.id}  ({letter.attempts} attempts)")
        print("    " + letter.error.strip().replace("\n", "\n    "))
    print(f"{len(wanted)} dead task{'' if len(wanted) == 1 else 's'}")


def show_metrics(queue: TaskQueue, name: str, arguments: Namespace) -> None:
    """Print what a Prometheus server would scrape."""
    from potstill.queues.prometheus_text import prometheus_text

    print(prometheus_text(queue.metrics(), run=name), end="")


def check_dead(tasks: list[str], dead: list[str], name: str) -> None:
    """Raise ``BadInputError`` for a task that is not dead."""
    unknown = [task for task in tasks if task not in dead]
    if unknown:
        raise BadInputError(
            f"{unknown[0]}: is not a dead task of run {name}; dead: {', '.join(dead[:10]) or 'none'}"
        )
