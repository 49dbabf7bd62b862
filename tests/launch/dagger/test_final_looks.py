"""The best checkpoint before several looks, and the expert itself: evaluations beside those of the rounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from potstill.actors.episode_in_progress import EpisodeInProgress
from potstill.launch.dagger.plan import describe_plan
from potstill.launch.dagger.prompt_file import PromptFile
from potstill.launch.reporting.report import build_report

LOOKS = ("seen", "held_out", "plain")


def facts(events, name):
    return [
        {key: value for key, value in event.items() if key not in ("time", "evaluation_seconds")}
        for event in events.named(name)
    ]


@pytest.fixture
def looking_rig(make_rig):
    """``looking_rig("name")``: a run that ends with three looks; its prompts are pinned."""

    def make(name="run"):
        rig = make_rig(name)
        asked = replace(rig.config, evaluation=replace(rig.config.evaluation, final_looks=LOOKS))
        prompts = PromptFile.find(asked, rig.run_dir)
        prompts.copy(rig.run_dir)
        rig.config = prompts.config
        return rig

    return make


def test_each_look_is_evaluated_on_the_final_seeds_with_a_vector_of_its_own(looking_rig, uninterrupted):
    rig = looking_rig()
    events = rig.run()
    (final,) = facts(events, "final_evaluation_finished")
    looks = facts(events, "look_evaluation_finished")
    assert [event["look"] for event in looks] == list(LOOKS)
    for event in looks:
        assert event["seeds"] == final["seeds"] and event["round"] == final["round"]
        assert len(event["successes"]) == len(event["steps"]) == len(event["render_calls"]) == 2
        assert event["render_calls"] == event["steps"]
    # Other pictures, other actions: the looks were really shown (the twin colours its wall by painter).
    assert len({tuple(event["returns"]) for event in looks}) > 1
    # Nothing else of the run knows of the looks.
    policies, evaluations = rig.outcome()
    straight_policies, straight_evaluations = uninterrupted[0].outcome()
    assert policies == straight_policies
    assert evaluations == evaluations | straight_evaluations and len(evaluations) == 3 + len(LOOKS)


def test_the_report_has_each_look_with_its_interval(looking_rig):
    events = looking_rig().run()
    report = build_report(events.said)
    assert list(report["final_looks"]) == list(LOOKS)
    for entry in report["final_looks"].values():
        assert list(entry) == ["success_rate", "success_ci95", "eval_episodes"]
        assert entry["eval_episodes"] == 2
    assert build_report(events.said[:-4])["final_looks"].keys() < set(LOOKS)


@pytest.mark.parametrize("number", range(10, 14))
def test_killed_between_looks_it_ends_as_if_it_had_not_been(looking_rig, number):
    straight = looking_rig("straight")
    whole = straight.run()
    rig = looking_rig("killed")
    before = rig.run(kill_after=number)
    rig.lose_queue()
    after = rig.run()
    assert rig.outcome() == straight.outcome()
    told = build_report(before.said + after.said)["final_looks"]
    assert told == build_report(whole.said)["final_looks"]


def test_a_look_that_is_added_to_a_finished_run_is_all_that_is_done(looking_rig):
    rig = looking_rig()
    evaluation = rig.config.evaluation
    rig.run(config=replace(rig.config, evaluation=replace(evaluation, final_looks=LOOKS[:1])))
    config = replace(rig.config, evaluation=evaluation)
    lines = describe_plan(config, rig.run_dir).splitlines()
    assert [line.split()[1].rstrip(":") for line in lines if line.startswith("  redo")] == [
        "final.held_out.evaluation",
        "final.plain.evaluation",
    ]
    events = rig.run(config=config)
    assert [event["look"] for event in events.named("look_evaluation_finished")] == list(LOOKS[1:])
    assert events.named("training_finished") == events.named("evaluation_finished") == []


class TestTheExpertItself:
    @pytest.fixture
    def expert(self, make_rig, monkeypatch):
        """A finished run of the ceiling, long enough to succeed: (rig, its events, actions of whom)."""
        rig = make_rig(collection="none")
        evaluation = replace(rig.config.evaluation, final_episodes=4, max_steps=80)
        rig.config = replace(rig.config, evaluation=evaluation)
        labels = []
        act = EpisodeInProgress.act
        monkeypatch.setattr(
            EpisodeInProgress, "act", lambda self, action: labels.append(action) or act(self, action)
        )
        return rig, rig.run(), labels

    def test_is_evaluated_and_nothing_is_collected_or_learned(self, expert):
        rig, events, actions = expert
        assert [event["event"] for event in events.named()] == ["final_evaluation_finished", "run_finished"]
        assert events.named("final_evaluation_finished")[0]["successes"] == [1, 1, 1, 1]
        assert set(actions) == {None}  # no student ever acted
        assert rig.store.rounds() == [] and not list(rig.run_dir.glob("checkpoints/*"))

    def test_has_the_report_of_any_run(self, expert):
        report = build_report(expert[1].said)
        assert report["rounds"] == [] and report["finished"]
        assert report["final"]["success_rate"] == 1.0 and report["final"]["eval_episodes"] == 4

    def test_is_not_evaluated_twice(self, expert):
        rig, _, _ = expert
        assert "reuse  final.evaluation" in describe_plan(rig.config, rig.run_dir)
        assert [event["event"] for event in rig.run().named()] == ["run_finished"]
