"""How an expert is trained by soft actor-critic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SacConfig:
    """Networks, losses, replay and sampling of one SAC expert.

    A *decision* is one action of the agent, held for ``action_repeat`` environment steps. Source of the formulas:
    Haarnoja et al. 2018 (arXiv 1812.05905); demonstrations in half of each batch: Ball et al. 2023 (RLPD,
    arXiv 2302.02948).
    """

    hidden: tuple[int, ...] = (128, 128)
    """Widths of the hidden layers of actor and critics, each 8..4096."""
    log_std_min: float = -5.0
    """Lower bound of the policy's log standard deviation, -20..0; the upper one is 2. The reference has -20, which
    makes a policy start almost deterministic: the tanh rescaling begins in the middle."""
    critic_layer_norm: bool = True
    """Layer norm after each hidden layer of the critics: bounds the values of actions that were never tried."""
    batch_size: int = 256
    """Transitions per update, 8..65536."""
    update_ratio: float = 0.5
    """Gradient updates per decision, (0, 20]."""
    actor_every: int = 2
    """Critic updates per update of actor and temperature, 1..100."""
    target_every: int = 1
    """Critic updates per step of the target critics, 1..100."""
    tau: float = 0.005
    """Share of the critics that goes into the targets at each such step, (0, 1]."""
    discount: float = 0.97
    """Per decision, [0, 1)."""
    actor_learning_rate: float = 3e-4
    """Adam."""
    critic_learning_rate: float = 3e-4
    """Adam."""
    alpha_learning_rate: float = 3e-4
    """Adam, on the logarithm of the temperature."""
    initial_alpha: float = 0.1
    """Temperature at the start, > 0; also its value for ever when ``alpha_learning_rate`` is 0."""
    target_entropy: float = -4.0
    """Of the policy, in nats; minus the number of actions by custom."""
    reward_scale: float = 0.1
    """Rewards are multiplied by this before they are stored; Meta-World's lie in 0..10 per step."""
    replay_capacity: int = 300_000
    """Transitions kept; the oldest are overwritten."""
    random_decisions: int = 1_000
    """Uniformly random decisions before the first update (none of them when demonstrations are given)."""
    demo_episodes: int = 20
    """Noisy oracle episodes put beside the replay before training; 0 = none."""
    demo_fraction: float = 0.5
    """Share of every batch that is drawn from the demonstrations, [0, 1]."""
    demo_sigma: float = 0.3
    """Noise of the oracle that gives the demonstrations, (0, 2]."""
    action_repeat: int = 2
    """Environment steps per decision, 1..20."""
    max_steps: int = 200
    """Environment steps per training episode, 1..500; the value of the state behind the cut is bootstrapped."""
    envs: int = 8
    """Environments of one sampler, stepped together with one batched forward pass, 1..1024."""
    env_threads: int = 1
    """Threads of one sampler that share the physics of its environments, 1..64; the results are the same."""
    fragment: int = 25
    """Decisions per environment between two rounds of updates, 1..10000."""

    def __post_init__(self) -> None:
        if not self.hidden or any(not 8 <= width <= 4096 for width in self.hidden):
            raise ValueError(f"hidden must hold widths in 8..4096: got {self.hidden}")
        for name, low, high in _INTEGERS:
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in {low}..{high}: got {getattr(self, name)}")
        for name, most in _POSITIVES:
            if not 0.0 < getattr(self, name) <= most:
                raise ValueError(f"{name} must be in (0, {most:g}]: got {getattr(self, name)}")
        if not -20.0 <= self.log_std_min <= 0.0:
            raise ValueError(f"log_std_min must be in -20..0: got {self.log_std_min}")
        if not 0.0 <= self.discount < 1.0:
            raise ValueError(f"discount must be in [0, 1): got {self.discount}")
        if not 0.0 <= self.demo_fraction <= 1.0:
            raise ValueError(f"demo_fraction must be in [0, 1]: got {self.demo_fraction}")
        if not 0.0 <= self.alpha_learning_rate <= 1.0:
            raise ValueError(f"alpha_learning_rate must be in [0, 1]: got {self.alpha_learning_rate}")


_INTEGERS = (
    ("batch_size", 8, 65_536),
    ("actor_every", 1, 100),
    ("target_every", 1, 100),
    ("replay_capacity", 1_000, 100_000_000),
    ("random_decisions", 0, 10_000_000),
    ("demo_episodes", 0, 100_000),
    ("action_repeat", 1, 20),
    ("max_steps", 1, 500),
    ("envs", 1, 1024),
    ("env_threads", 1, 64),
    ("fragment", 1, 10_000),
)
_POSITIVES = (
    ("update_ratio", 20.0),
    ("tau", 1.0),
    ("actor_learning_rate", 1.0),
    ("critic_learning_rate", 1.0),
    ("initial_alpha", 100.0),
    ("reward_scale", 1000.0),
    ("demo_sigma", 2.0),
)
