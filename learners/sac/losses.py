"""The losses of soft actor-critic as pure functions (spec/collective.md 1.1; Haarnoja et al. 2018)."""

from __future__ import annotations

from torch import Tensor


def soft_value(q: Tensor, log_density: Tensor, alpha: Tensor) -> Tensor:
    """V(s) = min_i Q_i(s, a) - alpha log pi(a|s), a ~ pi(.|s).

    Args:
        q: (2, N) values of the sampled actions.
        log_density: (N,) of those actions.
        alpha: Temperature, a scalar.

    Returns:
        (N,).
    """
    return q.amin(0) - alpha * log_density


def bellman_target(reward: Tensor, terminated: Tensor, next_value: Tensor, *, discount: float) -> Tensor:
    """The target y = r + gamma (1 - terminated) V(s'); all (N,).

    An episode that was cut by its time limit is not terminated.
    """
    return reward + discount * (1.0 - terminated) * next_value


def critic_loss(q: Tensor, target: Tensor) -> Tensor:
    """MSE(Q1, y) + MSE(Q2, y) of q (2, N) and target (N,)."""
    return (q - target).square().mean(-1).sum()


def actor_loss(q: Tensor, log_density: Tensor, alpha: Tensor) -> Tensor:
    """mean( alpha log pi(a|s) - min_i Q_i(s, a) ) = -mean V(s), for q (2, N) and log_density (N,)."""
    return -soft_value(q, log_density, alpha).mean()


def temperature_loss(log_alpha: Tensor, log_density: Tensor, *, target_entropy: float) -> Tensor:
    """mean( alpha (-log pi(a|s) - H_target) ) for log_density (N,); its gradient reaches ``log_alpha`` alone."""
    return (log_alpha.exp() * (-log_density.detach() - target_entropy)).mean()
