"""The runner against everything that can happen to it: nothing is lost, doubled, mixed or done twice."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from potstill.envs.rendering.render_config import RenderConfig
from potstill.launch.errors import FinishedShortError, RunFailedError
from potstill.launch.reporting.report import build_report
from potstill.learners.bc.losses import LOSSES
from potstill.queues.task import Ledger

#: Events of a run of two rounds in their order; every stage boundary lies just before or after one of them.
STORY = [
    *("round_started", "rollouts_finished", "training_finished", "evaluation_finished", "round_finished") * 2,
    "final_evaluation_finished",
    "run_finished",
]
SECONDS = ("rollout_seconds", "train_seconds", "evaluation_seconds")


def facts(event):
    return {key: value for key, value in event.items() if key not in ("time", *SECONDS)}


def rounds_of_report(events):
    """The report's rounds without what the clock says."""
    rounds = build_report(events)["rounds"]
    return [{key: value for key, value in entry.items() if key not in SECONDS} for entry in rounds]


class TestAWholeRun:
    def test_the_story_is_told_in_order_with_exact_numbers(self, uninterrupted):
        rig, events = uninterrupted
        assert [event["event"] for event in events.named()] == STORY
        collected = [facts(event) for event in events.named("rollouts_finished")]
        wanted = {"event": "rollouts_finished", "duplicates": 0, "lost": 0, "actor_success_rate": 0.0}
        # 6 steps, 2 cameras; each step painted.
        assert collected == [
            wanted
            | {"round": round_index, "rollouts_committed": n, "frames": 12 * n, "render_calls": 6 * n}
            | {"episode_steps": [6] * n, "episode_render_calls": [6] * n}
            for round_index, n in ((0, 4), (1, 2))
        ]
        betas = [(event["phase"], event["beta"]) for event in events.named("round_started")]
        assert betas == [("bootstrap", 1.0), ("on_policy", 0.0)]

    def test_progress_ends_with_everything_done(self, uninterrupted):
        _, events = uninterrupted
        last = {event["round"]: event for event in events.named("rollouts_progress")}
        assert [(last[i]["done"], last[i]["requested"]) for i in (0, 1)] == [(4, 4), (2, 2)]
        assert last[1]["frames"] == 24 and last[1]["waiting"] == last[1]["leased"] == 0

    def test_each_round_is_sealed_with_exactly_what_was_asked_for(self, uninterrupted):
        rig, _ = uninterrupted
        for round_index, asked in enumerate((4, 2)):
            manifest = rig.store.manifest(round_index)
            assert [entry.index for entry in manifest.entries] == list(range(asked))
            assert rig.store.verify(round_index) == []
        assert rig.queue.ledger() == Ledger(submitted=4 + 2 + 2 + 3 + 3 + 2, done=16)

    def test_the_second_round_is_acted_by_the_first_rounds_student_and_starts_from_its_weights(
        self, uninterrupted
    ):
        rig, events = uninterrupted
        first, second = events.named("training_finished")
        on_policy = [rig.store.load(entry) for entry in rig.store.entries(1)]
        assert {episode.meta.policy_version for episode in on_policy} == {first["checkpoint_sha256"]}
        stage = json.loads((rig.run_dir / "stages/round_01.training.json").read_text())
        assert stage["inputs"]["initial_policy"] == first["checkpoint_sha256"]
        assert second["train_samples"] > first["train_samples"]

    def test_the_bootstrap_round_is_mixed_as_stated(self, uninterrupted):
        rig, _ = uninterrupted
        actors = sorted(entry.actor for entry in rig.store.entries(0))
        assert actors == ["oracle", "oracle", "oracle.noise_0.5", "oracle.noise_0.5"]

    def test_no_seed_is_ever_used_twice(self, uninterrupted):
        rig, events = uninterrupted
        rollouts = [entry.seed for index in (0, 1) for entry in rig.store.entries(index)]
        first, second = (event["seeds"] for event in events.named("evaluation_finished"))
        (final,) = (event["seeds"] for event in events.named("final_evaluation_finished"))
        assert first == second
        every = rollouts + first + final
        assert len(set(every)) == len(every) == 6 + 3 + 2

    def test_the_best_round_is_the_one_that_succeeds_most_and_of_equals_the_latest(self, rig, monkeypatch):
        monkeypatch.setattr(
            type(rig.rollout_worker), "_begin", _successes_of(rig, {"round_00": 2, "round_01": 1})
        )
        events = rig.run()
        assert events.named("run_finished")[0]["best_round"] == 0
        policy = events.named("training_finished")[0]["checkpoint_sha256"]
        final = json.loads((rig.run_dir / "stages/final.evaluation.json").read_text())
        assert final["inputs"]["policy"] == policy

    def test_of_equally_good_rounds_the_latest_is_best(self, uninterrupted):
        assert uninterrupted[1].named("run_finished")[0]["best_round"] == 1


class TestResume:
    @pytest.mark.parametrize("number", range(len(STORY) - 1))
    def test_killed_after_any_event_it_ends_as_if_it_had_not_been(self, rig, uninterrupted, number):
        before = rig.run(kill_after=number)
        assert before.said[-1]["event"] == STORY[number]
        after = rig.run()
        straight, events = uninterrupted
        assert rig.outcome() == straight.outcome()
        assert rounds_of_report(before.said + after.said) == rounds_of_report(events.said)
        assert rig.queue.ledger() == straight.queue.ledger()

    @pytest.mark.parametrize("number", [1, 2, 3, 6, 7, 10])
    def test_killed_with_its_server_it_ends_as_if_nothing_had_happened(self, rig, uninterrupted, number):
        before = rig.run(kill_before=number)
        committed = {(i, entry.index): entry.sha256 for i in (0, 1) for entry in rig.store.entries(i)}
        rig.lose_queue()
        after = rig.run()
        straight, events = uninterrupted
        assert rig.outcome() == straight.outcome()
        assert rounds_of_report(before.said + after.said) == rounds_of_report(events.said)
        now = {(i, entry.index): entry.sha256 for i in (0, 1) for entry in rig.store.entries(i)}
        assert now == now | committed

    def test_a_finished_run_does_nothing_when_it_is_resumed(self, uninterrupted):
        rig, _ = uninterrupted
        ledger, outcome = rig.queue.ledger(), rig.outcome()
        events = rig.run()
        assert (rig.queue.ledger(), rig.outcome()) == (ledger, outcome)
        assert events.named("rollouts_finished") == events.named("training_finished") == []
        assert events.named()[-1]["event"] == "run_finished"

    def test_episodes_that_the_server_forgot_are_adopted_and_not_acted_again(self, rig):
        rig.run(kill_before=1)
        before = rig.store.entries(0)
        rig.lose_queue()
        painted = rig.renderer.painted
        events = rig.run(kill_after=1)
        assert rig.store.entries(0) == before and len(before) == 4
        assert rig.renderer.painted == painted
        (collected,) = events.named("rollouts_finished")
        assert (collected["frames"], collected["render_calls"]) == (48, 24)
        assert {result["attempt"] for result in _results(rig, "round_00.rollout").values()} == {0}

    @pytest.mark.parametrize("tick", [0, 1, 4])
    def test_a_server_that_comes_back_without_its_newest_writes_is_given_the_tasks_again(
        self, rig, uninterrupted, tick
    ):
        ticks = itertools.count()
        rig.on_tick = lambda: rig.queue.purge() if next(ticks) == tick else None
        rig.run()
        assert rig.outcome() == uninterrupted[0].outcome()

    def test_episodes_whose_files_are_gone_are_collected_again(self, rig, uninterrupted):
        rig.run(kill_before=1)
        for path in (rig.run_dir / "episodes/round_00").glob("00002.*"):
            path.unlink()
        rig.run()
        assert [entry.index for entry in rig.store.entries(0)] == [0, 1, 2, 3]
        assert rig.outcome() == uninterrupted[0].outcome()

    @pytest.mark.parametrize("server", ["remembers", "forgets"])
    def test_a_damaged_episode_is_collected_again_and_said(self, rig, uninterrupted, server):
        rig.run(kill_before=1)
        (data,) = (rig.run_dir / "episodes/round_00").glob("00001.*.safetensors")
        data.write_bytes(data.read_bytes()[:-100])
        if server == "forgets":
            rig.lose_queue()
        events = rig.run()
        assert data.name in events.named("warning")[0]["message"]
        assert rig.store.verify(0) == []
        assert rig.outcome() == uninterrupted[0].outcome()


class TestChangedSettings:
    def test_another_learning_rate_redoes_the_training_and_what_follows_and_keeps_the_episodes(
        self, make_rig
    ):
        rig = make_rig()
        rig.run()
        rounds = [rig.store.entries(0), rig.store.entries(1)]
        events = rig.run(config=replace(rig.config, learner=replace(rig.config.learner, learning_rate=2e-3)))
        # Round 0 is trained on the same episodes; its new student collects round 1 anew.
        assert [event["round"] for event in events.named("rollouts_finished")] == [1]
        assert len(events.named("training_finished")) == len(events.named("evaluation_finished")) == 2
        assert rig.store.entries(0) == rounds[0]
        assert rig.store.entries(1) != rounds[1]
        (kept,) = (rig.run_dir / "superseded").iterdir()
        assert kept.name == "round_01.0"
        assert str(kept) in events.named("warning")[0]["message"]
        assert len(list(kept.glob("*.safetensors"))) == 2

    def test_more_evaluation_episodes_redo_only_the_evaluations(self, make_rig):
        rig = make_rig()
        rig.run()
        config = replace(rig.config, evaluation=replace(rig.config.evaluation, episodes=4))
        events = rig.run(config=config)
        assert events.named("rollouts_finished") == events.named("training_finished") == []
        assert [len(event["seeds"]) for event in events.named("evaluation_finished")] == [4, 4]
        assert events.named("final_evaluation_finished") == []

    def test_settings_changed_in_the_middle_of_a_round_never_mix_episodes(self, make_rig):
        # GIVEN a round interrupted with some episodes committed, some queued and one leased
        rig = make_rig()
        _kill_in_the_middle(rig)
        assert 0 < len(rig.store.entries(0)) < 4
        # WHEN the pictures are to be larger
        config = replace(rig.config, render=RenderConfig(size=24))
        rig.run(config=config)
        # THEN every episode is of the new size, and the old tasks are called off
        sizes = {rig.store.load(entry).frames.shape[2] for i in (0, 1) for entry in rig.store.entries(i)}
        assert sizes == {24}
        old, new = sorted(
            (rig.queue.ledger(g) for g in rig.queue.groups() if g.startswith("round_00.rollout")),
            key=lambda ledger: ledger.done,
        )
        assert old.cancelled == 4 - old.done and old.settled
        assert new.done == 4

    def test_settings_changed_there_and_back_are_collected_again_and_not_taken_for_done(
        self, make_rig, uninterrupted
    ):
        # GIVEN a finished run, resumed with other pictures and interrupted in the middle of round 0
        rig = make_rig()
        rig.run()
        first = rig.config
        rig.config = replace(first, render=RenderConfig(size=24))
        _kill_in_the_middle(rig)
        # WHEN the first settings come back
        rig.run(config=first)
        # THEN the run ends as if it had never known others
        assert rig.outcome() == uninterrupted[0].outcome()
        assert {rig.store.load(entry).frames.shape[2] for entry in rig.store.entries(0)} == {16}
        # Round 1 was acted by a student that came out of the new episodes bit for bit as it was: it still counts.
        names = sorted(path.name for path in (rig.run_dir / "superseded").iterdir())
        assert names == ["round_00.0", "round_00.1"]


class TestFallingShort:
    def test_dead_rollouts_end_the_run_short_with_the_shortfall_and_the_reason(self, rig):
        rig.renderer.render = _explode("out of paint")
        with pytest.raises(
            FinishedShortError, match=r"0 of 4 done, 4 dead, 0 cancelled; first error: .*out of paint"
        ):
            rig.run()
        assert rig.store.entries(0) == []

    def test_one_dead_rollout_leaves_the_others_and_no_sealed_round(self, rig, monkeypatch):
        monkeypatch.setattr(type(rig.rollout_worker), "_begin", _fail_index(rig, 2))
        with pytest.raises(FinishedShortError, match="round_00.rollout: 3 of 4 done, 1 dead"):
            rig.run()
        assert [entry.index for entry in rig.store.entries(0)] == [0, 1, 3]
        assert not (rig.run_dir / "episodes/round_00/manifest.json").exists()

    def test_resumed_once_the_cause_is_mended_it_asks_again_for_what_was_given_up(self, rig, uninterrupted):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(rig.rollout_worker), "_begin", _fail_index(rig, 2))
            with pytest.raises(FinishedShortError):
                rig.run()
        before = {entry.index: entry.sha256 for entry in rig.store.entries(0)}
        rig.run()
        after = {entry.index: entry.sha256 for entry in rig.store.entries(0)}
        assert after == after | before and sorted(after) == [0, 1, 2, 3]
        assert rig.outcome() == uninterrupted[0].outcome()

    def test_cancelled_rollouts_end_the_run_short(self, rig):
        ticks = iter(range(1000))
        rig.on_tick = lambda: next(ticks) == 1 and [rig.queue.cancel(group) for group in rig.queue.groups()]
        with pytest.raises(FinishedShortError, match="4 cancelled; first error: no error was recorded"):
            rig.run()

    def test_a_diverged_training_fails_the_run_and_says_what_to_do(self, rig, monkeypatch):
        monkeypatch.setitem(LOSSES, "mse", _infinite_loss)
        with pytest.raises(
            RunFailedError, match=r"training of round 0 failed: .*diverged at step 0.*learning_rate"
        ):
            rig.run()
        (letter,) = rig.queue.dead_letters()
        assert letter.attempts == 1

    def test_a_training_that_failed_is_tried_again_on_resume(self, rig, uninterrupted):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(LOSSES, "mse", _infinite_loss)
            with pytest.raises(RunFailedError):
                rig.run()
        rig.run()
        assert rig.outcome() == uninterrupted[0].outcome()

    def test_an_evaluation_that_cannot_be_done_ends_the_run_short(self, rig, monkeypatch):
        rig.run(kill_after=2)
        (rig.run_dir / "checkpoints/round_00/policy.safetensors").write_bytes(b"rubbish")
        with pytest.raises(FinishedShortError, match=r"round_00.evaluation: 0 of 3 done, 3 dead.*unreadable"):
            rig.run()

    def test_a_ledger_that_counts_fewer_tasks_than_it_knows_ends_the_run_with_the_way_out(
        self, rig, monkeypatch
    ):
        monkeypatch.setattr(type(rig.queue), "gather", lambda *_, **__: Ledger())
        with pytest.raises(
            RunFailedError, match=r"knows all 4 tasks and counts 0: .* potstill queue rebuild"
        ):
            rig.run()

    def test_pools_that_break_end_the_wait(self, rig):
        def broken():
            raise RunFailedError("workers of pool 'rollout' died 11 times")

        rig.pump = broken
        with pytest.raises(RunFailedError, match="died 11 times"):
            rig.run()


def test_expert_only_collects_as_many_episodes_all_acted_by_the_expert(make_rig):
    rig = make_rig(collection="expert_only")
    events = rig.run()
    assert [event["phase"] for event in events.named("round_started")] == ["bootstrap", "bootstrap"]
    episodes = [rig.store.load(entry) for i in (0, 1) for entry in rig.store.entries(i)]
    assert len(episodes) == 6
    for episode in episodes:
        assert episode.meta.actor == "oracle"
        assert np.array_equal(episode.action, episode.expert_action)


def _results(rig, stage):
    (group,) = [group for group in rig.queue.groups() if group.startswith(stage)]
    return rig.queue.results(group)


def _kill_in_the_middle(rig):
    """Kill the runner while round 0 is being collected."""
    ticks = iter(range(1000))

    def on_tick():
        if next(ticks) == 2:
            raise KeyboardInterrupt

    rig.on_tick = on_tick
    with pytest.raises(KeyboardInterrupt):
        rig.run()
    rig.on_tick = lambda: None


def _explode(message):
    def render(requests):
        raise ValueError(message)

    return render


def _fail_index(rig, index):
    begin = type(rig.rollout_worker)._begin

    def begin_or_fail(worker, lease):
        if lease.task.kind == "rollout" and lease.task.payload["index"] == index:
            raise OSError("no room")
        return begin(worker, lease)

    return begin_or_fail


def _successes_of(rig, wanted):
    """Evaluations of a round succeed as often as wanted; the rest of the worker is as it was."""
    begin = type(rig.rollout_worker)._begin

    def begin_with_luck(worker, lease):
        episode = begin(worker, lease)
        job = episode.job
        round_name = job.checkpoint.rsplit("/", 1)[-1]
        if job.purpose == "evaluation" and job.index < wanted[round_name]:
            result = episode.result
            episode.result = lambda: result() | {"success": True}
        return episode

    return begin_with_luck


def _infinite_loss(*batch, real=LOSSES["mse"]):
    return real(*batch)[0] / 0.0, {}
