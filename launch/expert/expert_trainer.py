"""Trains one expert: learns, evaluates, keeps the ladder and the best, writes checkpoints."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from potstill.envs.task_simulation import TaskSimulation
from potstill.experience.episode_seeds import evaluation_seed
from potstill.launch.engine.event_sink import EventSink
from potstill.launch.expert.config import ExpertConfig
from potstill.launch.expert.expert_learner import ExpertLearner
from potstill.launch.expert.run_folder import ExpertFolder
from potstill.launch.expert.teacher_evaluation import EpisodeOutcome, evaluate_teacher
from potstill.launch.expert.training_checkpoints import TrainingCheckpoints
from potstill.launch.expert.training_state import CurvePoint, TrainingState
from potstill.policies.expert_checkpoint import save_expert
from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.expert_policy import ExpertPolicy
from potstill.policies.sac_networks import SacNetworks

#: Seconds between two events of progress.
PROGRESS_SECONDS = 2.0
#: Checkpoints may cost this share of the time.
_CHECKPOINT_SHARE = 0.05


class ExpertTrainer:
    """Call ``advance`` until ``state.ended``; ``save`` at any time between two calls.

    Args:
        config: What is asked.
        folder: The run directory.
        learner: New, or restored from the checkpoint that ``state`` comes from.
        simulation: For evaluations.
        state: Where to go on.
        events: Hears what happens.
        should_stop: An evaluation is given up when this says so; it is due again afterwards.
        clock: Seconds.
    """

    def __init__(
        self,
        config: ExpertConfig,
        folder: ExpertFolder,
        *,
        learner: ExpertLearner,
        simulation: TaskSimulation,
        state: TrainingState,
        events: EventSink,
        should_stop: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = state
        self._config = config
        self._folder = folder
        self._learner = learner
        self._simulation = simulation
        self._events = events
        self._should_stop = should_stop
        self._clock = clock
        self._checkpoints = TrainingCheckpoints(folder.checkpoints)
        self._updated = self._told_at = self._saved_at = clock()
        self._told = state
        self._save_seconds = 0.0

    def advance(self) -> None:
        """One stretch of learning, and what is due after it.

        Raises:
            DivergedError: the learner's.
            StoreFullError: the disk is full.
        """
        config = self._config
        self._learn()
        # A training that is over is judged as it ends.
        if self.state.evaluation_due(config.evaluation.interval) or self.state.reason_to_end(config):
            self._evaluate()
            if self._should_stop():
                return
            self.state = replace(self.state, ended=self.state.reason_to_end(config))
            self.save()
        elif self._clock() - self._saved_at >= self._checkpoint_pause():
            self.save()

    def save(self) -> None:
        """Write a checkpoint."""
        started = self._clock()
        best = self._folder.best if self.state.curve else None
        self._checkpoints.write(self.state, save_learner=self._learner.save, best=best)
        self._saved_at = self._clock()
        self._save_seconds = self._saved_at - started
        self._events.write(
            "checkpoint_saved", env_steps=self.state.env_steps, checkpoint_seconds=self._save_seconds
        )

    def _learn(self) -> None:
        figures = self._learner.train()
        self.state = replace(
            self.state, env_steps=figures.env_steps, decisions=figures.decisions, updates=figures.updates
        )
        self._count_time()
        elapsed = self._updated - self._told_at
        if elapsed < PROGRESS_SECONDS:
            return
        rates = {
            f"{name}_per_second": (getattr(self.state, name) - getattr(self._told, name)) / elapsed
            for name in ("env_steps", "decisions", "updates")
        }
        self._events.write("training_progress", **asdict(figures), **rates, seconds=self.state.seconds)
        self._told, self._told_at = self.state, self._updated

    def _evaluate(self) -> None:
        started = self._clock()
        networks = self._learner.networks()
        outcomes = self._outcomes(networks)
        if self._should_stop():
            return
        point = CurvePoint(
            env_steps=self.state.env_steps,
            successes=sum(outcome.success for outcome in outcomes),
            episodes=len(outcomes),
        )
        self.state = replace(self.state, curve=(*self.state.curve, point))
        self._events.write(
            "evaluation_finished",
            env_steps=point.env_steps,
            seeds=[outcome.seed for outcome in outcomes],
            successes=[int(outcome.success) for outcome in outcomes],
            steps=[outcome.steps for outcome in outcomes],
            evaluation_seconds=self._clock() - started,
        )
        if self.state.best is point:
            save_expert(self._folder.best, networks, self._facts("final", outcomes))
        if self.state.rung_due(self._config.ladder):
            self._keep_rung(networks, outcomes)
        self._count_time()
        # An evaluation is no part of the learner's pace.
        self._told, self._told_at = self.state, self._updated

    def _outcomes(self, networks: SacNetworks) -> list[EpisodeOutcome]:
        with tempfile.TemporaryDirectory() as candidate:
            # Through the file: what is evaluated is exactly what a teacher loads later.
            save_expert(Path(candidate), networks, self._facts("ladder", []))
            policy = ExpertPolicy.load(Path(candidate))
        asked = self._config.evaluation
        seeds = [evaluation_seed(index) for index in range(asked.episodes)]
        outcomes = []
        for outcome in evaluate_teacher(policy, self._simulation, seeds, max_steps=asked.max_steps):
            if self._should_stop():
                break
            outcomes.append(outcome)
        return outcomes

    def _keep_rung(self, networks: SacNetworks, outcomes: Sequence[EpisodeOutcome]) -> None:
        target = self._folder.ladder / f"step_{self.state.env_steps:08d}"
        facts = self._facts("ladder", outcomes)
        sha256 = save_expert(target, networks, facts)
        self.state = replace(self.state, ladder=(*self.state.ladder, self.state.env_steps))
        self._events.write(
            "rung_kept", env_steps=facts.env_steps, success_rate=facts.success_rate, sha256=sha256
        )

    def _facts(self, kind: Literal["final", "ladder"], outcomes: Sequence[EpisodeOutcome]) -> ExpertFacts:
        """What is true of the networks as they are now."""
        config = self._config
        successes = sum(outcome.success for outcome in outcomes)
        return ExpertFacts(
            task=config.task,
            robot=config.robot,
            model_hash=self._simulation.model_hash,
            seed=config.seed,
            env_steps=self.state.env_steps,
            decisions=self.state.decisions,
            success_rate=successes / len(outcomes) if outcomes else 0.0,
            eval_episodes=len(outcomes),
            kind=kind,
            trained_with=config.digest,
            hidden=config.sac.hidden,
            action_repeat=config.sac.action_repeat,
            discount=config.sac.discount,
            reward_scale=config.sac.reward_scale,
        )

    def _count_time(self) -> None:
        now = self._clock()
        self.state = replace(self.state, seconds=self.state.seconds + now - self._updated)
        self._updated = now

    def _checkpoint_pause(self) -> float:
        return max(self._config.budget.checkpoint_seconds, self._save_seconds / _CHECKPOINT_SHARE)
