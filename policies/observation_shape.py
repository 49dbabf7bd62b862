"""What a student sees and does, in numbers; taken from the data, stored with the weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ObservationShape:
    """Sizes of a policy's inputs and output; the frame stack is the network's choice, not the world's."""

    cameras: int
    """C."""
    height: int
    """H, pixels."""
    width: int
    """W, pixels."""
    proprio: int
    """P."""
    actions: int
    """A."""

    def __post_init__(self) -> None:
        for name, low in (("cameras", 1), ("height", 1), ("width", 1), ("proprio", 0), ("actions", 1)):
            if getattr(self, name) < low:
                raise ValueError(f"{name} must be at least {low}: got {getattr(self, name)}")
