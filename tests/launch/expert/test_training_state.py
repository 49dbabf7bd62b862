from __future__ import annotations

import json
from dataclasses import replace

import pytest

from potstill.launch.expert.config import LadderConfig
from potstill.launch.expert.training_state import CurvePoint, TrainingState


def state_of(*successes, env_steps=None, **more):
    """One evaluation of ten episodes every 1,000 steps."""
    curve = tuple(
        CurvePoint(env_steps=1000 * (index + 1), successes=count, episodes=10)
        for index, count in enumerate(successes)
    )
    return TrainingState(env_steps=env_steps or 1000 * len(successes), curve=curve, **more)


def test_of_equally_good_evaluations_the_latest_is_the_best():
    assert state_of(3, 9, 9, 5).best.env_steps == 3000
    assert TrainingState().best is None


@pytest.mark.parametrize(("env_steps", "due"), [(999, False), (1000, True), (1999, True)])
def test_an_evaluation_is_due_when_a_multiple_of_the_interval_was_passed(env_steps, due):
    assert TrainingState(env_steps=env_steps).evaluation_due(1000) is due


def test_an_evaluation_is_not_due_twice_for_one_multiple():
    assert not state_of(3, env_steps=1900).evaluation_due(1000)
    assert state_of(3, env_steps=2000).evaluation_due(1000)


@pytest.mark.parametrize(
    ("successes", "due"),
    [((1,), False), ((2,), True), ((2, 3), False), ((0, 9), True), ((5, 2, 5), False), ((5, 2, 6), True)],
)
def test_a_rung_is_kept_at_the_first_evaluation_that_reaches_a_level(successes, due):
    assert state_of(*successes).rung_due(LadderConfig(successes=(0.2, 0.4, 0.6, 0.8))) is due


def test_rungs_may_also_come_at_regular_times():
    ladder = LadderConfig(successes=(), interval=2000)
    assert not state_of(0).rung_due(ladder)
    assert state_of(0, 0).rung_due(ladder)
    assert not state_of(0, 0, 0, ladder=(2000,)).rung_due(ladder)


def test_training_ends_when_two_evaluations_in_a_row_are_good_enough(make_config):
    config = make_config("evaluation.stop_at=0.9", "budget.env_steps=100000")
    assert state_of(9, 5, 9).reason_to_end(config) == ""
    assert "two evaluations" in state_of(5, 9, 10).reason_to_end(config)
    assert state_of(10).reason_to_end(config) == ""


def test_training_ends_with_its_steps_or_its_minutes(make_config):
    config = make_config("budget.env_steps=2000", "budget.minutes=2")
    assert state_of(0).reason_to_end(config) == ""
    assert "2000 environment steps" in state_of(0, 0).reason_to_end(config)
    assert "2 minutes" in replace(state_of(0), seconds=120.0).reason_to_end(config)


def test_a_state_survives_json():
    state = replace(state_of(1, 2, ladder=(1000,)), seconds=1.5, ended="x")
    assert TrainingState.from_mapping(json.loads(json.dumps(state.to_mapping()))) == state
