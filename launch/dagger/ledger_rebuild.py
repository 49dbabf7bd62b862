"""Restores a run's ledger from its files: after Redis lost its data, they know everything that was finished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from potstill.experience.episode_store import EpisodeStore
from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.dagger.stage_tasks import StageTasks
from potstill.launch.dagger.stages import (
    best_round,
    evaluation_stage,
    rollout_stage,
    training_stage,
)
from potstill.launch.engine.round_files import RoundFiles
from potstill.launch.engine.stage import Stage
from potstill.launch.engine.stage_log import StageLog
from potstill.queues.task_queue import TaskQueue

#: What an evaluation's outputs call the facts of its tasks' results.
_OUTCOMES = {
    "seeds": "seed",
    "successes": "success",
    "steps": "steps",
    "returns": "return",
    "render_calls": "render_calls",
}


class LedgerRebuild:
    """Goes through the stages as ``DaggerRunner`` does, up to the first that is not finished.

    Finished stages are adopted with the results their files hold. Of a round that is being collected the committed
    episodes are adopted and the others are put back to waiting. Nothing is done twice when it is run twice, and the
    server may know a part already.

    Args:
        config: With pinned teachers and prompts.
        run: The run's id.
        run_dir: The run directory.
        queue: Of the run; empty, or with what its server still knows.
        store_url: Of the episodes.
    """

    def __init__(
        self, *, config: DaggerConfig, run: str, run_dir: Path, queue: TaskQueue, store_url: str
    ) -> None:
        self._config = config
        self._queue = queue
        self._tasks = StageTasks(config=config, run=run, run_dir=run_dir, store=store_url)
        self._stages = StageLog(run_dir / "stages")
        self.warnings: list[str] = []
        """Episodes that are damaged and will be collected again."""
        store = EpisodeStore(store_url)
        self._files = RoundFiles(
            run_dir=run_dir, queue=queue, store=store, stages=self._stages, events=_Warnings(self.warnings)
        )

    def rebuild(self) -> None:
        """Restore what the files prove.

        Raises:
            BadInputError: an episode of a sealed round is damaged.
        """
        checkpoint = ("", "")
        manifests: list[str] = []
        successes: list[float] = []
        policies: list[str] = []
        for round_index in range(self._config.round_count):
            manifest = self._collected(round_index, checkpoint)
            if manifest is None:
                return
            manifests.append(manifest)
            policy = self._trained(round_index, manifests, checkpoint)
            if policy is None:
                return
            policies.append(policy)
            checkpoint = (str(self._tasks.checkpoint_folder(round_index)), policy)
            evaluated = self._evaluated(
                evaluation_stage(self._config, round_index, policy), checkpoint=checkpoint
            )
            if evaluated is None:
                return
            successes.append(evaluated)
        self._finally_evaluated(policies, successes)

    def _collected(self, round_index: int, checkpoint: tuple[str, str]) -> str | None:
        """The manifest's hash of a finished collection, or None."""
        stage = rollout_stage(self._config, round_index, checkpoint[1])
        outputs = self._stages.outputs(stage)
        if outputs is None and not self._files.holds(stage):
            return None
        tasks = self._tasks.rollouts(stage, round_index, checkpoint)
        self._files.reconcile(round_index, tasks, sealed=outputs is not None)
        if outputs is None:
            self._queue.put(tasks)
            return None
        return str(outputs["manifest"])

    def _trained(self, round_index: int, manifests: list[str], previous: tuple[str, str]) -> str | None:
        """The new policy's hash, or None."""
        stage = training_stage(self._config, round_index, manifests, previous[1])
        outputs = self._stages.outputs(stage)
        if outputs is None:
            return None
        self._queue.adopt([self._tasks.training(stage, round_index, previous[0])], [outputs])
        return str(outputs["checkpoint_sha256"])

    def _finally_evaluated(self, policies: list[str], successes: list[float]) -> None:
        best = best_round(successes) if successes else 0
        policy = policies[best] if policies else ""
        checkpoint = (str(self._tasks.checkpoint_folder(best)) if policy else "", policy)
        for look in (None, *self._config.evaluation.final_looks):
            stage = evaluation_stage(self._config, None, policy, look=look)
            self._evaluated(stage, checkpoint=checkpoint, look=look)

    def _evaluated(self, stage: Stage, *, checkpoint: tuple[str, str], look: Any = None) -> float | None:
        """Success rate of a finished evaluation, or None."""
        outputs = self._stages.outputs(stage)
        if outputs is None:
            return None
        tasks = self._tasks.evaluation(stage, checkpoint, look=look)
        results = [
            {fact: outputs[column][index] for column, fact in _OUTCOMES.items() if column in outputs}
            for index in range(len(tasks))
        ]
        self._queue.adopt(tasks, results)
        return sum(outputs["successes"]) / len(outputs["successes"])


class _Warnings:
    """``EventSink`` that keeps warnings."""

    def __init__(self, messages: list[str]) -> None:
        self._messages = messages

    def write(self, event: str, **facts: Any) -> None:
        if event == "warning":
            self._messages.append(str(facts["message"]))
