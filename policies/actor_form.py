"""How an actor's last layer becomes an action: what differs between the algorithms that trained it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class ActorForm:
    """Our own SAC: the defaults."""

    activation: Literal["relu", "tanh"] = "relu"
    """After each hidden layer."""
    squash: Literal["tanh", "clip"] = "tanh"
    """From the mean to an action in [-1, 1]."""
    log_std: Literal["rescaled", "clipped"] = "rescaled"
    """Into its bounds: by tanh, or by cutting."""
    log_std_min: float = -20.0
    log_std_max: float = 2.0

    def __post_init__(self) -> None:
        for name, allowed in (
            ("activation", ("relu", "tanh")),
            ("squash", ("tanh", "clip")),
            ("log_std", ("rescaled", "clipped")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}: got {getattr(self, name)!r}")
        if not self.log_std_min < self.log_std_max:
            raise ValueError(f"log_std_min must be below log_std_max: got {self.log_std_min}")
