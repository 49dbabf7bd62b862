"""Simulations between two episodes: building one takes longer than many steps, keeping all takes too much memory."""

from __future__ import annotations

from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.task_simulation import TaskSimulation


class IdleSimulations:
    """Kept by task, robot and dynamics; of more than ``most`` those are let go that have waited longest.

    An episode depends on its seed alone, so it makes no difference which simulation it gets.
    """

    def __init__(self, *, most: int = 64) -> None:
        self._most = most
        self._idle: list[TaskSimulation] = []

    def __len__(self) -> int:
        return len(self._idle)

    def take(self, task: str, robot: str, dynamics: DynamicsConfig) -> TaskSimulation:
        """The one that was used last, or a new one.

        Raises:
            ValueError: unknown task or robot; names the nearest ones.
        """
        wanted = (task, robot, dynamics)
        for place in reversed(range(len(self._idle))):
            idle = self._idle[place]
            if (idle.task, idle.robot, idle.dynamics) == wanted:
                return self._idle.pop(place)
        return TaskSimulation(task, robot=robot, dynamics=dynamics)

    def give(self, simulation: TaskSimulation) -> None:
        """Keep it for later."""
        self._idle.append(simulation)
        del self._idle[: -self._most]
