"""One leased episode while it is being acted."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np

from potstill.actors.episode_recorder import EpisodeRecorder
from potstill.actors.keyframe_pictures import KeyframePictures
from potstill.actors.look_sequence import LookSequence
from potstill.actors.rollout_job import RolloutJob
from potstill.actors.student import Student
from potstill.actors.teacher_factory import make_teacher
from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.rendering.records import RenderReply, RenderRequest
from potstill.envs.teachers import NoisyTeacher, Teacher
from potstill.experience.episode import Episode, EpisodeMeta
from potstill.queues.task import Lease


class EpisodeInProgress:
    """Step t: ``render_request`` -> pictures -> ``see`` -> (student's action) -> ``act``.

    Every random draw comes from the job's seed, so the episode is the same whichever worker runs it, beside
    whichever neighbours.
    """

    def __init__(self, *, job: RolloutJob, lease: Lease, env: MetaWorldEnv, student: Student | None) -> None:
        self.job = job
        self.lease = lease
        self.student = student
        self.finished = False
        self.env = env
        self._rng = np.random.default_rng(job.seed)
        # A student's episode draws nothing else: all at once, the same numbers as one at each step.
        turns = self._rng.random(job.max_steps) < job.beta if job.student_acts else np.empty(0)
        self._experts_turns = turns.tolist()
        self._expert = make_teacher(job.expert, env.simulation)
        self._teacher = self._acting_teacher()
        self._recorder = EpisodeRecorder(job.max_steps) if job.purpose == "rollout" else None
        self._pictures = KeyframePictures(
            task=job.task,
            robot=job.robot,
            config=job.render,
            look_at=LookSequence(job).at,
        )
        stack = student.frame_stack if student else 1
        self._frames: deque[np.ndarray] = deque(maxlen=stack)
        self._proprio: deque[np.ndarray] = deque(maxlen=stack)
        self._observation, _ = env.reset(seed=job.seed)
        self._reply: RenderReply | None = None
        self._request: RenderRequest | None = None
        self._step = 0
        self._first_success: int | None = None
        self._return = 0.0
        self._started = time.perf_counter()

    def render_request(self, *, force_paint: bool = False) -> RenderRequest:
        """The scene of the current step, as it must be drawn."""
        self._request = self._pictures.request(self.env.scene_state(), force_paint=force_paint)
        return self._request

    def see(self, reply: RenderReply) -> bool:
        """Take the pictures of this step; False: ask again with ``force_paint`` (the warp left too much unseen)."""
        assert self._request is not None
        picture = self._pictures.accept(self._request, reply)
        if picture is None:
            return False
        self._reply = reply
        missing = (self._frames.maxlen or 1) - len(self._frames) if not self._frames else 1
        for _ in range(missing):  # the first picture fills the whole stack
            self._frames.append(picture)
            self._proprio.append(self._told(self._observation))
        return True

    def student_view(self) -> tuple[np.ndarray, np.ndarray]:
        """What the student is shown: frames (K, C, H, W, 3) uint8, proprio (K, P) float32.

        Nothing privileged, unless the job is of the control whose student is told the full state.
        """
        return np.stack(self._frames), np.stack(self._proprio)

    def act(self, student_action: np.ndarray | None) -> None:
        """Choose between student, teacher and expert, step the environment, record the row."""
        observation = self._observation
        if student_action is None:
            self._rng.random()  # unused, but the noise of every seed has always had it in its stream
            expert_action = self._expert.act(observation["privileged"])
            expert_acts = self._teacher is self._expert
            action = expert_action if expert_acts else self._teacher.act(observation["privileged"])
        else:
            if not np.isfinite(student_action).all():
                raise ValueError(f"the student's action at step {self._step} is not finite: {student_action}")
            expert_acts = bool(self._experts_turns[self._step])
            labelled = expert_acts or self._recorder is not None  # an evaluation needs no label
            expert_action = self._expert.act(observation["privileged"]) if labelled else student_action
            action = expert_action if expert_acts else student_action
        self._observation, reward, terminated, truncated, info = self.env.step(action)
        self._return += reward
        if info["success"] and self._first_success is None:
            self._first_success = self._step
        self.finished = terminated or truncated or self._is_over()
        cut = self.finished and not terminated
        self._record(
            observation, action, expert_action, expert_acts, (reward, terminated, cut, info["success"])
        )
        self._step += 1

    def episode(self) -> Episode:
        """The finished record. Only for rollouts."""
        assert self._recorder is not None and self._reply is not None
        job = self.job
        return self._recorder.episode(
            EpisodeMeta(
                run=job.run,
                round=job.round,
                index=job.index,
                task=job.task,
                robot=self.env.robot,
                model_hash=self.env.simulation.model_hash,
                seed=job.seed,
                actor="student" if job.student_acts else self._teacher.name,
                expert=self._expert.name,
                policy_version=job.checkpoint_sha256 or self._teacher.name,
                painter=job.render.painter,
                painter_version=self._reply.painter_version,
                keyframe_interval=job.render.keyframe_interval,
                cameras=job.render.cameras,
                prompt_collection=job.render.prompt_collection if self._pictures.look.prompt_id >= 0 else "",
            )
        )

    def result(self) -> dict[str, Any]:
        """The small facts the ledger keeps."""
        return {
            "index": self.job.index,
            "seed": self.job.seed,
            "success": self._first_success is not None,
            "steps": self._step,
            "return": self._return,
            "frames": self._step * len(self.job.render.cameras),
            "render_calls": self._pictures.paint_calls,
            "attempt": self.lease.attempt,
        }

    def _told(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        """(P,) float32: what the student is told beside its pictures."""
        full = self.job.state == "full"
        return observation["privileged"].astype(np.float32) if full else observation["proprio"]

    def _acting_teacher(self) -> Teacher:
        """Who acts when no student does; the expert itself where it is the same one without noise."""
        job = self.job
        if job.student_acts:
            return self._expert
        teacher = self._expert
        if job.teacher != job.expert:
            teacher = make_teacher(job.teacher, self.env.simulation)
        return NoisyTeacher(teacher, sigma=job.sigma, rng=self._rng) if job.sigma > 0 else teacher

    def _is_over(self) -> bool:
        hold = 0 if self.job.purpose == "evaluation" else self.job.hold_steps
        held = self._first_success is not None and self._step - self._first_success >= hold
        return held or self._step + 1 >= self.job.max_steps

    def _record(
        self,
        observation: dict[str, np.ndarray],
        action: np.ndarray,
        expert_action: np.ndarray,
        expert_acts: bool,
        outcome: tuple[float, bool, bool, bool],
    ) -> None:
        if self._recorder is None or self._request is None or self._reply is None:
            return
        now = time.perf_counter()
        reward, terminated, truncated, success = outcome
        scene = self._request.scene
        self._recorder.record(
            proprio=self._told(observation),
            privileged=observation["privileged"],
            action=action,
            expert_action=expert_action,
            expert_acted=expert_acts,
            reward=reward,
            terminated=terminated,
            truncated=truncated,
            success=success,
            frames=self._frames[-1],
            keyframe=self._pictures.is_keyframe,
            prompt_id=self._pictures.look.prompt_id,
            render_seed=self._pictures.look.seed,
            camera_pose=self._reply.camera_pose,
            body_pos=scene.body_pos,
            body_quat=scene.body_quat,
            site_pos=scene.site_pos,
            step_seconds=now - self._started,
        )
        self._started = now
