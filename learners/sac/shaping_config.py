"""How a collective policy guides a student of soft actor-critic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

#: How the collective policy's advice enters; see ``ShapingConfig.form``.
ShapingForm = Literal["bonus", "potential"]


@dataclass(frozen=True, kw_only=True)
class ShapingConfig:
    """Off unless ``teacher`` names a collective policy C, which is frozen.

    With C read along the student's own history, mu the squashed mean, s the state and a the student's action::

        b(s, a) = prod_d exp( -(a_d - mu_d)^2 / (2 sigma_d^2) ) in (0, 1],   sigma = max(exp(log_std), std_floor)

    Source of the bonus: spec/collective.md 1.6. The potential is the look-ahead advice of Wiewiora, Cottrell and
    Elkan 2003 ("Principled methods for advising reinforcement learning agents", ICML).
    """

    teacher: str = ""
    """Folder of the collective policy's checkpoint; empty = no shaping."""
    form: ShapingForm = "bonus"
    """``bonus``: w(t) b is added to the reward; it changes what is optimal until w(t) is 0. ``potential``: with
    Phi = weight * b, gamma Phi(s', a') - Phi(s, a) is added and the actor maximises Q + Phi; what is optimal stays, and
    the weight is the same for ever (the critics that are saved then lack Phi, and so do value labels made by them)."""
    weight: float = 1.0
    """w0, in the task's reward (0..10 per environment step) for one decision, (0, 10000]."""
    start_step: int | None = None
    """t0: environment steps until which w(t) is w0, 0..10**9; none = the end of the random decisions."""
    end_step: int | None = None
    """T: environment steps from which on w(t) is 0, 1..10**9; none = the training's budget."""
    std_floor: float = 0.2
    """Least sigma, (0, 10], in units of the action. Good experts are all but deterministic (log_std below -9, and an
    oracle's label has none at all): without a floor b is 0 wherever the student is, and says nothing. Where a teacher's
    actions lie at -1 or 1, as an oracle's often do, a student that acts by chance hears it only from about 0.5 on."""

    def __post_init__(self) -> None:
        if self.form not in get_args(ShapingForm):
            raise ValueError(f"form must be one of {', '.join(get_args(ShapingForm))}: got {self.form!r}")
        for name, most in (("weight", 10_000.0), ("std_floor", 10.0)):
            if not 0.0 < getattr(self, name) <= most:
                raise ValueError(f"{name} must be in (0, {most:g}]: got {getattr(self, name)}")
        for name, least in (("start_step", 0), ("end_step", 1)):
            value = getattr(self, name)
            if value is not None and not least <= value <= 10**9:
                raise ValueError(f"{name} must be in {least}..10**9 or none: got {value}")
        if self.start_step is not None and self.end_step is not None and self.end_step <= self.start_step:
            raise ValueError(f"end_step must be above start_step: got {self.end_step} and {self.start_step}")

    @property
    def on(self) -> bool:
        """Whether there is a teacher."""
        return bool(self.teacher)

    def advice_size(self, action_size: int) -> int:
        """Numbers that the replay keeps beside every transition: none, b, or (mu, sigma) at s and at s'."""
        if not self.on:
            return 0
        return 1 if self.form == "bonus" else 4 * action_size

    def weight_at(self, env_steps: int, *, random_steps: int) -> float:
        """w(t) = w0 clip(1 - (t - t0) / (T - t0), 0, 1), for the bonus.

        Args:
            env_steps: t.
            random_steps: Environment steps of the random decisions, t0 unless it is set.

        Raises:
            ValueError: T is not set.
        """
        if self.end_step is None:
            raise ValueError("end_step must be set: only a training with a budget knows when it ends")
        start = random_steps if self.start_step is None else self.start_step
        left = 1.0 - (env_steps - start) / max(1, self.end_step - start)
        return self.weight * min(1.0, max(0.0, left))
