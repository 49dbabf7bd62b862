from __future__ import annotations

import pytest
import yaml

from potstill.envs.robots.robot_names import ROBOT_NAMES
from potstill.envs.task_names import MT10
from potstill.launch.collective.config import CollectiveConfig
from potstill.launch.collective.recipes import RECIPES, load_recipe
from potstill.launch.configuration import build, to_mapping
from potstill.launch.errors import BadInputError


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_complete_named_after_itself_and_survives_its_file(name, tmp_path):
    config = load_recipe(name)
    assert config.recipe == name
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(to_mapping(config), sort_keys=False))
    assert load_recipe(str(path)) == config == build(CollectiveConfig, to_mapping(config))


def test_the_large_recipe_splits_all_arms_into_five_seen_and_four_unseen():
    config = load_recipe("mt10")
    assert config.tasks == MT10
    assert (len(config.robots), len(config.unseen_robots)) == (5, 4)
    assert {*config.robots, *config.unseen_robots} == set(ROBOT_NAMES)


def test_an_unknown_recipe_is_refused_with_the_nearest_one():
    with pytest.raises(BadInputError, match="unknown 'smoky'; known: .*; did you mean smoke"):
        load_recipe("smoky")


def test_a_file_of_another_pipeline_is_refused_by_its_first_strange_key(tmp_path):
    from potstill.launch.dagger.recipes import load_recipe as load_dagger

    path = tmp_path / "dagger.yaml"
    path.write_text(yaml.safe_dump(to_mapping(load_dagger("smoke")), sort_keys=False))
    with pytest.raises(BadInputError, match="task: unknown key; did you mean tasks?"):
        load_recipe(str(path))
