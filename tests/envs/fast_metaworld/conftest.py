"""Simulations that step as Meta-World itself does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from potstill.envs.task_simulation import TaskSimulation


@pytest.fixture
def stock_simulation(monkeypatch: pytest.MonkeyPatch) -> Callable[..., TaskSimulation]:
    """``stock_simulation(task)``: a simulation that nothing has accelerated."""

    def build(*args: str, **settings: object) -> TaskSimulation:
        with monkeypatch.context() as patch:
            patch.setattr("potstill.envs.task_simulation.accelerate", lambda env, spec: False)
            return TaskSimulation(*args, **settings)

    return build
