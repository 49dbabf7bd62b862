from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from potstill.launch.collective.recipes import smoke as collective
from potstill.launch.collective.run_folder import CollectiveFolder
from potstill.launch.dagger.recipes import smoke
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.errors import BadInputError


def test_identity_and_provenance_are_made_once_and_kept_for_ever(tmp_path: Path) -> None:
    folder = DaggerFolder(tmp_path)
    run = folder.open(smoke())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    assert folder.open(smoke()) == run
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert folder.read_config() == smoke()


def test_provenance_says_what_decides_the_numbers(tmp_path: Path) -> None:
    DaggerFolder(tmp_path).open(replace(smoke(), seed=5))
    provenance = json.loads((tmp_path / "provenance.json").read_text())

    assert provenance["seed"] == 5
    assert provenance["versions"]["torch"] and provenance["hardware"]["cores"] >= 1


def test_a_folder_with_other_things_in_it_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(BadInputError, match="is not empty and holds no run"):
        DaggerFolder(tmp_path).check(smoke(), resume=False)


def test_resuming_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no run"):
        DaggerFolder(tmp_path).check(smoke(), resume=True)


def test_two_runs_of_one_recipe_have_different_names(tmp_path: Path) -> None:
    names = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        names.add(DaggerFolder(tmp_path / name).open(smoke()))
    assert len(names) == 2


def test_a_run_of_another_pipeline_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    DaggerFolder(tmp_path).open(smoke())
    CollectiveFolder(tmp_path / "nothing").check(collective(), resume=False)
    for attempt in (
        CollectiveFolder(tmp_path).read_config,
        CollectiveFolder(tmp_path).check_pipeline,
        lambda: CollectiveFolder(tmp_path).check(collective(), resume=False),
    ):
        with pytest.raises(
            BadInputError, match="holds a run of 'potstill dagger', not of 'potstill collective'"
        ):
            attempt()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("recipe: [", "cannot be read"),
        ("- 1", "expected a mapping"),
        ("recipe: r\nseed: x", "config.yaml: seed"),
    ],
)
def test_a_damaged_configuration_is_refused_by_its_file(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(BadInputError, match=words):
        DaggerFolder(tmp_path).read_config()


@pytest.mark.parametrize("content", [None, "{", "{}", "[]"])
def test_a_run_without_its_identity_is_refused_by_its_file(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(BadInputError, match="run.json is missing or damaged"):
        DaggerFolder(tmp_path).read_run()
