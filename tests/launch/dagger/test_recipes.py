from __future__ import annotations

from collections.abc import Mapping

import pytest

from potstill.launch.configuration import to_mapping
from potstill.launch.dagger.recipes import RECIPES, load_recipe
from potstill.launch.errors import BadInputError
from potstill.launch.main import main

#: What alone tells a control from the method.
DIFFERENCES = {
    "procedural-k1": {"render.keyframe_interval"},
    "procedural-k3": {"render.keyframe_interval"},
    "procedural-k15": {"render.keyframe_interval"},
    "raw-rgb": {"render.keyframe_interval", "render.painter"},
    "randomised": {"render.keyframe_interval", "render.painter"},
    "bc-only": {"collection"},
    "no-warp": {"render.between"},
    "state-only": {"policy.encoder", "rollout.state"},
    "blind": {"policy.encoder"},
    "expert": {"collection"},
}
#: Of the controls without pixels: pictures that nobody looks at are small, plain and of one look, and teach no eyes.
UNSEEN = {
    "render.painter",
    "render.keyframe_interval",
    "render.look_steps",
    "render.size",
    "evaluation.final_looks",
    "learner.privileged_weight",
}


def flat(value, prefix=""):
    if not isinstance(value, Mapping):
        return {prefix.rstrip("."): value}
    return {key: leaf for name, item in value.items() for key, leaf in flat(item, f"{prefix}{name}.").items()}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_reports_under_its_own_name(name):
    assert load_recipe(name).recipe == name


@pytest.mark.parametrize(("name", "settings"), DIFFERENCES.items())
def test_a_control_differs_from_the_method_in_what_it_controls_for_and_nothing_else(name, settings):
    method, control = (flat(to_mapping(load_recipe(recipe))) for recipe in ("procedural", name))
    changed = {key for key in method if method[key] != control[key]} - {"recipe"}
    pixels = control["policy.encoder"] != "none"
    assert changed == (settings if pixels else changed & UNSEEN | {"policy.encoder"} | settings)
    assert settings <= changed


def test_every_control_with_pixels_is_put_before_the_same_looks():
    for name in ("procedural", *DIFFERENCES):
        config = load_recipe(name)
        looks = ("seen", "held_out", "plain") if config.policy.encoder != "none" else ()
        assert config.evaluation.final_looks == looks


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("no-warp", "400 rollouts, 3 trainings, 300 evaluation episodes"),
        ("state-only", "400 rollouts, 3 trainings, 120 evaluation episodes"),
        ("expert", "0 rollouts, 0 trainings, 60 evaluation episodes"),
    ],
)
def test_a_dry_run_says_what_a_control_costs(name, asked, tmp_path, capsys):
    run_dir = tmp_path / "run"
    assert main(["dagger", "run", "--recipe", name, "--run-dir", str(run_dir), "--dry-run"]) == 0
    assert asked in capsys.readouterr().out
    assert not run_dir.exists()


def test_an_unknown_recipe_is_answered_with_the_nearest():
    with pytest.raises(BadInputError, match="did you mean procedural-k3"):
        load_recipe("procedural-k4")
