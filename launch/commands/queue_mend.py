"""``potstill queue retry|cancel|purge``: change what is in a run's task queue."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from potstill.launch.commands.queue_look import check_dead
from potstill.launch.errors import BadInputError
from potstill.launch.run_queue import run_queue

if TYPE_CHECKING:
    from potstill.queues.task import Ledger
    from potstill.queues.task_queue import TaskQueue


def run(arguments: Namespace) -> int:
    """Do the action named on the command line."""
    actions = {"retry": retry_dead_letters, "cancel": cancel_tasks, "purge": purge}
    with run_queue(arguments) as (queue, name):
        print(actions[arguments.action](queue, name, arguments))
    return 0


def retry_dead_letters(queue: TaskQueue, name: str, arguments: Namespace) -> str:
    """Put the named dead tasks, or all of them, back to waiting with fresh attempts."""
    dead = [letter.task.id for letter in queue.dead_letters()]
    check_dead(arguments.tasks, dead, name)
    return f"{queue.revive(arguments.tasks or dead)} tasks put back; workers will take them at once"


def cancel_tasks(queue: TaskQueue, name: str, arguments: Namespace) -> str:
    """Call off the named tasks, a group, or the run."""
    chosen = [bool(arguments.tasks), arguments.group is not None, arguments.all]
    if sum(chosen) != 1:
        raise BadInputError("what is to be cancelled? give TASK ..., --group GROUP or --all")
    if arguments.tasks:
        cancelled = queue.cancel_tasks(arguments.tasks)
    else:
        groups = queue.groups() if arguments.all else [_known(queue, name, arguments.group)]
        cancelled = sum(queue.cancel(group) for group in groups)
    return f"{cancelled} tasks cancelled; those being worked on stop with the next heartbeat"


def purge(queue: TaskQueue, name: str, arguments: Namespace) -> str:
    """Delete a group, or all the run's keys, if asked twice; files stay."""
    if arguments.group is None:
        what, tasks = f"run {name}", _tasks(queue.ledger())
    else:
        what = f"group {_known(queue, name, arguments.group)}"
        tasks = _tasks(queue.ledger(arguments.group))
    if not arguments.yes:
        raise BadInputError(f"{what} has {tasks} on this server; to delete them, add --yes")
    if arguments.group is None:
        queue.purge()
    else:
        _forget(queue, arguments.group)
    return f"{what}: {tasks} deleted from the server; its files are untouched"


def _forget(queue: TaskQueue, group: str) -> None:
    try:
        queue.forget(group)
    except ValueError as error:
        raise BadInputError(f"--group: {error}") from None


def _known(queue: TaskQueue, name: str, group: str) -> str:
    groups = queue.groups()
    if group not in groups:
        raise BadInputError(
            f"--group: run {name} has no group {group!r}; groups: {', '.join(groups) or 'none'}"
        )
    return group


def _tasks(ledger: Ledger) -> str:
    return (
        f"{ledger.submitted} tasks ({ledger.waiting} waiting, {ledger.leased} leased, {ledger.done} done, "
        f"{ledger.dead} dead, {ledger.cancelled} cancelled)"
    )
