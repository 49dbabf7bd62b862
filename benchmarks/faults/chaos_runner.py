"""A runner to be killed: puts the tasks, waits for the ledger, and starts over from server and files when restarted.

``python chaos_runner.py URL RUN FOLDER COUNT TASK_SECONDS LEDGER``: writes the settled ledgers by group, and what the
ledger says was committed for each task, to the file LEDGER.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import asdict
from pathlib import Path

from potstill.queues.open_queue import open_queue
from potstill.queues.task import Task

sys.path.insert(0, str(Path(__file__).parent))
from result_folder import ResultFolder

#: Kills are no fault of the task: only poison may use up its attempts.
ATTEMPTS = {"work": 1000, "poison": 3, "cancelled": 1000}


def make_tasks(count: int, seconds: float) -> list[Task]:
    """``count`` tasks of about ``seconds``; 1 in 100 is ten times as long, 1 in 200 poison, 1 in 50 to be cancelled."""
    rng = random.Random(0)
    tasks = []
    for group, many in group_sizes(count).items():
        for index in range(many):
            length = seconds * (10 if rng.random() < 0.01 else rng.uniform(0.2, 1.6))
            payload = {"seconds": length, "poison": group == "poison"}
            about = {"kind": "work", "group": group, "payload": payload, "max_attempts": ATTEMPTS[group]}
            tasks.append(Task(id=f"{group}.{index:05d}", **about))
    rng.shuffle(tasks)
    return tasks


def group_sizes(count: int) -> dict[str, int]:
    """How many tasks of each group ``make_tasks`` makes; together ``count``."""
    poison, cancelled = max(1, count // 200), max(1, count // 50)
    return {"work": count - poison - cancelled, "poison": poison, "cancelled": cancelled}


def main() -> None:
    """Until every group is settled and complete."""
    url, run, folder, count, seconds, target = sys.argv[1:]
    queue, results = open_queue(url, run), ResultFolder(folder)
    tasks, sizes = make_tasks(int(count), float(seconds)), group_sizes(int(count))
    ledgers = {}
    while not ledgers or not all(
        ledger.settled and ledger.submitted == sizes[group] for group, ledger in ledgers.items()
    ):
        if any(ledger.submitted != sizes[group] for group, ledger in ledgers.items()) or not ledgers:
            # A new runner, or a server that came back with less: what files prove is done, the rest is put.
            proven = [task for task in tasks if task.id in results.names()]
            queue.adopt(proven, [{"committed": results.read(task.id)} for task in proven])
            queue.put(tasks)
        queue.cancel("cancelled")
        ledgers = {group: queue.gather(group, wait_seconds=5.0) for group in sizes}
    committed = {name: body["committed"].decode() for name, body in queue.results("work").items()}
    outcome = {
        "ledgers": {group: asdict(ledger) for group, ledger in ledgers.items()},
        "committed": committed,
    }
    Path(target).write_text(json.dumps(outcome), "utf-8")


if __name__ == "__main__":
    main()
