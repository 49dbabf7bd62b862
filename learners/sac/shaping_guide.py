"""The frozen collective policy, read along the histories of N environments that a student acts in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from potstill.envs.compress_observation import COMPRESSED_SIZE, compress_observation
from potstill.experience.context_history import ContextHistory
from potstill.experience.context_window import ContextWindows, stack_windows
from potstill.learners.sac.shaping import agreement
from potstill.learners.sac.shaping_config import ShapingConfig
from potstill.policies.collective_checkpoint import load_collective
from potstill.policies.collective_policy import CollectivePolicy
from potstill.policies.window_tensors import WindowTensors

#: Windows per forward pass: bounds the memory of many environments.
_ROWS = 256


class ShapingGuide:
    """Sees every environment step, as the policy did when it was trained, and advises on every decision.

    ::

        begin(s_0) -> follow(a_0, what came of it) -> follow(a_1, ...) -> ... -> advice() -> follow(...)
                                                          an episode ended: begin(s_0) of the next one
    """

    def __init__(self, policy: CollectivePolicy, shaping: ShapingConfig, *, task: str) -> None:
        """Take over ``policy`` (on the CPU).

        Raises:
            ValueError: it knows other states, or its context ``id`` does not know the task.
        """
        if policy.state_size != COMPRESSED_SIZE:
            raise ValueError(
                f"shaping.teacher must be a policy of {COMPRESSED_SIZE} numbers: got {policy.state_size}"
            )
        self._policy, self._shaping = policy.eval().requires_grad_(False), shaping
        self._task = policy.task_numbers([task])[0]
        self._histories: list[ContextHistory] = []
        self._windows: list[ContextWindows] = []
        self._actions: list[np.ndarray] = []
        self._places: list[int] = []

    @classmethod
    def load(cls, shaping: ShapingConfig, *, task: str) -> ShapingGuide:
        """From the folder ``shaping.teacher``; raises ArrayFileError when it is missing or corrupt."""
        policy, _ = load_collective(Path(shaping.teacher))
        return cls(policy, shaping, task=task)

    def begin(self, observation: np.ndarray) -> None:
        """New episodes in all environments, with their first observations (N, 39)."""
        states = compress_observation(observation)
        sizes = (self._policy.window, self._policy.state_size, self._policy.action_size)
        self._histories = [ContextHistory(*sizes) for _ in states]
        for history, state in zip(self._histories, states, strict=True):
            history.see(state)
        self._keep_windows()

    def follow(self, action: np.ndarray, observations: np.ndarray, rewards: np.ndarray) -> None:
        """One decision and the R environment steps that it was held for.

        Args:
            action: (N, A).
            observations: (R, N, 39) after each step.
            rewards: (R, N) of each step, as the task gives them.
        """
        self._places.append(len(self._windows) - 1)
        self._actions.append(action)
        states = compress_observation(observations)
        for index, history in enumerate(self._histories):
            for state, reward in zip(states[:, index], rewards[:, index], strict=True):
                history.did(action[index], float(reward))
                history.see(state)
        self._keep_windows()

    def advice(self) -> np.ndarray:
        """(T, N, D) float32 for the T decisions since the last call, D = ``ShapingConfig.advice_size``."""
        mean, std = self._read(stack_windows(self._windows))
        before = torch.tensor(self._places)
        if self._shaping.form == "bonus":
            actions = torch.from_numpy(np.array(self._actions, np.float32))
            advice = agreement(actions, mean[before], std[before])[..., None]
        else:
            parts = (mean[before], std[before], mean[before + 1], std[before + 1])
            advice = torch.cat(parts, dim=-1)
        self._windows, self._actions, self._places = self._windows[-1:], [], []
        return advice.numpy()

    def _keep_windows(self) -> None:
        self._windows.append(stack_windows([history.window() for history in self._histories]))

    def _read(self, windows: ContextWindows) -> tuple[Tensor, Tensor]:
        """Squashed means and floored standard deviations, (M, N, A) each, of M times N windows."""
        rows, parts = WindowTensors.of(windows), []
        with torch.inference_mode():
            for first in range(0, len(windows), _ROWS):
                some = WindowTensors(*(tensor[first : first + _ROWS] for tensor in rows))
                task = torch.full((len(some.states),), self._task)
                parts.append(self._policy(some, task))
        mean, log_std = (torch.cat(part).unflatten(0, (-1, len(self._histories))) for part in zip(*parts))
        return torch.tanh(mean), log_std.exp().clamp(min=self._shaping.std_floor)
