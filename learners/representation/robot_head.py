"""A second code, of the robot: it takes the robot so that the task's code need not; trained, then thrown away."""

from __future__ import annotations

from torch import Tensor, nn


class RobotHead(nn.Module):
    """From the token that stands for the whole window to a code of its robot, and to which robot that is.

    Legend: N windows, W width, Z code, R robots.
    """

    def __init__(self, width: int, code_size: int, robots: int, *, classify: bool) -> None:
        """Random weights; only with ``classify`` is there anything that names robots."""
        super().__init__()
        self.code = nn.Linear(width, code_size)
        self.names = nn.Linear(code_size, robots) if classify else None

    def forward(self, whole_NW: Tensor) -> tuple[Tensor, Tensor | None]:
        """The robot's code (N, Z), and a score (N, R) of every robot where there are names."""
        code_NZ = self.code(whole_NW)
        return code_NZ, None if self.names is None else self.names(code_NZ)
