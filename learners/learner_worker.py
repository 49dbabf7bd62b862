"""The learner worker: training is a leased task like any other."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from potstill.learners.errors import TrainingDivergedError
from potstill.learners.training_metrics import TrainingMetrics
from potstill.queues.errors import LeaseLostError
from potstill.queues.lease_holder import LeaseHolder
from potstill.queues.task import Lease
from potstill.queues.task_queue import TaskQueue

#: How long an idle worker waits for a task before it looks at the stop flag again.
IDLE_SECONDS = 1.0
#: How long the last progress report of a training stays readable.
PROGRESS_TTL_SECONDS = 30.0


class Trainer(Protocol):
    """Does one kind of training. What a killed one left is continued by the next call with the same payload."""

    def __call__(
        self,
        payload: Mapping[str, Any],
        *,
        threads: int,
        on_metrics: Callable[[TrainingMetrics], None],
    ) -> dict[str, Any]:
        """Train as the task's ``payload`` says, and give the task's result (JSON values).

        ``on_metrics`` is called now and then; what it raises must end the training with its state kept.
        """


class LearnerWorker:
    """lease -> train (resuming what a dead learner left) -> acknowledge.

    A diverged training is not tried again: it would diverge again. Its task becomes a dead letter at once.
    """

    def __init__(
        self,
        *,
        queue: TaskQueue,
        leases: LeaseHolder,
        trainers: Mapping[str, Trainer],
        owner: str,
        lease_seconds: float,
        threads: int,
    ) -> None:
        """``trainers`` by the kind of task; only those kinds are leased."""
        self._queue = queue
        self._leases = leases
        self._trainers = dict(trainers)
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._threads = threads

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Work until ``should_stop``; a training under way is given back and resumed by the next learner."""
        while not should_stop():
            self.work_once(should_stop, wait_seconds=IDLE_SECONDS)

    def work_once(self, should_stop: Callable[[], bool], *, wait_seconds: float) -> bool:
        """Do one training if there is one to do."""
        leases = self._queue.lease(
            list(self._trainers),
            owner=self._owner,
            lease_seconds=self._lease_seconds,
            wait_seconds=wait_seconds,
        )
        for lease in leases:
            self._leases.hold(lease)
            try:
                self._queue.ack(lease, self._train(lease, should_stop))
            except LeaseLostError:
                pass  # another learner resumed this training; its result counts
            except _StopTrainingError:
                self._queue.release(lease)
            except Exception as error:
                self._fail(lease, retry=not isinstance(error, TrainingDivergedError))
            finally:
                self._leases.drop(lease)
        return bool(leases)

    def _train(self, lease: Lease, should_stop: Callable[[], bool]) -> dict[str, Any]:
        def on_metrics(metrics: TrainingMetrics) -> None:
            if lease.task.id in self._leases.lost():
                raise LeaseLostError(f"{lease.task.id} was taken over")
            if should_stop():
                raise _StopTrainingError
            self._publish(lease, metrics)

        train = self._trainers[lease.task.kind]
        return train(lease.task.payload, threads=self._threads, on_metrics=on_metrics)

    def _publish(self, lease: Lease, metrics: TrainingMetrics) -> None:
        facts = {
            "epoch": metrics.epoch,
            "step": metrics.step,
            "steps": metrics.total_steps,
            "loss": metrics.loss,
            "validation_loss": metrics.validation_loss,
            "samples_per_second": metrics.samples_per_second,
        }
        self._queue.publish_heartbeat(f"progress.{lease.task.id}", facts, ttl_seconds=PROGRESS_TTL_SECONDS)

    def _fail(self, lease: Lease, *, retry: bool) -> None:
        try:
            self._queue.fail(lease, traceback.format_exc(limit=8), retry=retry)
        except LeaseLostError:
            pass  # the task is no longer ours to fail


class _StopTrainingError(Exception):
    """Unwinds a training that must stop; its checkpoint stays for the next learner."""
