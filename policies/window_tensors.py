"""Windows of recent experience as tensors: what the trajectory transformer reads."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from potstill.experience.context_window import ContextWindows


class WindowTensors(NamedTuple):
    """N windows of K states and the K - 1 transitions between them, left-padded.

    Transition i leads from state i to state i + 1; it is padding when state i is.
    """

    states: Tensor
    """(N, K, S) float32."""
    actions: Tensor
    """(N, K - 1, A) float32."""
    rewards: Tensor
    """(N, K - 1) float32."""
    valid: Tensor
    """(N, K) bool; the last state always is."""

    @classmethod
    def of(cls, windows: ContextWindows) -> WindowTensors:
        """The same windows, sharing their memory, on the CPU."""
        return cls(
            torch.from_numpy(windows.states),
            torch.from_numpy(windows.actions),
            torch.from_numpy(windows.rewards),
            torch.from_numpy(windows.valid),
        )

    def to(self, device: torch.device) -> WindowTensors:
        """The same windows on a device."""
        return WindowTensors(*(tensor.to(device, non_blocking=True) for tensor in self))

    def twice(self) -> WindowTensors:
        """2N windows: these, and these again."""
        return WindowTensors(*(torch.cat([tensor, tensor]) for tensor in self))

    @property
    def valid_transitions(self) -> Tensor:
        """(N, K - 1) bool."""
        return self.valid[:, :-1]
