"""Actions of the stochastic policy for a few states at a time."""

from __future__ import annotations

import numpy as np
from torch import nn

from potstill.policies.gaussian_actor import LOG_STD_MAX, GaussianActor


class GaussianSampler:
    """``GaussianActor.sample`` in NumPy, without log density: for eight states, half of torch's time is overhead.

    Args:
        actor: On the CPU. Its weights are looked at where they are, not copied: updates in place are followed.
    """

    def __init__(self, actor: GaussianActor) -> None:
        linear = [layer for layer in actor.trunk if isinstance(layer, nn.Linear)]
        self._layers = [(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in linear]
        self._log_std_min = np.float32(actor.log_std_min)
        self._span = np.float32(0.5 * (LOG_STD_MAX - actor.log_std_min))

    def sample(self, observation: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Actions (N, A) float32 in [-1, 1].

        Args:
            observation: (N, S) float32.
            noise: (N, A) float32, standard normal.
        """
        *hidden, (weight, bias) = self._layers
        state = observation
        for inner, offset in hidden:
            state = state @ inner
            state += offset
            np.maximum(state, 0.0, out=state)
        out = state @ weight + bias
        mean, raw = out[:, : noise.shape[1]], out[:, noise.shape[1] :]
        log_std = self._log_std_min + self._span * (np.tanh(raw) + np.float32(1.0))
        return np.tanh(mean + np.exp(log_std) * noise)
