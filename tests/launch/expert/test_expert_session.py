"""Whole trainings of tiny experts by the real algorithm."""

from __future__ import annotations

import hashlib
import json

import pytest

from potstill.experience.history_archive import HistoryArchive
from potstill.launch.errors import BadInputError
from potstill.launch.expert.expert_session import ExpertSession
from potstill.launch.expert.finished_result import finished_result
from potstill.launch.expert.rllib_expert_learner import RllibExpertLearner
from potstill.launch.expert.run_folder import ExpertFolder
from potstill.launch.reporting.event_log import read_events
from potstill.learners.sac.errors import DivergedError
from potstill.policies.expert_manifest import ExpertManifest
from potstill.policies.expert_policy import ExpertPolicy

pytestmark = pytest.mark.usefixtures("one_ray")


def train(config, path, *, until=None):
    """A session; ends at ``until`` environment steps as an interrupted one does."""
    session = ExpertSession(config, path)
    try:
        while session.state == "training" and session.figures()["env_steps"] < (until or 10**9):
            session.advance()
    finally:
        session.close()
    return session


@pytest.fixture(scope="module")
def finished(tmp_path_factory, one_ray, tiny_config):
    """A run directory that nobody disturbed."""
    path = tmp_path_factory.mktemp("finished") / "run"
    assert train(tiny_config, path).state == "finished"
    return path


def test_a_finished_run_has_every_artifact_that_was_promised(finished):
    for name in ("config.yaml", "provenance.json", "events.jsonl", "report.json", "report.html"):
        assert (finished / name).stat().st_size > 0
    result = json.loads((finished / "report.json").read_text())["results"][0]
    assert result["state"] == "finished" and result["env_steps"] == 1600 and result["updates"] > 0
    assert [point["env_steps"] for point in result["curve"]] == [800, 1600]
    assert finished_result(finished) == result


def test_the_final_expert_states_its_figure_and_the_manifest_names_it(finished):
    policy = ExpertPolicy.load(finished / "expert")
    result = finished_result(finished)
    assert policy.facts.kind == "final"
    assert policy.facts.success_rate == result["success_rate"]
    assert policy.facts.trained_with == ExpertFolder(finished).read_config().digest
    manifest = ExpertManifest.read(finished / "expert")
    assert manifest.expert == policy.sha256 and manifest.passed


def test_its_learning_history_is_labelled_by_the_final_expert(finished):
    archive = HistoryArchive.read(finished / "history")
    assert archive.facts.expert == ExpertPolicy.load(finished / "expert").sha256
    assert sum(len(shard["episodes"]) for shard in archive.shards) >= 2


def test_an_interrupted_run_goes_on_from_its_checkpoint(tmp_path, make_config, finished):
    config = make_config()
    train(config, tmp_path, until=800)
    assert finished_result(tmp_path) is None
    session = train(ExpertFolder(tmp_path).read_config(), tmp_path)
    assert session.state == "finished"
    starts = [event for event in read_events(tmp_path / "events.jsonl") if event["event"] == "run_started"]
    assert [(start["env_steps"], start["resumed"]) for start in starts] == [(0, False), (800, True)]
    # Stopped where all episodes end, it comes to the same expert, bit for bit.
    expert, uninterrupted = (ExpertPolicy.load(path / "expert") for path in (tmp_path, finished))
    assert expert.sha256 == uninterrupted.sha256


def test_an_expert_below_the_gate_is_replaced_and_the_manifest_says_so(tmp_path, make_config):
    train(make_config("gate.threshold=1", "budget.env_steps=1000"), tmp_path)
    manifest = ExpertManifest.read(tmp_path / "expert")
    assert not manifest.passed and manifest.history["train"] + manifest.history["validation"] == 2
    assert finished_result(tmp_path)["expert"] == "oracle-fallback"
    assert not (tmp_path / "expert" / "expert.safetensors").exists()


def test_what_a_diverged_training_made_is_set_aside(tmp_path, make_config, monkeypatch):
    learn = RllibExpertLearner.train
    stretches = []

    def explode(self):
        stretches.append(1)
        if len(stretches) > 6:
            raise DivergedError(7, "critic_loss", float("inf"))
        return learn(self)

    monkeypatch.setattr(RllibExpertLearner, "train", explode)
    config = make_config("ladder.interval=800", "ladder.successes=[]", "budget.env_steps=4000")
    session = train(config, tmp_path)
    assert session.state == "diverged"
    assert {path.name for path in (tmp_path / "diverged").iterdir()} == {"best", "ladder", "snapshots"}
    assert not any((tmp_path / name).exists() for name in ("best", "ladder", "expert/expert.safetensors"))
    result = finished_result(tmp_path)
    assert (result["state"], result["expert"]) == ("diverged", "oracle-fallback")
    assert "critic_loss is inf" in (tmp_path / "report.html").read_text()


def test_two_sessions_in_one_directory_are_refused(tmp_path, make_config):
    first = ExpertSession(make_config(), tmp_path)
    try:
        with pytest.raises(BadInputError, match="another runner"):
            ExpertSession(make_config(), tmp_path)
    finally:
        first.close()


class _Hash:
    """Of the first hundred decisions."""

    def __init__(self):
        self.seen = 0
        self.digest = hashlib.sha256()

    def observe(self, fragment, env_steps):
        wanted = max(0, 100 - self.seen)
        for name in ("observation", "action", "reward", "next_observation"):
            rows = getattr(fragment, name).reshape(fragment.decisions, -1)[:wanted]
            self.digest.update(rows.tobytes())
        self.seen += fragment.decisions


def first_hundred(config):
    history = _Hash()
    learner = RllibExpertLearner(config, history=history, checkpoint=None)
    try:
        while history.seen < 100:
            learner.train()
    finally:
        learner.close()
    return history.digest.hexdigest()


def test_the_same_seed_gives_the_same_first_hundred_steps_and_another_seed_others(make_config):
    fast = "sac.update_ratio=0.1"
    hashes = [first_hundred(make_config(fast, seed=seed)) for seed in (3, 3, 4)]
    assert hashes[0] == hashes[1] != hashes[2]
