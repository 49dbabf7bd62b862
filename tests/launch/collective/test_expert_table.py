"""Experts of cells: found, checked, pinned by hash, copied into the run directory; the oracle teaches the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from potstill.actors.teacher_source import TeacherSource
from potstill.launch.collective.config import CollectiveConfig
from potstill.launch.collective.expert_table import ExpertTable
from potstill.launch.configuration import build, to_mapping
from potstill.launch.engine.pinned_expert import source_of
from potstill.launch.errors import BadInputError, FinishedShortError
from potstill.policies.expert_manifest import ExpertManifest

REACH = Path(__file__).parents[3] / "experts/reach-v3-sawyer"


@pytest.fixture
def config_of(tiny):
    return lambda *folders: replace(tiny, experts=tuple(map(str, folders)))


def test_without_experts_the_oracle_teaches_every_cell(tiny, tmp_path):
    table = ExpertTable.find(tiny, tmp_path)
    assert (table.config, table.by_cell, table.sources) == (tiny, {}, {})
    assert {table.expert_of(*cell) for cell in tiny.cells} == {"oracle"}


def test_a_trained_expert_teaches_its_own_cell_only(config_of, tmp_path):
    table = ExpertTable.find(config_of(REACH), tmp_path / "run")
    (pinned,) = table.config.experts
    assert table.expert_of("sawyer", "reach-v3") == pinned and pinned.startswith("teachers/")
    assert table.expert_of("sawyer", "drawer-close-v3") == "oracle"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("place", ["", "expert"])
def test_an_expert_is_found_in_the_run_that_trained_it(write_expert, config_of, tmp_path, place):
    sha256 = write_expert(tmp_path / "training/expert")
    table = ExpertTable.find(config_of(tmp_path / "training" / place), tmp_path / "run")
    assert table.config.experts == (f"teachers/{sha256}",)


def test_a_run_can_be_resumed_when_the_training_is_gone(write_expert, config_of, tmp_path):
    sha256, run_dir = write_expert(tmp_path / "expert"), tmp_path / "run"
    found = ExpertTable.find(config_of(tmp_path / "expert"), run_dir)
    found.copy(run_dir)
    (tmp_path / "expert").rename(tmp_path / "elsewhere")

    saved = build(CollectiveConfig, to_mapping(found.config))
    again = ExpertTable.find(saved, run_dir)
    assert (again.config, again.by_cell, again.sources) == (found.config, found.by_cell, {})
    source = source_of(again.expert_of("sawyer", "reach-v3"), run_dir)
    assert source == TeacherSource(folder=str(run_dir / "teachers" / sha256), sha256=sha256)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "push-v3"}, "is an expert of push-v3 with sawyer, which is not in this run"),
        ({"robot": "panda"}, "is an expert of reach-v3 with panda, which is not in this run"),
        # An unseen robot is only evaluated: nobody learns from its expert.
        ({"robot": "ur5e"}, "is an expert of reach-v3 with ur5e, which is not in this run"),
    ],
)
def test_an_expert_of_no_cell_is_refused(write_expert, config_of, tmp_path, changes, words):
    write_expert(tmp_path / "x", **changes)
    with pytest.raises(BadInputError, match=f"experts: {tmp_path / 'x'}: {words}"):
        ExpertTable.find(config_of(tmp_path / "x"), tmp_path / "run")


def test_two_experts_of_one_cell_are_refused(write_expert, config_of, tmp_path):
    for seed in (1, 2):
        write_expert(tmp_path / str(seed), seed=seed)
    with pytest.raises(BadInputError, match="there are two experts of reach-v3 with sawyer"):
        ExpertTable.find(config_of(tmp_path / "1", tmp_path / "2"), tmp_path / "run")


def test_what_is_no_expert_is_refused(write_expert, config_of, tmp_path):
    (tmp_path / "empty").mkdir()
    write_expert(tmp_path / "broken")
    path = tmp_path / "broken/expert.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    for name, words in (
        ("nowhere", "no such folder"),
        ("empty", "holds no expert"),
        ("broken", "unreadable"),
    ):
        with pytest.raises(BadInputError, match=f"experts: .*{name}.*{words}"):
            ExpertTable.find(config_of(tmp_path / name), tmp_path / "run")
    with pytest.raises(BadInputError, match="experts: oracle: teaches wherever no expert is named"):
        ExpertTable.find(config_of("oracle"), tmp_path / "run")


def test_an_expert_below_its_gate_is_refused_with_the_way_out(write_expert, config_of, tmp_path):
    sha256 = write_expert(tmp_path / "expert")
    ExpertManifest(
        expert="oracle-fallback", reason="bad", task="reach-v3", robot="sawyer", model_hash="a", threshold=0.8,
        success_rate=0.1, eval_episodes=50, rejected=sha256, history={},
    ).write(tmp_path / "expert")  # fmt: skip
    with pytest.raises(BadInputError, match="did not pass its quality gate; leave it out"):
        ExpertTable.find(config_of(tmp_path / "expert"), tmp_path / "run")


def test_a_pinned_expert_that_is_gone_or_another_one_is_refused(write_expert, config_of, tmp_path):
    run_dir = tmp_path / "run"
    write_expert(tmp_path / "expert")
    found = ExpertTable.find(config_of(tmp_path / "expert"), run_dir)
    found.copy(run_dir)
    pinned = run_dir / found.config.experts[0]
    write_expert(pinned, seed=7)
    with pytest.raises(BadInputError, match=f"experts: {found.config.experts[0]}: .*wanted"):
        ExpertTable.find(found.config, run_dir)
    (pinned / "expert.safetensors").unlink()
    with pytest.raises(BadInputError, match=f"experts: {found.config.experts[0]}: .*missing"):
        ExpertTable.find(found.config, run_dir)


def test_a_run_is_labelled_by_the_expert_of_each_cell(make_rig):
    rig = make_rig(experts=(str(REACH),))
    rig.run(until="collect")
    for entry in rig.store.entries(0):
        episode = rig.store.load(entry)
        trained = episode.meta.task == "reach-v3"
        assert (episode.meta.expert == "oracle") is not trained
        # Only a trained expert is a distribution.
        assert (episode.expert_log_std is not None) is trained
        assert np.isfinite(episode.expert_action).all()


def test_an_expert_of_another_model_acts_nowhere_and_the_run_says_so(write_expert, make_rig, tmp_path):
    write_expert(tmp_path / "x", model_hash="b" * 64)
    rig = make_rig(experts=(str(tmp_path / "x"),))
    with pytest.raises(
        FinishedShortError, match=r"5 of 10 done, 5 dead.*model bbbbbbbbbbbb.*wanted reach-v3"
    ):
        rig.run()
