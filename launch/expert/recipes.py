"""The recipes of experts: one complete configuration for every task, and what is known to suit a task better."""

from __future__ import annotations

from dataclasses import replace

from potstill.launch.errors import BadInputError
from potstill.launch.expert.config import BudgetConfig, ExpertConfig

#: Environment steps of the tasks that need more than the default budget.
_ENV_STEPS = {
    "door-open-v3": 1_500_000,
    "drawer-open-v3": 1_000_000,
    "peg-insert-side-v3": 1_500_000,
    "push-v3": 1_500_000,
    "pick-place-v3": 3_000_000,
}


def default_expert(task: str, *, robot: str = "sawyer", seed: int = 0) -> ExpertConfig:
    """The configuration with which an expert of ``task`` is trained when nothing else is asked.

    Raises:
        BadInputError: unknown task or robot, a seed out of range; names the nearest.
    """
    try:
        config = ExpertConfig(recipe="expert", task=task, robot=robot, seed=seed)
    except ValueError as error:
        raise BadInputError(str(error)) from None
    if task not in _ENV_STEPS:
        return config
    return replace(config, budget=BudgetConfig(env_steps=_ENV_STEPS[task]))
