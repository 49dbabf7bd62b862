"""The end of a training: the final figure, the quality gate, the labelled history."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

from potstill.actors.fallback_collector import FallbackCollector, FallbackConfig
from potstill.envs.task_simulation import TaskSimulation
from potstill.experience.episode_seeds import final_evaluation_seed
from potstill.experience.history_archive import HistoryArchive
from potstill.launch.engine.event_sink import EventSink
from potstill.launch.expert.config import ExpertConfig
from potstill.launch.expert.quality_gate import apply_gate
from potstill.launch.expert.run_folder import ExpertFolder
from potstill.launch.expert.teacher_evaluation import evaluate_teacher
from potstill.launch.expert.training_state import TrainingState
from potstill.learners.sac.relabel import relabel_history
from potstill.policies.expert_checkpoint import load_expert, save_expert
from potstill.policies.expert_manifest import ExpertManifest
from potstill.policies.expert_policy import ExpertPolicy


class Conclusion:
    """``conclude`` or ``give_up``, once training has ended. Both may be killed and called again."""

    def __init__(
        self, config: ExpertConfig, folder: ExpertFolder, *, simulation: TaskSimulation, events: EventSink
    ) -> None:
        self._config = config
        self._folder = folder
        self._simulation = simulation
        self._events = events

    def conclude(self, state: TrainingState) -> ExpertManifest:
        """Evaluate the best checkpoint on fresh goals, make it the expert if it passes the gate.

        Args:
            state: Of the training that ended.

        Raises:
            StoreFullError: no space.
        """
        counts = {name: getattr(state, name) for name in ("env_steps", "decisions", "updates", "seconds")}
        self._events.write("training_finished", reason=state.ended, **counts)
        self._evaluate_best()
        manifest = self._apply_gate()
        self._events.write("run_finished", state="finished")
        return manifest

    def give_up(self, *, reason: str) -> ExpertManifest:
        """Training diverged: set everything it made aside, so that nobody takes it for an expert."""
        self._folder.diverged.mkdir(exist_ok=True)
        for path in (self._folder.best, self._folder.ladder, self._folder.snapshots):
            if path.exists():
                path.rename(self._folder.diverged / path.name)
        self._events.write("diverged", message=reason)
        manifest = self._apply_gate()
        self._events.write("run_finished", state="diverged")
        return manifest

    def _evaluate_best(self) -> None:
        started = time.monotonic()
        asked = self._config.evaluation
        seeds = [final_evaluation_seed(index) for index in range(asked.final_episodes)]
        policy = ExpertPolicy.load(self._folder.best)
        outcomes = list(evaluate_teacher(policy, self._simulation, seeds, max_steps=asked.max_steps))
        successes = [int(outcome.success) for outcome in outcomes]
        networks, facts, _ = load_expert(self._folder.best)
        final = replace(
            facts,
            kind="final",
            success_rate=sum(successes) / len(successes),
            eval_episodes=len(successes),
        )
        sha256 = save_expert(self._folder.expert, networks, final)
        self._events.write(
            "final_evaluation_finished",
            env_steps=facts.env_steps,
            sha256=sha256,
            seeds=seeds,
            successes=successes,
            steps=[outcome.steps for outcome in outcomes],
            evaluation_seconds=time.monotonic() - started,
        )

    def _apply_gate(self) -> ExpertManifest:
        threshold = self._config.gate.threshold
        manifest = apply_gate(
            self._folder.expert,
            threshold=threshold,
            label_history=self._label_history,
            collect_fallback=self._collect_fallback,
        )
        self._events.write(
            "gate_applied",
            passed=manifest.passed,
            threshold=threshold,
            expert="sac" if manifest.passed else manifest.expert,
            message=manifest.reason,
            history=manifest.history,
        )
        return manifest

    def _label_history(self) -> HistoryArchive:
        snapshots = sorted(self._folder.snapshots.glob("step_*.safetensors"))
        if not snapshots:
            self._events.write(
                "warning",
                message="training ended before the first snapshot of its history was due; "
                "episodes of the disturbed oracle stand in its place",
            )
            return self._collect_fallback()
        return relabel_history(
            snapshots, self._folder.history, expert=self._folder.expert, config=self._config.history
        )

    def _collect_fallback(self) -> HistoryArchive:
        sac, gate = self._config.sac, self._config.gate
        asked = FallbackConfig(
            episodes=gate.fallback_episodes,
            max_steps=sac.max_steps,
            action_repeat=sac.action_repeat,
            noise=gate.fallback_noise,
            validation_fraction=self._config.history.validation_fraction,
        )
        collector = FallbackCollector(self._simulation, asked, seed=self._config.seed)
        return collector.collect(self._folder.history)


def restore_best(folder: ExpertFolder, checkpoint: Path | None) -> None:
    """Put back the best expert as the checkpoint knows it; without one there is none."""
    shutil.rmtree(folder.best, ignore_errors=True)
    if checkpoint is not None and (checkpoint / "best").exists():
        shutil.copytree(checkpoint / "best", folder.best)
