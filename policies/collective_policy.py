"""The collective policy: one network for many tasks and robots, told apart by a context."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from potstill.policies.collective_policy_config import CollectivePolicyConfig
from potstill.policies.gaussian_actor import GaussianActor
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.window_tensors import WindowTensors

#: A dimension that varies less than this in the training data is left unscaled.
_LEAST_STD = 1e-4
#: Normalised states and contexts are clipped here, in standard deviations.
_CLIP = 10.0


class CollectivePolicy(nn.Module):
    """A Gaussian actor over [context, state], both normalised.

    Legend: N rows, K window, S state, A action, D context (Z for a code, the number of tasks for ``id``).
    With ``code`` the transformer is frozen: it gets no gradient and never leaves evaluation.
    """

    state_mean: Tensor
    state_std: Tensor
    context_mean: Tensor
    context_std: Tensor

    def __init__(
        self,
        config: CollectivePolicyConfig,
        *,
        transformer: TrajectoryTransformer | None,
        state_size: int,
        action_size: int,
        tasks: tuple[str, ...],
        code_size: int,
    ) -> None:
        """Random weights from torch's global generator; the normalisers start as the identity.

        Args:
            config: Network choices.
            transformer: Taken over; given if and only if the context reads the history.
            state_size: S.
            action_size: A.
            tasks: Names in the order of the ``id`` context.
            code_size: Z; with a transformer it must be the transformer's.

        Raises:
            ValueError: the parts do not fit each other.
        """
        super().__init__()
        _check_transformer(config, transformer, (state_size, action_size, code_size))
        if not tasks or len(set(tasks)) != len(tasks):
            raise ValueError(f"tasks must be different names, at least one: got {tasks}")
        self.config, self.tasks, self.code_size = config, tasks, code_size
        self.state_size, self.action_size = state_size, action_size
        self.transformer = transformer
        if transformer is not None and config.context == "code":
            transformer.eval().requires_grad_(False)
        self.context_size = len(tasks) if config.context == "id" else code_size
        for name, size in (("state", state_size), ("context", self.context_size)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_std", torch.ones(size))
        self.actor = GaussianActor(
            self.context_size + state_size,
            action_size,
            hidden=config.hidden,
            log_std_min=config.log_std_min,
        )

    @property
    def window(self) -> int:
        """K: states it must be shown, newest last; 1 when the context needs no history."""
        return 1 if self.transformer is None else self.transformer.config.window

    def train(self, mode: bool = True) -> CollectivePolicy:
        """As of any module, but a frozen transformer stays in evaluation."""
        super().train(mode)
        if self.transformer is not None and self.config.context == "code":
            self.transformer.eval()
        return self

    def set_state_normaliser(self, mean: Tensor, std: Tensor) -> None:
        """State statistics (S,) of the training data; a constant dimension is left unscaled."""
        self.state_mean.copy_(mean)
        self.state_std.copy_(torch.where(std > _LEAST_STD, std, torch.ones_like(std)))

    def set_context_normaliser(self, mean: Tensor, std: Tensor) -> None:
        """Statistics (D,) of the frozen code over the training data; a constant dimension is left unscaled."""
        self.context_mean.copy_(mean)
        self.context_std.copy_(torch.where(std > _LEAST_STD, std, torch.ones_like(std)))

    def task_numbers(self, names: Sequence[str]) -> list[int]:
        """What ``context`` takes as ``task``. Only ``id`` looks at it: the others act in tasks they never saw.

        Raises:
            ValueError: the context is ``id`` and a task is not among ``tasks``.
        """
        if self.config.context != "id":
            return [0] * len(names)
        unknown = sorted(set(names) - set(self.tasks))
        if unknown:
            raise ValueError(f"tasks must be among {self.tasks} with context 'id': got {', '.join(unknown)}")
        return [self.tasks.index(name) for name in names]

    def forward(self, windows: WindowTensors, task: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation (N, A) each before the squashing, at the windows' last states.

        Args:
            windows: N windows of K states; of the last state alone when the context needs no history.
            task: (N,) int64, ``task_numbers``.
        """
        return self.decide(self.context(windows, task), windows.states[:, -1])

    def context(self, windows: WindowTensors, task: Tensor) -> Tensor:
        """(N, D) float32, not normalised; a frozen transformer's code carries no gradient."""
        if self.transformer is None:
            if self.config.context == "id":
                return functional.one_hot(task, len(self.tasks)).float()
            # Not len(): an exported network takes any number of rows.
            return windows.states.new_zeros(task.shape[0], self.context_size)
        with torch.set_grad_enabled(self.config.context == "joint" and torch.is_grad_enabled()):
            return self.transformer.encode(windows)

    def decide(self, context: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation (N, A) each before the squashing.

        Args:
            context: (N, D) as ``context`` gives it.
            state: (N, S) float32.
        """
        known = ((context - self.context_mean) / self.context_std).clamp(-_CLIP, _CLIP)
        seen = ((state - self.state_mean) / self.state_std).clamp(-_CLIP, _CLIP)
        return self.actor(torch.cat([known, seen], dim=1))


def _check_transformer(
    config: CollectivePolicyConfig, transformer: TrajectoryTransformer | None, sizes: tuple[int, int, int]
) -> None:
    if (transformer is not None) != config.reads_history:
        needed, given = "a" if config.reads_history else "no", "none" if transformer is None else "one"
        raise ValueError(f"context {config.context!r} needs {needed} transformer: got {given}")
    if transformer is not None:
        found = (transformer.state_size, transformer.action_size, transformer.config.code_size)
        if found != sizes:
            raise ValueError(
                f"state_size, action_size, code_size must be the transformer's {found}: got {sizes}"
            )
