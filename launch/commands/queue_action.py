"""``potstill queue ls|dead|retry|purge``: look into a run's task queue and mend it."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING

from potstill.launch.errors import BadInputError
from potstill.launch.server_check import check_run_name, check_server

if TYPE_CHECKING:
    from potstill.queues.task_queue import TaskQueue

_COUNTS = ("submitted", "waiting", "leased", "done", "dead", "cancelled", "duplicates")


def run(arguments: Namespace) -> int:
    """Do the action named on the command line."""
    check_run_name(arguments.run)
    check_server(arguments.redis)
    from potstill.queues.open_queue import open_queue

    queue = open_queue(arguments.redis, arguments.run)
    actions = {"ls": show_ledger, "dead": show_dead_letters, "retry": retry_dead_letters, "purge": purge_run}
    return actions[arguments.action](queue, arguments)


def show_ledger(queue: TaskQueue, arguments: Namespace) -> int:
    """Print the exact counts of every group, and who is alive."""
    ledgers = {group: asdict(queue.ledger(group)) for group in queue.groups()}
    workers = queue.workers()
    if arguments.json:
        print(json.dumps({"groups": ledgers, "workers": workers}, default=str))
        return 0
    if not ledgers:
        print(f"run {arguments.run}: no tasks on this server")
        return 0
    width = max(5, *map(len, ledgers))
    print("group".ljust(width), *(name.rjust(10) for name in _COUNTS))
    for group, ledger in ledgers.items():
        print(group.ljust(width), *(str(ledger[name]).rjust(10) for name in _COUNTS))
    print(f"workers alive: {len(workers)}{': ' if workers else ''}{', '.join(sorted(workers))}")
    return 0


def show_dead_letters(queue: TaskQueue, arguments: Namespace) -> int:
    """Print the tasks that used up their attempts."""
    letters = queue.dead_letters()
    if arguments.json:
        facts = [
            {"task": letter.task.id, "attempts": letter.attempts, "error": letter.error} for letter in letters
        ]
        print(json.dumps(facts))
        return 0
    for letter in letters:
        print(f"{letter.task.id}  ({letter.attempts} attempts)")
        print("    " + letter.error.strip().replace("\n", "\n    "))
    print(f"{len(letters)} dead task{'' if len(letters) == 1 else 's'}")
    return 0


def retry_dead_letters(queue: TaskQueue, arguments: Namespace) -> int:
    """Put the named dead tasks, or all of them, back to waiting with fresh attempts."""
    dead = [letter.task.id for letter in queue.dead_letters()]
    unknown = [task for task in arguments.tasks if task not in dead]
    if unknown:
        raise BadInputError(
            f"{unknown[0]}: is not a dead task of run {arguments.run}; dead: {', '.join(dead) or 'none'}"
        )
    print(f"{queue.revive(arguments.tasks or dead)} tasks put back; workers will take them at once")
    return 0


def purge_run(queue: TaskQueue, arguments: Namespace) -> int:
    """Delete the run's keys, if asked twice; its files stay."""
    total = queue.ledger()
    tasks = f"{total.submitted} tasks ({total.waiting} waiting, {total.leased} leased, {total.dead} dead)"
    if not arguments.yes:
        raise BadInputError(f"run {arguments.run} has {tasks} on this server; to delete them, add --yes")
    queue.purge()
    print(f"run {arguments.run}: {tasks} deleted from the server; its files are untouched")
    return 0
