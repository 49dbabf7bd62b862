"""The DAgger runner: rounds of collecting, training and evaluating, each stage done once, all state in files."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from potstill.experience.episode_store import EpisodeStore
from potstill.launch.dagger.config import DaggerConfig, Look
from potstill.launch.dagger.stage_tasks import StageTasks
from potstill.launch.dagger.stages import (
    best_round,
    evaluation_stage,
    rollout_stage,
    training_stage,
)
from potstill.launch.engine.event_sink import EventSink
from potstill.launch.engine.round_files import RoundFiles
from potstill.launch.engine.stage import Stage
from potstill.launch.engine.stage_execution import StageExecution
from potstill.launch.engine.stage_log import StageLog
from potstill.launch.errors import FinishedShortError, RunFailedError
from potstill.queues.task import Ledger, Task
from potstill.queues.task_queue import TaskQueue


class DaggerRunner:
    """Round 0: the teachers act. Round i: student i-1 acts, the expert labels. Then train on the union, evaluate.

    ::

        for round: rollouts -> seal manifest -> train (warm start) -> evaluate
        best round by success -> final evaluations on fresh seeds, one per look

    Every stage's outputs are in files before the next begins; task ids follow from the stage's inputs. So the
    runner may be killed anywhere and started again: what is done is skipped, what is queued is awaited. A stage's
    event is written before the stage counts as finished: killed in between, it is written twice (the last one
    counts), never not at all.
    """

    def __init__(
        self,
        *,
        config: DaggerConfig,
        run: str,
        run_dir: Path,
        queue: TaskQueue,
        store: EpisodeStore,
        store_url: str,
        events: EventSink,
        look_after_pools: Callable[[], None],
    ) -> None:
        self._config = config
        self._run_dir = run_dir
        self._queue = queue
        self._tasks = StageTasks(config=config, run=run, run_dir=run_dir, store=store_url)
        self._events = events
        self._execution = StageExecution(queue=queue, run_dir=run_dir, look_after_pools=look_after_pools)
        self._stages = StageLog(run_dir / "stages")
        self._files = RoundFiles(
            run_dir=run_dir, queue=queue, store=store, stages=self._stages, events=events
        )

    def run(self) -> None:
        """All rounds and the final evaluation.

        Raises:
            FinishedShortError: tasks became dead letters; says how many episodes are missing.
            RunFailedError: training failed; the last good checkpoint is kept.
        """
        checkpoint = ("", "")
        manifests: list[str] = []
        policies: list[str] = []
        successes: list[float] = []
        for round_index in range(self._config.round_count):
            phase = self._config.phase_of(round_index)
            self._events.write(
                "round_started",
                round=round_index,
                phase=phase,
                rollouts_requested=self._config.rollouts_of(round_index),
                beta=self._config.beta.beta(round_index) if phase == "on_policy" else 1.0,
            )
            manifests.append(self._collect(round_index, checkpoint))
            checkpoint = self._train(round_index, manifests, checkpoint)
            policies.append(checkpoint[1])
            successes.append(self._evaluate(round_index, checkpoint[1]))
            self._events.write("round_finished", round=round_index)
        best = best_round(successes) if successes else 0
        for look in (None, *self._config.evaluation.final_looks):
            # Without a student (no rounds) the expert itself is evaluated.
            self._evaluate(None, policies[best] if policies else "", best_round=best, look=look)
        self._events.write("run_finished", best_round=best)

    def _collect(self, round_index: int, checkpoint: tuple[str, str]) -> str:
        """Collect a round; returns its manifest's hash."""
        stage = rollout_stage(self._config, round_index, checkpoint[1])
        outputs = self._stages.outputs(stage)
        if outputs is not None:
            return outputs["manifest"]
        started = time.monotonic()
        self._execution.call_off_others(stage)
        self._files.make_room(stage, round_index)
        tasks = self._tasks.rollouts(stage, round_index, checkpoint)
        self._files.reconcile(round_index, tasks)
        results = self._execution.complete(
            stage, tasks, lambda now: self._say_rollouts(round_index, stage, now, started)
        )
        outputs = self._files.seal(round_index, len(tasks)) | {
            "frames": sum(int(result["frames"]) for result in results),
            "render_calls": sum(int(result["render_calls"]) for result in results),
            "episode_steps": [int(result["steps"]) for result in results],
            "episode_render_calls": [int(result["render_calls"]) for result in results],
        }
        facts = {key: value for key, value in outputs.items() if key != "manifest"}
        self._events.write(
            "rollouts_finished", round=round_index, rollout_seconds=time.monotonic() - started, **facts
        )
        self._stages.finish(stage, outputs)
        return str(outputs["manifest"])

    def _train(self, round_index: int, manifests: list[str], previous: tuple[str, str]) -> tuple[str, str]:
        """Train on all rounds so far; returns the new policy's (folder, sha256)."""
        stage = training_stage(self._config, round_index, manifests, previous[1])
        folder = self._tasks.checkpoint_folder(round_index)
        outputs = self._stages.outputs(stage)
        if outputs is not None:
            return str(folder), outputs["checkpoint_sha256"]
        started = time.monotonic()
        task = self._tasks.training(stage, round_index, previous[0])
        self._execution.call_off_others(stage)
        # The folder is written over: what an earlier training left there no longer counts.
        self._stages.forget(stage.name)
        try:
            (result,) = self._execution.complete(
                stage, [task], lambda now: self._say_training(round_index, task)
            )
        except FinishedShortError:
            error = self._execution.first_error(stage)
            raise RunFailedError(f"training of round {round_index} failed: {error}") from None
        self._events.write(
            "training_finished",
            round=round_index,
            train_seconds=time.monotonic() - started,
            checkpoint=str(folder.relative_to(self._run_dir)),
            **result,
        )
        self._stages.finish(stage, result)
        return str(folder), str(result["checkpoint_sha256"])

    def _evaluate(
        self,
        round_index: int | None,
        policy_sha256: str,
        *,
        best_round: int | None = None,
        look: Look | None = None,
    ) -> float:
        """Success rate of a round's policy; ``round_index`` None: the best one on the final seeds and a final look."""
        stage = evaluation_stage(self._config, round_index, policy_sha256, look=look)
        outputs = self._stages.outputs(stage)
        if outputs is None:
            shown = best_round if round_index is None else round_index
            assert shown is not None
            started = time.monotonic()
            folder = str(self._tasks.checkpoint_folder(shown)) if policy_sha256 else ""
            self._execution.call_off_others(stage)
            tasks = self._tasks.evaluation(stage, (folder, policy_sha256), look=look)
            outputs = self._outcomes(stage, tasks, lambda now: self._say_evaluation(shown, now))
            facts = outputs if look is None else {"look": look} | outputs
            self._events.write(
                _evaluation_event(round_index, look),
                round=shown,
                evaluation_seconds=time.monotonic() - started,
                **facts,
            )
            self._stages.finish(stage, outputs)
        return sum(outputs["successes"]) / len(outputs["successes"])

    def _outcomes(self, stage: Stage, tasks: list[Task], say: Callable[[Ledger], None]) -> dict[str, list]:
        """Have the episodes acted; each list holds one fact of every episode, in the order of the tasks."""
        ordered = self._execution.complete(stage, tasks, say)
        return {
            "seeds": [int(result["seed"]) for result in ordered],
            "successes": [int(result["success"]) for result in ordered],
            "steps": [int(result["steps"]) for result in ordered],
            "returns": [float(result["return"]) for result in ordered],
            "render_calls": [int(result["render_calls"]) for result in ordered],
        }

    def _say_rollouts(self, round_index: int, stage: Stage, ledger: Ledger, started: float) -> None:
        results = self._queue.results(stage.group)
        frames = sum(int(result["frames"]) for result in results.values())
        self._events.write(
            "rollouts_progress",
            round=round_index,
            done=ledger.done,
            requested=ledger.submitted,
            frames=frames,
            frames_per_second=frames / max(time.monotonic() - started, 1e-9),
            waiting=ledger.waiting,
            leased=ledger.leased,
        )

    def _say_training(self, round_index: int, task: Task) -> None:
        facts = self._queue.workers().get(f"progress.{task.id}")
        if facts:
            self._events.write("training_progress", round=round_index, **facts)

    def _say_evaluation(self, round_index: int, ledger: Ledger) -> None:
        self._events.write(
            "evaluation_progress", round=round_index, done=ledger.done, requested=ledger.submitted
        )


def _evaluation_event(round_index: int | None, look: Look | None) -> str:
    if round_index is not None:
        return "evaluation_finished"
    return "final_evaluation_finished" if look is None else "look_evaluation_finished"
