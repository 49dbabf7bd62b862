"""A collective policy, ready to leave: transformer, normalisers and actor as one function."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from potstill.policies.collective_policy import CollectivePolicy
from potstill.policies.expert_facts import METAWORLD_LAYOUT
from potstill.policies.export_module import ExportModule
from potstill.policies.window_tensors import WindowTensors

#: What a state of this many numbers is (``compress_observation`` of the environments).
_LAYOUTS = {21: f"entries 0..17 and 36..38 of {METAWORLD_LAYOUT}"}


class CollectiveExport(ExportModule):
    """A window of states to the action; with history ``code`` and ``joint``, with the task's number ``id``."""

    outputs = ("action", "mean", "log_std")

    def __init__(self, policy: CollectivePolicy) -> None:
        """Take over ``policy`` (on the CPU)."""
        super().__init__()
        self.policy = policy
        self.eval().requires_grad_(False)

    def forward(
        self,
        states: Tensor,
        actions: Tensor | None = None,
        rewards: Tensor | None = None,
        valid: Tensor | None = None,
        task: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Action in [-1, 1], mean and log standard deviation before the squashing, (N, A) each.

        Args:
            states: (N, K, S) float32.
            actions: (N, K - 1, A) float32; this and the next two only where the context reads the history.
            rewards: (N, K - 1) float32.
            valid: (N, K) bool.
            task: (N,) int64, the place in ``tasks``; only with the context ``id``.
        """
        rows = states.shape[0]
        if actions is None or rewards is None or valid is None:  # K is 1: there is no past
            actions, rewards = states.new_zeros(rows, 0, self.policy.action_size), states.new_zeros(rows, 0)
            valid = torch.ones(rows, 1, dtype=torch.bool)
        if task is None:
            task = torch.zeros(rows, dtype=torch.int64)
        mean, log_std = self.policy(WindowTensors(states, actions, rewards, valid), task)
        return torch.tanh(mean), mean, log_std

    def examples(self, rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
        """States spread as the training data was, with beginnings of all lengths."""
        policy, length = self.policy, self.policy.window
        valid = np.arange(length) >= rng.integers(0, length, (rows, 1))
        spread = rng.normal(size=(rows, length, policy.state_size))
        states = (policy.state_mean.numpy() + policy.state_std.numpy() * spread) * valid[..., None]
        inputs: dict[str, np.ndarray] = {"states": states.astype(np.float32)}
        if policy.config.context == "id":
            inputs["task"] = rng.integers(0, len(policy.tasks), rows)
        if policy.config.reads_history:
            actions = rng.uniform(-1, 1, (rows, length - 1, policy.action_size)) * valid[:, :-1, None]
            rewards = rng.uniform(0, 10, (rows, length - 1)) * valid[:, :-1]
            inputs |= {"actions": actions.astype(np.float32), "rewards": rewards.astype(np.float32)}
            inputs["valid"] = valid
        return inputs

    def facts(self) -> dict[str, Any]:
        """Context, window and task names."""
        policy = self.policy
        return {
            "what": "collective policy",
            "context": policy.config.context,
            "window": policy.window,
            "state_size": policy.state_size,
            "action_size": policy.action_size,
            "tasks": list(policy.tasks),
            "observation_layout": _LAYOUTS.get(policy.state_size, f"unknown, {policy.state_size} numbers"),
        }
