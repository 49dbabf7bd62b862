"""The collective runner: rounds of collecting, representing, distilling and evaluating, all state in files."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from potstill.experience.episode_store import EpisodeStore
from potstill.launch.collective.stage_tasks import CollectiveTasks
from potstill.launch.collective.stages import (
    collection_stage,
    distillation_stage,
    matrix_stage,
    representation_stage,
)
from potstill.launch.collective.steps import Step
from potstill.launch.engine.event_sink import EventSink
from potstill.launch.engine.round_files import RoundFiles
from potstill.launch.engine.stage import Stage
from potstill.launch.engine.stage_execution import StageExecution
from potstill.launch.engine.stage_log import StageLog
from potstill.launch.errors import FinishedShortError, RunFailedError
from potstill.policies.collective_policy_config import ContextName
from potstill.queues.task import Ledger, Task
from potstill.queues.task_queue import TaskQueue

#: A network's (folder, sha256); both empty where there is none.
Checkpoint = tuple[str, str]


class CollectiveRunner:
    """Round 0: the experts, disturbed experts and chance act. Round i: policy i-1 acts. The experts label all of it.

    ::

        for round: rollouts -> (round 0: transformer on its windows) -> distil on the union -> evaluate
        for context: distil on all rounds from random weights -> evaluate every robot, seen and unseen, on every task

    Every stage's outputs are in files before the next begins; task ids follow from the stage's inputs. So the
    runner may be killed anywhere and started again: what is done is skipped, what is queued is awaited.
    """

    def __init__(
        self,
        *,
        tasks: CollectiveTasks,
        queue: TaskQueue,
        store: EpisodeStore,
        events: EventSink,
        look_after_pools: Callable[[], None],
    ) -> None:
        self._config = tasks.config
        self._tasks = tasks
        self._queue = queue
        self._events = events
        self._stages = StageLog(tasks.run_dir / "stages")
        self._execution = StageExecution(
            queue=queue, run_dir=tasks.run_dir, look_after_pools=look_after_pools
        )
        self._files = RoundFiles(
            run_dir=tasks.run_dir, queue=queue, store=store, stages=self._stages, events=events
        )

    def run(self, *, until: Step = "evaluate") -> None:
        """All stages up to the end of a step; the last step is all there is.

        Raises:
            FinishedShortError: tasks became dead letters; says how many episodes are missing.
            RunFailedError: a training failed; the last good checkpoint is kept.
        """
        config, main = self._config, self._config.contexts[0]
        manifests: list[str] = []
        policy: Checkpoint = ("", "")
        representation = ""
        for round_index in range(config.round_count):
            self._begin_round(round_index)
            manifests.append(self._collect(round_index, policy))
            if until == "collect":
                return self._stop(until)
            if round_index == 0 and "code" in config.contexts:
                representation = self._represent(manifests[0])
            if until == "represent":
                return self._stop(until)
            name = f"round_{round_index:02d}"
            policy = self._distil(name, main, manifests, representation, initial=policy)
            self._evaluate(name, main, policy, round_index)
            self._events.write("round_finished", round=round_index)
        finals = [
            self._distil(f"final.{context}", context, manifests, representation, initial=("", ""))
            for context in config.contexts
        ]
        if until == "distil":
            return self._stop(until)
        for context, final in zip(config.contexts, finals, strict=True):
            self._evaluate(f"final.{context}", context, final, None)
        self._events.write("run_finished")

    def _stop(self, step: Step) -> None:
        self._events.write("step_finished", step=step)

    def _begin_round(self, round_index: int) -> None:
        self._events.write(
            "round_started",
            round=round_index,
            phase="on_policy" if round_index else "bootstrap",
            rollouts_requested=len(self._config.cells) * self._config.episodes_of(round_index),
        )

    def _collect(self, round_index: int, policy: Checkpoint) -> str:
        """Collect a round; returns its manifest's hash."""
        stage = collection_stage(self._tasks.experts, round_index, policy[1])
        outputs = self._stages.outputs(stage)
        if outputs is not None:
            return str(outputs["manifest"])
        started = time.monotonic()
        self._execution.call_off_others(stage)
        self._files.make_room(stage, round_index)
        tasks = self._tasks.rollouts(stage, round_index, policy)
        self._files.reconcile(round_index, tasks)
        results = self._execution.complete(
            stage, tasks, lambda ledger: self._say_ledger("rollouts_progress", ledger, round=round_index)
        )
        outputs = self._files.seal(round_index, len(tasks))
        outputs["steps"] = sum(int(result["steps"]) for result in results)
        facts = {key: value for key, value in outputs.items() if key != "manifest"}
        self._events.write(
            "rollouts_finished", round=round_index, rollout_seconds=time.monotonic() - started, **facts
        )
        self._stages.finish(stage, outputs)
        return str(outputs["manifest"])

    def _represent(self, manifest: str) -> str:
        """Train the transformer; returns its hash."""
        stage = representation_stage(self._config, manifest)
        task = self._tasks.representation(stage)
        outputs = self._train(stage, task, "representation_finished", name="representation")
        return str(outputs["checkpoint_sha256"])

    def _distil(
        self,
        name: str,
        context: ContextName,
        manifests: list[str],
        representation: str,
        *,
        initial: Checkpoint,
    ) -> Checkpoint:
        """Train a policy on all rounds so far."""
        stage = distillation_stage(
            self._config,
            name,
            context=context,
            manifests=manifests,
            representation_sha256=representation,
            initial_sha256=initial[1],
        )
        task = self._tasks.distillation(
            stage,
            name,
            context=context,
            rounds=range(len(manifests)),
            representation_sha256=representation,
            initial=initial[0],
        )
        outputs = self._train(stage, task, "distillation_finished", name=name, context=context)
        return str(self._tasks.checkpoint(name)), str(outputs["checkpoint_sha256"])

    def _train(self, stage: Stage, task: Task, event: str, **facts: Any) -> dict[str, Any]:
        outputs = self._stages.outputs(stage)
        if outputs is not None:
            return outputs
        started = time.monotonic()
        self._execution.call_off_others(stage)
        # The folder is written over: what an earlier training left there no longer counts.
        self._stages.forget(stage.name)
        try:
            (outputs,) = self._execution.complete(
                stage, [task], lambda ledger: self._say_training(task, facts)
            )
        except FinishedShortError:
            error = self._execution.first_error(stage)
            raise RunFailedError(f"{stage.name} failed: {error}") from None
        self._events.write(event, train_seconds=time.monotonic() - started, **facts, **outputs)
        self._stages.finish(stage, outputs)
        return outputs

    def _evaluate(self, name: str, context: ContextName, policy: Checkpoint, round_index: int | None) -> None:
        """Every cell's episodes by one policy."""
        stage = matrix_stage(self._config, name, policy[1])
        if self._stages.outputs(stage) is not None:
            return
        started = time.monotonic()
        self._execution.call_off_others(stage)
        tasks = self._tasks.matrix(stage, policy)
        results = self._execution.complete(
            stage, tasks, lambda ledger: self._say_ledger("evaluation_progress", ledger, name=name)
        )
        episodes = list(self._tasks.matrix_episodes(stage))
        outputs = {
            "robots": [robot for robot, _, _ in episodes],
            "tasks": [task for _, task, _ in episodes],
            "seeds": [seed for _, _, seed in episodes],
            "successes": [int(result["success"]) for result in results],
            "final_successes": [int(result["final_success"]) for result in results],
            "returns": [float(result["return"]) for result in results],
        }
        self._events.write(
            "evaluation_finished",
            name=name,
            context=context,
            round=round_index,
            evaluation_seconds=time.monotonic() - started,
            **outputs,
        )
        self._stages.finish(stage, outputs)

    def _say_ledger(self, event: str, ledger: Ledger, **facts: Any) -> None:
        self._events.write(event, done=ledger.done, requested=ledger.submitted, **facts)

    def _say_training(self, task: Task, facts: dict[str, Any]) -> None:
        progress = self._queue.workers().get(f"progress.{task.id}")
        if progress:
            self._events.write("training_progress", **facts, **progress)
