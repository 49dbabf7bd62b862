from __future__ import annotations

import pytest

from potstill.envs.task_names import MT10
from potstill.launch.configuration import build, override, to_mapping
from potstill.launch.errors import BadInputError
from potstill.launch.expert.config import ExpertConfig
from potstill.launch.expert.recipes import default_expert


def test_the_label_is_the_same_for_equal_configurations_and_only_for_those():
    one, other = default_expert("reach-v3"), default_expert("reach-v3")
    assert one.label == other.label
    assert one.label.startswith("reach-v3-sawyer-seed0-")
    changed = override(one, ["sac.tau=0.01"])
    assert changed.label != one.label


def test_a_configuration_survives_its_yaml_form():
    config = override(default_expert("push-v3", robot="panda", seed=3), ["sac.hidden=[32,32]"])
    assert build(ExpertConfig, to_mapping(config)) == config


def test_every_task_of_mt10_has_a_recipe_and_hard_ones_get_more_steps():
    assert len(set(MT10)) == 10
    budgets = {task: default_expert(task).budget.env_steps for task in MT10}
    assert budgets["pick-place-v3"] > budgets["reach-v3"]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("robot=pnda", "did you mean panda"),
        ("task=reech-v3", "reach-v3"),
        ("seed=-1", "seed must be in"),
        ("budget.minutes=0", "budget.minutes must be in"),
        ("budget.env_steps=1", "budget.env_steps must be in"),
        ("evaluation.stop_at=0", "evaluation.stop_at must be in"),
        ("evaluation.interval=1", "evaluation.interval must be in"),
        ("ladder.successes=[0.5,0.4]", "ladder.successes must be increasing"),
        ("gate.threshold=2", "gate.threshold must be in"),
        ("sac.tau=2", "sac.tau must be in"),
        ("dynamics.action_delay=99", "dynamics.action_delay must be in"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_its_key(setting, words):
    with pytest.raises(BadInputError, match=words):
        override(default_expert("reach-v3"), [setting])


def test_a_recipe_of_an_unknown_task_or_robot_names_the_nearest():
    with pytest.raises(BadInputError, match="reach-v3"):
        default_expert("reech-v3")
    with pytest.raises(BadInputError, match="panda"):
        default_expert("reach-v3", robot="pandas")
