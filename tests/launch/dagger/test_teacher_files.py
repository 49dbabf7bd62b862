"""Experts as teachers of a run: found, checked, pinned by hash, copied into the run directory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from potstill.actors.teacher_source import TeacherSource
from potstill.launch.configuration import build, to_mapping
from potstill.launch.dagger.config import DaggerConfig, TeacherConfig
from potstill.launch.dagger.recipes import load_recipe
from potstill.launch.dagger.stages import (
    rollout_stage,
)
from potstill.launch.dagger.teacher_files import TeacherFiles
from potstill.launch.engine.pinned_expert import source_of
from potstill.launch.errors import BadInputError
from potstill.policies.expert_manifest import ExpertManifest


def config_of(**teacher):
    return DaggerConfig(recipe="r", teacher=TeacherConfig(**teacher))


@pytest.fixture
def training(write_expert, tmp_path):
    """The run directory of a training: (folder, sha256 of the final expert, those of the ladder)."""
    folder = tmp_path / "training"
    steps = [
        write_expert(folder / "ladder" / f"step_{number:08d}", seed=number, kind="ladder")
        for number in (1, 2, 10)
    ]
    return folder, write_expert(folder / "expert", seed=20), steps


def test_the_oracle_needs_nothing(tmp_path):
    config = config_of()
    found = TeacherFiles.find(config, tmp_path)
    assert found.config == config and not found.sources
    assert source_of("oracle", tmp_path) == TeacherSource()


@pytest.mark.parametrize("expert", ["", "expert"])
@pytest.mark.parametrize("ladder", ["", "ladder"])
def test_an_expert_and_its_ladder_are_found_in_the_run_that_trained_them(training, tmp_path, expert, ladder):
    folder, final, steps = training
    config = config_of(expert=str(folder / expert), ladder_experts=(str(folder / ladder),))
    found = TeacherFiles.find(config, tmp_path / "run")
    assert found.config.teacher.expert == f"teachers/{final}"
    assert found.config.teacher.ladder_experts == tuple(f"teachers/{sha256}" for sha256 in steps)
    assert not (tmp_path / "run").exists()


def test_a_run_can_be_resumed_when_the_training_is_gone(training, tmp_path):
    folder, final, steps = training
    run_dir = tmp_path / "run"
    config = config_of(expert=str(folder), ladder_experts=tuple(str(p) for p in folder.glob("ladder/step_*")))
    found = TeacherFiles.find(config, run_dir)
    found.copy(run_dir)
    folder.rename(tmp_path / "elsewhere")

    saved = build(DaggerConfig, to_mapping(found.config))
    again = TeacherFiles.find(saved, run_dir)
    assert again.config == found.config and not again.sources
    source = source_of(again.config.teacher.expert, run_dir)
    assert source == TeacherSource(folder=str(run_dir / "teachers" / final), sha256=final)


def test_another_expert_at_the_same_place_is_another_input_of_every_round(write_expert, tmp_path):
    stages = []
    for seed in (1, 2):
        write_expert(tmp_path / "expert", seed=seed)
        config = TeacherFiles.find(config_of(expert=str(tmp_path / "expert")), tmp_path / "run").config
        stages.append([rollout_stage(config, round_index, "s") for round_index in (0, 1)])
    for one, two in zip(*stages):
        assert one.key != two.key


def test_the_stages_of_a_run_with_the_oracle_are_those_of_before_there_were_experts():
    inputs = rollout_stage(config_of(), 0, "").inputs
    assert inputs["expert"] == "oracle"
    assert set(inputs["teacher"]) == {"expert", "ladder", "ladder_fraction"}


def test_an_expert_that_did_not_pass_its_gate_is_the_oracle(training, tmp_path):
    folder, final, _ = training
    manifest = ExpertManifest(
        expert=final, reason="good", task="reach-v3", robot="sawyer", model_hash="a", threshold=0.8,
        success_rate=0.9, eval_episodes=50, rejected="", history={},
    )  # fmt: skip
    manifest.write(folder / "expert")
    config = config_of(expert=str(folder))
    assert TeacherFiles.find(config, tmp_path).config.teacher.expert == f"teachers/{final}"
    replace(manifest, expert="oracle-fallback", rejected=final).write(folder / "expert")
    assert TeacherFiles.find(config, tmp_path).config.teacher.expert == "oracle"


@pytest.mark.parametrize("key", ["expert", "ladder_experts"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "push-v3"}, ["expert of push-v3", "wanted reach-v3"]),
        ({"robot": "ur5e"}, ["with ur5e", "with sawyer"]),
        ({"model_hash": "b" * 64}, ["model bbbbbbbbbbbb", "wanted reach-v3"]),
        ({"observation_layout": "other.1"}, ["other.1", "metaworld-39"]),
    ],
)
def test_an_expert_of_another_world_is_refused_naming_key_folder_and_both(
    write_expert, tmp_path, key, changes, words
):
    write_expert(tmp_path / "x", **changes)
    place = str(tmp_path / "x")
    config = config_of(**{key: place if key == "expert" else (place,)})
    with pytest.raises(BadInputError) as refusal:
        TeacherFiles.find(config, tmp_path)
    for word in [f"teacher.{key}: {place}", *words]:
        assert word in str(refusal.value)


def test_what_is_no_expert_is_refused(write_expert, tmp_path):
    (tmp_path / "empty").mkdir()
    write_expert(tmp_path / "broken")
    path = tmp_path / "broken" / "expert.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    write_expert(tmp_path / "judged")
    (tmp_path / "judged" / "manifest.json").write_text("{")
    for spec, words in (
        ("nowhere", "no such folder"),
        ("empty", "potstill expert convert"),
        ("broken", "unreadable"),
        ("judged", "not the manifest of an expert"),
    ):
        with pytest.raises(BadInputError, match=words):
            TeacherFiles.find(config_of(expert=str(tmp_path / spec)), tmp_path)


def test_a_pinned_expert_that_is_gone_or_another_one_is_refused(write_expert, tmp_path):
    run_dir = tmp_path / "run"
    write_expert(tmp_path / "expert")
    found = TeacherFiles.find(config_of(expert=str(tmp_path / "expert")), run_dir)
    found.copy(run_dir)
    pinned = run_dir / found.config.teacher.expert
    write_expert(pinned, seed=7)
    with pytest.raises(BadInputError, match="wanted .*; restore it"):
        TeacherFiles.find(found.config, run_dir)
    (pinned / "expert.safetensors").unlink()
    with pytest.raises(BadInputError, match="missing; restore it"):
        TeacherFiles.find(found.config, run_dir)


def test_a_teacher_that_was_never_pinned_reaches_no_worker(tmp_path):
    with pytest.raises(ValueError, match="never pinned"):
        source_of("some/folder", tmp_path)


def test_demo_sac_asks_for_its_expert_by_name(refused, write_expert, tmp_path):
    assert load_recipe("demo-sac").teacher.expert == ""
    line = refused("dagger", "run", "--recipe", "demo-sac", "--run-dir", tmp_path / "run", "--dry-run")
    assert "--set teacher.expert=DIR" in line and "potstill expert train --task reach-v3" in line
    line = refused(
        "dagger",
        "run",
        "--recipe",
        "demo-sac",
        "--run-dir",
        tmp_path / "run",
        "--set",
        "teacher.expert=nowhere",
    )
    assert "teacher.expert: nowhere: no such folder" in line
    assert not (tmp_path / "run").exists()


def test_demo_sac_with_an_expert_is_a_run(command, write_expert, tmp_path):
    write_expert(tmp_path / "expert")
    words = ("dagger", "run", "--recipe", "demo-sac", "--run-dir", tmp_path / "run", "--dry-run")
    code, out, err = command(*words, "--set", f"teacher.expert={tmp_path / 'expert'}")
    assert (code, err) == (0, "")
    assert out.startswith("demo-sac: reach-v3, 4 rounds")
