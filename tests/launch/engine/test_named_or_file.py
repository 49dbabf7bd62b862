from __future__ import annotations

from dataclasses import dataclass

import pytest

from potstill.launch.engine.named_or_file import named_or_file
from potstill.launch.errors import BadInputError


@dataclass(frozen=True, kw_only=True)
class Config:
    recipe: str
    seed: int = 0


RECIPES = {"demo": lambda: Config(recipe="demo"), "smoke": lambda: Config(recipe="smoke", seed=3)}


def test_a_recipe_is_found_by_name_and_by_file(tmp_path):
    assert named_or_file("smoke", RECIPES, Config) == Config(recipe="smoke", seed=3)
    path = tmp_path / "mine.yml"
    path.write_text("recipe: mine\nseed: 5\n")
    assert named_or_file(str(path), RECIPES, Config) == Config(recipe="mine", seed=5)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("demmo", "unknown 'demmo'; known: demo, smoke, or a .yaml file; did you mean demo"),
        ("xyz", r"or a \.yaml file$"),
        ("nowhere.yaml", "recipe: cannot read nowhere.yaml: No such file"),
    ],
)
def test_neither_is_refused(name, words):
    with pytest.raises(BadInputError, match=words):
        named_or_file(name, RECIPES, Config)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"recipe: [", "is not YAML"),
        (b"\xff\xfe\xff", "is not YAML"),
        (b"just words", "must be a mapping"),
        (b"recipe: mine\nsed: 5", "sed: unknown key; did you mean seed"),
        (b"!!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=words) as refusal:
        named_or_file(str(path), RECIPES, Config)
    assert "\n" not in str(refusal.value)
