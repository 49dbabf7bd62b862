"""One leased episode without pictures while it is being acted, by whom the job says, labelled by the expert."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from potstill.actors.episode_recorder import EpisodeRecorder
from potstill.actors.expert_label import expert_label
from potstill.actors.teacher_factory import make_teacher
from potstill.actors.trajectory_job import TrajectoryJob
from potstill.actors.trajectory_student import TrajectoryStudent
from potstill.envs.compress_observation import COMPRESSED_SIZE, compress_observation
from potstill.envs.task_simulation import ACTION_SIZE, TaskSimulation
from potstill.envs.teachers import NoisyTeacher
from potstill.experience.context_history import ContextHistory
from potstill.experience.context_window import ContextWindows
from potstill.experience.episode import Episode, EpisodeMeta
from potstill.queues.task import Lease

#: Separates our draws from Meta-World's, which begin with the same seed.
_ACTOR_STREAM = 0xAC70
#: What an episode without pictures has in their place.
_NO_PICTURES: dict[str, Any] = {
    "frames": np.zeros((0, 0, 0, 3), np.uint8),
    "keyframe": False,
    "prompt_id": -1,
    "render_seed": 0,
    "camera_pose": np.zeros((0, 12), np.float32),
    "body_pos": np.zeros((0, 3)),
    "body_quat": np.zeros((0, 4)),
    "site_pos": np.zeros((0, 3)),
}


class TrajectoryEpisode:
    """Step t: (``context`` -> student's action) -> ``act`` -> ``push`` -> ``look``.

    Every random draw comes from the job's seed, so the episode is the same whichever worker runs it, beside
    whichever neighbours.

    Attributes:
        finished: Whether its last step was taken.
        simulation: Its world, free for another episode when this one is over.
    """

    def __init__(
        self,
        *,
        job: TrajectoryJob,
        lease: Lease,
        simulation: TaskSimulation,
        student: TrajectoryStudent | None,
    ) -> None:
        """``student`` is the job's; None when another acts.

        Raises:
            ValueError: the expert is one of another task, robot or model.
        """
        self.job = job
        self.lease = lease
        self.simulation = simulation
        self.student = student
        self.finished = False
        self._expert = make_teacher(job.expert, simulation) if job.expert_needed else None
        self._draw(np.random.default_rng((job.seed, _ACTOR_STREAM)))
        self._recorder = EpisodeRecorder(job.max_steps) if job.purpose == "rollout" else None
        self._history = ContextHistory(student.window, COMPRESSED_SIZE, ACTION_SIZE) if student else None
        self._step = 0
        self._first_success: int | None = None
        self._success = False
        self._return = 0.0
        self._started = time.perf_counter()
        self._see(simulation.reset(job.seed))

    def context(self) -> ContextWindows:
        """What the student is shown at this step, N = 1: states, actions and rewards up to now."""
        assert self._history is not None
        return self._history.window()

    def act(self, student_action: np.ndarray | None) -> None:
        """Label the state and choose the action; ``push`` and ``look`` must follow.

        Args:
            student_action: (A,) float32 in [-1, 1]; None when no student acts.

        Raises:
            ValueError: the student's action is not finite.
        """
        if student_action is not None and not np.isfinite(student_action).all():
            raise ValueError(f"the student's action at step {self._step} is not finite: {student_action}")
        label, log_std = None, None
        if self._expert is not None:
            label, log_std = expert_label(self._expert, self._observation)
        self._action, expert_acts = self._chosen(label, student_action)
        self._row = {
            "proprio": self._state,
            "privileged": self._observation,
            "action": self._action,
            "expert_action": label,
            "expert_acted": expert_acts,
        }
        if log_std is not None:
            self._row["expert_log_std"] = log_std

    def push(self) -> None:
        """The physics of this step."""
        self.simulation.push(self._action)

    def look(self) -> None:
        """What came of it."""
        observation, reward, info = self.simulation.look()
        self._success = bool(info["success"])
        if self._success and self._first_success is None:
            self._first_success = self._step
        self._return += reward
        self.finished = self._is_over()
        self._record(reward)
        if self._history is not None:
            self._history.did(self._action, reward)
        self._step += 1
        self._see(observation)

    def episode(self) -> Episode:
        """The finished record. Only for rollouts."""
        assert self._recorder is not None and self._expert is not None
        job = self.job
        return self._recorder.episode(
            EpisodeMeta(
                run=job.run,
                round=job.round,
                index=job.index,
                task=job.task,
                robot=job.robot,
                model_hash=self.simulation.model_hash,
                seed=job.seed,
                actor=self._actor,
                expert=self._expert.name,
                policy_version=job.checkpoint_sha256 or self._actor,
                painter="none",
                painter_version="",
                keyframe_interval=1,
                cameras=(),
            )
        )

    def result(self) -> dict[str, Any]:
        """The small facts the ledger keeps; ``final_success`` is the flag after the last step."""
        return {
            "index": self.job.index,
            "seed": self.job.seed,
            "task": self.job.task,
            "robot": self.job.robot,
            "success": self._first_success is not None,
            "final_success": self._success,
            "steps": self._step,
            "return": self._return,
            "frames": 0,
            "render_calls": 0,
            "attempt": self.lease.attempt,
        }

    def _draw(self, rng: np.random.Generator) -> None:
        """What this actor leaves to chance; all at once where it can be."""
        job = self.job
        self._actor: str = job.actor
        self._noise: NoisyTeacher | None = None
        if job.actor == "student":
            self._experts_turns = (rng.random(job.max_steps) < job.beta).tolist()
        elif job.actor == "random":
            self._random_actions = rng.uniform(-1.0, 1.0, (job.max_steps, ACTION_SIZE)).astype(np.float32)
        elif self._expert is not None:
            self._noise = NoisyTeacher(self._expert, sigma=job.sigma, rng=rng) if job.sigma > 0 else None
            self._actor = (self._noise or self._expert).name

    def _chosen(self, label: np.ndarray | None, student_action: np.ndarray | None) -> tuple[np.ndarray, bool]:
        """The action (A,) float32 to execute, and whether it is the expert's own."""
        if self.job.actor == "random":
            return self._random_actions[self._step], False
        if self.job.actor == "expert":
            assert label is not None
            return (label, True) if self._noise is None else (self._noise.disturb(label), False)
        if self._experts_turns[self._step]:
            assert label is not None
            return label, True
        assert student_action is not None
        return student_action, False

    def _see(self, observation: np.ndarray) -> None:
        self._observation = observation
        self._state = compress_observation(observation).astype(np.float32)
        if self._history is not None:
            self._history.see(self._state)

    def _is_over(self) -> bool:
        first = self._first_success
        held = self.job.stop_at_success and first is not None and self._step - first >= self.job.hold_steps
        return held or self._step + 1 >= self.job.max_steps

    def _record(self, reward: float) -> None:
        if self._recorder is None:
            return
        now = time.perf_counter()
        self._recorder.record(
            **self._row,
            **_NO_PICTURES,
            reward=reward,
            terminated=False,
            truncated=self.finished,
            success=self._success,
            step_seconds=now - self._started,
        )
        self._started = now
