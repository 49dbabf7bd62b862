from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from potstill.experience.errors import ManifestError
from potstill.experience.history_archive import HistoryArchive
from potstill.experience.history_shard import HistoryFacts
from potstill.launch.expert.quality_gate import apply_gate
from potstill.policies.actor_form import ActorForm
from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.expert_file import ExpertFile
from potstill.policies.expert_manifest import ExpertManifest


class Histories:
    """Remembers which history was made."""

    def __init__(self):
        self.made = []

    def make(self, expert):
        def make():
            self.made.append(expert)
            facts = HistoryFacts(task="reach-v3", robot="sawyer", model_hash="a" * 64, seed=3, expert=expert)
            shards = [{"split": "train", "episodes": [1, 2]}, {"split": "validation", "episodes": [3]}]
            return HistoryArchive(facts=facts, shards=tuple(shards))

        return make

    def gate(self, folder, threshold=0.8):
        return apply_gate(
            folder,
            threshold=threshold,
            label_history=self.make("labelled"),
            collect_fallback=self.make("oracle-fallback"),
        )


@pytest.fixture
def histories():
    return Histories()


def write_expert(folder, success_rate, eval_episodes=50):
    facts = ExpertFacts(
        task="reach-v3", robot="sawyer", model_hash="a" * 64, seed=3, env_steps=9, decisions=9,
        success_rate=success_rate, eval_episodes=eval_episodes, kind="final", trained_with="x", hidden=(),
    )  # fmt: skip
    layers = ((np.zeros((39, 8), np.float32), np.zeros(8, np.float32)),)
    return ExpertFile(layers=layers, form=ActorForm(), facts=facts, others={}).write(folder)


@pytest.mark.parametrize("rate", [0.8, 1.0])
def test_a_good_expert_passes_and_labels_its_history(histories, tmp_path, rate):
    sha256 = write_expert(tmp_path, rate)
    manifest = histories.gate(tmp_path)
    assert manifest.passed and manifest.expert == sha256 and manifest.rejected == ""
    assert histories.made == ["labelled"]
    assert (tmp_path / "expert.safetensors").exists()
    assert ExpertManifest.read(tmp_path) == manifest
    assert manifest.history == {"train": 2, "validation": 1}


@pytest.mark.parametrize(
    ("rate", "episodes", "reason"), [(0.78, 50, "below 0.8"), (1.0, 0, "never evaluated")]
)
def test_a_bad_expert_is_set_aside_and_the_manifest_says_who_takes_its_place(
    histories, tmp_path, rate, episodes, reason
):
    sha256 = write_expert(tmp_path, rate, episodes)
    manifest = histories.gate(tmp_path)
    assert not manifest.passed
    assert (manifest.expert, manifest.rejected) == ("oracle-fallback", sha256)
    assert reason in manifest.reason
    assert histories.made == ["oracle-fallback"]
    assert not (tmp_path / "expert.safetensors").exists()
    told = json.loads((tmp_path / "manifest.json").read_text())
    assert (told["expert"], told["passed"], told["success_rate"]) == ("oracle-fallback", False, rate)
    # Called again, after a kill: the same verdict.
    assert histories.gate(tmp_path) == manifest


def test_a_training_without_an_expert_ends_with_the_fallback(histories, tmp_path):
    manifest = histories.gate(tmp_path)
    assert manifest.expert == "oracle-fallback" and manifest.eval_episodes == 0
    assert "no expert" in manifest.reason


def test_a_damaged_manifest_is_refused_and_a_missing_one_is_none(histories, tmp_path):
    assert ExpertManifest.read(tmp_path) is None
    write_expert(tmp_path, 1.0)
    good = histories.gate(tmp_path)
    replace(good, task="push-v3").write(tmp_path)
    assert ExpertManifest.read(tmp_path).task == "push-v3"
    for text in ("{", "[]", '{"expert": "x", "passed": true}'):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(ManifestError, match="not the manifest of an expert"):
            ExpertManifest.read(tmp_path)


def test_a_threshold_out_of_range_is_refused(histories, tmp_path):
    with pytest.raises(ValueError, match="threshold must be"):
        histories.gate(tmp_path, threshold=1.5)
