"""Choices of the trajectory transformer; the sizes of states and actions follow from the data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrajectoryTransformerConfig:
    """A small encoder: a window of 20 states, 59 tokens, a code of 6 numbers."""

    window: int = 20
    """States it sees at once, 2..256."""
    width: int = 32
    """Numbers per token, 4..1024; a multiple of ``heads``."""
    layers: int = 3
    """Encoder layers, 1..24."""
    heads: int = 8
    """Attention heads, 1..64."""
    feedforward: int = 128
    """Width between the two linear maps of a layer, 4..8192."""
    dropout: float = 0.1
    """Of what each sublayer adds, 0..0.9; while training only."""
    code_size: int = 6
    """Numbers in the task code, 1..1024."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("window", 2, 256),
            ("width", 4, 1024),
            ("layers", 1, 24),
            ("heads", 1, 64),
            ("feedforward", 4, 8192),
            ("dropout", 0.0, 0.9),
            ("code_size", 1, 1024),
        ):
            if not low <= getattr(self, name) <= high:  # also refuses NaN
                raise ValueError(f"{name} must be in {low}..{high}: got {getattr(self, name)}")
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads: got {self.width} and {self.heads}")
