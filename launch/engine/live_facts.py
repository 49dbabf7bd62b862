"""What only the queue of a live run knows."""

from __future__ import annotations

from typing import Any

from potstill.queues.errors import QueueError
from potstill.queues.open_queue import open_queue


def live_facts(url: str, run: str) -> dict[str, Any]:
    """``queue`` and ``oldest_waiting_seconds`` by kind of task, the ``ledger`` by group, the ``workers`` by name.

    Empty where the server does not answer: the run is ending or starting.
    """
    try:
        metrics = open_queue(url, run, outage_seconds=1.0).metrics()
    except QueueError:
        return {}
    waiting = {kind: facts for kind, facts in metrics.kinds.items() if facts.waiting}
    return {
        "queue": {kind: facts.waiting for kind, facts in waiting.items()},
        "oldest_waiting_seconds": {kind: round(facts.oldest_seconds, 1) for kind, facts in waiting.items()},
        "ledger": [{"group": group, **vars(ledger)} for group, ledger in metrics.groups.items()],
        "workers": {owner: dict(facts) for owner, facts in metrics.workers.items() if "kind" in facts},
    }
