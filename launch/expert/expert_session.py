"""One session of an expert's training: opens its run directory, goes on where it stopped, ends in order."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from potstill.envs.task_simulation import TaskSimulation
from potstill.experience.history_shard import HistoryFacts
from potstill.experience.learning_history import LearningHistory
from potstill.launch.expert.conclusion import Conclusion, restore_best
from potstill.launch.expert.config import ExpertConfig
from potstill.launch.expert.expert_trainer import ExpertTrainer
from potstill.launch.expert.reporter import open_expert_reporter
from potstill.launch.expert.rllib_expert_learner import RllibExpertLearner
from potstill.launch.expert.run_folder import ExpertFolder
from potstill.launch.expert.shaping_teacher import ShapingTeacher
from potstill.launch.expert.training_checkpoints import TrainingCheckpoints
from potstill.launch.expert.training_state import TrainingState
from potstill.launch.only_runner import only_runner
from potstill.launch.reporting.run_reporter import EventDisplay
from potstill.learners.sac.errors import DivergedError

SessionState = Literal["training", "finished", "diverged"]


class ExpertSession:
    """``advance`` until ``state`` is no longer ``training``; ``close`` at the end, also in the middle.

    Args:
        config: Of a new run, or the one that ``path`` holds.
        path: The run directory.
        displays: Show what happens.
        should_stop: Asked within evaluations, which take seconds.

    Raises:
        BadInputError: another process is at work in the directory, or its newest checkpoint is damaged.
    """

    def __init__(
        self,
        config: ExpertConfig,
        path: Path,
        *,
        displays: Sequence[EventDisplay] = (),
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.state: SessionState = "training"
        self._folder = ExpertFolder(path)
        self._started = time.monotonic()
        self._stack = ExitStack()
        self._folder.path.mkdir(parents=True, exist_ok=True)
        self._stack.enter_context(only_runner(self._folder.path))
        with ExitStack() as opening:
            opening.callback(self._stack.close)
            if self._folder.holds_run:
                # There the teacher is pinned; a trial's plan still names its folder, which may have gone.
                config = replace(config, shaping=self._folder.read_config().shaping)
            self._teacher = ShapingTeacher.find(config, self._folder.path)
            self._teacher.copy(self._folder.path)
            self._config = self._teacher.config
            self._folder.open(self._config)
            self._reporter = open_expert_reporter(self._folder, displays)
            self._stack.callback(self._reporter.close)
            self._open(should_stop)
            opening.pop_all()

    def advance(self) -> None:
        """One stretch of training (about a second), or all that follows its end.

        Raises:
            StoreFullError: the disk is full.
        """
        try:
            if not self._trainer.state.ended:
                self._trainer.advance()
            if not self._trainer.state.ended:
                return
            self._conclusion.conclude(self._trainer.state)
            self.state = "finished"
        except DivergedError as error:
            self._conclusion.give_up(reason=str(error))
            self.state = "diverged"

    def figures(self) -> dict[str, Any]:
        """What schedulers compare and tables show; of the success the best evaluation's, 0 before the first."""
        known = self._trainer.state
        best = known.best
        return {
            "state": self.state,
            "env_steps": known.env_steps,
            "seconds": known.seconds,
            "success_rate": best.rate if best else 0.0,
            "successes": best.successes if best else 0,
            "eval_episodes": best.episodes if best else 0,
        }

    def close(self) -> None:
        """Write a checkpoint if training is to go on, both reports, and let go of everything."""
        with self._stack:
            if self.state == "training" and not self._trainer.state.ended:
                self._trainer.save()
            self._reporter.write("session_ended", seconds=time.monotonic() - self._started)

    def _open(self, should_stop: Callable[[], bool]) -> None:
        config, folder = self._config, self._folder
        found = TrainingCheckpoints(folder.checkpoints).newest()
        checkpoint, state = found or (None, TrainingState())
        self._reporter.write(
            "run_started",
            **{name: getattr(config, name) for name in ("recipe", "task", "robot", "seed", "label")},
            budget_env_steps=config.budget.env_steps,
            env_steps=state.env_steps,
            resumed=found is not None,
        )
        restore_best(folder, checkpoint)
        for rung in folder.ladder.glob("step_*"):
            if int(rung.name.removeprefix("step_")) not in state.ladder:
                shutil.rmtree(rung)  # of a stretch that the crash took back
        simulation = TaskSimulation(config.task, robot=config.robot, dynamics=config.dynamics)
        learner = RllibExpertLearner(
            self._teacher.config_in(folder.path),
            history=self._history(simulation, state),
            checkpoint=None if checkpoint is None else checkpoint / "learner",
            updates=state.updates,
        )
        self._stack.callback(learner.close)
        self._trainer = ExpertTrainer(
            config,
            folder,
            learner=learner,
            simulation=simulation,
            state=state,
            events=self._reporter,
            should_stop=should_stop,
        )
        self._conclusion = Conclusion(config, folder, simulation=simulation, events=self._reporter)

    def _history(self, simulation: TaskSimulation, state: TrainingState) -> LearningHistory:
        facts = HistoryFacts(
            task=simulation.task,
            robot=simulation.robot,
            model_hash=simulation.model_hash,
            seed=self._config.seed,
            action_repeat=self._config.sac.action_repeat,
        )
        history = LearningHistory(self._folder.snapshots, self._config.history, facts)
        history.rewind(state.env_steps)
        return history
