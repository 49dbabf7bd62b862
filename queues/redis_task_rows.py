"""Tasks as the Lua scripts take and give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from potstill.queues.errors import MalformedMessageError
from potstill.queues.messages import Messages
from potstill.queues.payload_store import payload_scope
from potstill.queues.task import DeadLetter, Lease, Task


class RedisTaskRows:
    """Between records and rows of a ``RedisTaskQueue``; large arrays go where ``messages`` puts them."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def of_task(self, task: Task) -> tuple[Any, ...]:
        """What ``task_put`` takes of one task."""
        payload = self._messages.encode(dict(task.payload), scope=payload_scope(task.group))
        return (task.id, task.kind, task.group, task.priority, task.max_attempts, payload)

    def result(self, group: str, result: Mapping[str, Any]) -> bytes:
        """A result as it is stored."""
        return self._messages.encode(dict(result), scope=payload_scope(group))

    def of_results(self, done: Sequence[tuple[Lease, Mapping[str, Any]]]) -> list[Any]:
        """What ``task_ack`` takes of a batch."""
        return [
            value
            for lease, result in done
            for value in (lease.task.id, lease.fence, self.result(lease.task.group, result))
        ]

    def task(self, name: str, fields: Sequence[bytes]) -> Task:
        """The task of these fields: kind, group, priority, max_attempts, payload.

        Raises:
            MalformedMessageError: the payload cannot be read.
        """
        kind, group, priority, max_attempts, payload = fields
        return Task(
            id=name,
            kind=kind.decode(),
            group=group.decode(),
            priority=int(priority),
            max_attempts=int(max_attempts),
            payload=self._messages.decode(payload),
        )

    def dead_letter(self, name: str, row: Sequence[bytes]) -> DeadLetter:
        """The dead letter of the fields of a task, its attempts, error and state; without the payload if that is
        what cannot be read.
        """
        *fields, attempts, error, _ = row
        try:
            task = self.task(name, fields)
        except MalformedMessageError:
            task = Task(id=name, kind=fields[0].decode(), group=fields[1].decode())
        return DeadLetter(task=task, attempts=int(attempts), error=error.decode("utf-8", "replace"))
