from __future__ import annotations

import itertools

import numpy as np
import pytest

from potstill.envs.task_simulation import TaskSimulation
from potstill.envs.vector_task import VectorTask

ACTIONS = np.random.default_rng(0).uniform(-1, 1, (5, 2, 4)).astype(np.float32)


def _vector(**settings: int) -> VectorTask:
    settings = {"envs": 2, "max_steps": 5, "action_repeat": 2, **settings}
    return VectorTask("reach-v3", seeds=itertools.count(10), **settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("envs", 0), ("max_steps", 501), ("max_steps", 0), ("action_repeat", 0), ("threads", 0)],
)
def test_a_number_out_of_range_is_refused_by_name(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} must be"):
        _vector(**{name: value})


def test_actions_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"actions must have shape \(2, 4\)"):
        _vector().step(np.zeros((3, 4), np.float32))


def test_every_environment_acts_as_a_simulation_of_its_own() -> None:
    vector, alone = _vector(max_steps=500), [TaskSimulation("reach-v3") for _ in range(2)]
    observations = [simulation.reset(10 + index) for index, simulation in enumerate(alone)]
    assert (vector.observation == np.float32(observations)).all()
    for actions in ACTIONS:
        step = vector.step(actions)
        for index, simulation in enumerate(alone):
            first, second = (simulation.step(actions[index]) for _ in range(2))
            assert (step.next_observation[index] == second[0].astype(np.float32)).all()
            assert step.reward[index] == np.float32(first[1] + second[1])
            assert step.success[index] == bool(first[2]["success"] or second[2]["success"])
            for repeat, (observation, reward, _) in enumerate((first, second)):
                assert (step.step_observations[repeat, index] == observation.astype(np.float32)).all()
                assert step.step_rewards[repeat, index] == np.float32(reward)
        assert (vector.observation == step.next_observation).all()


def test_an_episode_is_cut_at_its_limit_and_the_next_seed_begins() -> None:
    vector = _vector(max_steps=5, action_repeat=2)
    steps = [vector.step(actions) for actions in ACTIONS[:4]]

    assert [step.truncated.tolist() for step in steps] == [[False] * 2, [False] * 2, [True] * 2, [False] * 2]
    assert [step.episode_seed.tolist() for step in steps] == [[10, 11]] * 3 + [[12, 13]]
    assert steps[3].episode_seed.dtype == np.int64


def test_the_observation_at_the_cut_is_the_last_of_its_episode_and_not_the_next_ones_first() -> None:
    vector, alone = _vector(max_steps=5, action_repeat=2), TaskSimulation("reach-v3")
    alone.reset(10)
    for actions in ACTIONS[:3]:
        step = vector.step(actions)
    for action in (*ACTIONS[0, [0, 0]], *ACTIONS[1, [0, 0]], ACTIONS[2, 0]):
        last = alone.step(action)[0]

    assert (step.next_observation[0] == last.astype(np.float32)).all()
    assert (vector.observation[0] == alone.reset(12).astype(np.float32)).all()


def test_a_success_within_a_decision_counts_even_if_it_is_lost_again(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = iter([True, False, False, False])
    look = TaskSimulation.look

    def flagged(simulation: TaskSimulation) -> tuple:
        observation, reward, info = look(simulation)
        return observation, reward, {**info, "success": next(flags)}

    monkeypatch.setattr(TaskSimulation, "look", flagged)
    assert _vector().step(ACTIONS[0]).success.tolist() == [True, False]


@pytest.mark.parametrize("threads", [2, 3, 9])
def test_threads_change_nothing_but_time(threads: int) -> None:
    actions = np.random.default_rng(1).uniform(-1, 1, (4, 3, 4)).astype(np.float32)
    alone, shared = (_vector(envs=3, max_steps=5, threads=count) for count in (1, threads))
    for one in actions:
        expected, step = alone.step(one), shared.step(one)
        for name, value in vars(expected).items():
            assert (getattr(step, name) == value).all(), name
        assert (shared.observation == alone.observation).all()


def test_what_goes_wrong_in_a_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    vector = _vector(threads=2)

    def fail(action: np.ndarray) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(vector._simulations[1], "push", fail)
    with pytest.raises(RuntimeError, match="out of order"):
        vector.step(ACTIONS[0])
