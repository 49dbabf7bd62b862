"""The runner against everything that can happen to it: nothing is lost, doubled, mixed or done twice."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from potstill.launch.collective.report import build_collective_report
from potstill.launch.errors import FinishedShortError, RunFailedError
from potstill.queues.task import Ledger

ROUND = (
    "round_started",
    "rollouts_finished",
    "distillation_finished",
    "evaluation_finished",
    "round_finished",
)
#: Events of a run of two rounds and two contexts; every stage boundary lies just before or after one of them.
STORY = [
    *ROUND[:2],
    "representation_finished",
    *ROUND[2:],
    *ROUND,
    *("distillation_finished",) * 2,
    *("evaluation_finished",) * 2,
    "run_finished",
]


def without_clock(value):
    """A report's facts but for what the clock says."""
    if isinstance(value, dict):
        return {key: without_clock(item) for key, item in value.items() if not key.endswith("seconds")}
    return [without_clock(item) for item in value] if isinstance(value, list) else value


def done_again(events):
    """What a session did, in order: rounds collected, names trained and evaluated."""
    did = []
    for event in events.named():
        if event["event"] == "rollouts_finished":
            did.append(f"collect {event['round']}")
        elif event["event"] in ("representation_finished", "distillation_finished"):
            did.append(f"train {event['name']}")
        elif event["event"] == "evaluation_finished":
            did.append(f"evaluate {event['name']}")
    return did


def inputs_of(rig, stage):
    return json.loads((rig.run_dir / f"stages/{stage}.json").read_text())["inputs"]


class TestAWholeRun:
    def test_the_story_is_told_in_order_with_exact_numbers(self, uninterrupted):
        _, events = uninterrupted
        assert [event["event"] for event in events.named()] == STORY
        started = [(event["phase"], event["rollouts_requested"]) for event in events.named("round_started")]
        assert started == [("bootstrap", 10), ("on_policy", 4)]
        facts = ("rollouts_committed", "duplicates", "lost", "steps")
        collected = [tuple(event[name] for name in facts) for event in events.named("rollouts_finished")]
        assert collected == [(10, 0, 0, 60), (4, 0, 0, 24)]

    def test_progress_ends_with_everything_done(self, uninterrupted):
        _, events = uninterrupted
        rollouts = {event["round"]: event for event in events.named("rollouts_progress")}
        assert [(rollouts[i]["done"], rollouts[i]["requested"]) for i in (0, 1)] == [(10, 10), (4, 4)]
        evaluations = {event["name"]: event for event in events.named("evaluation_progress")}
        finished = {event["name"]: len(event["seeds"]) for event in events.named("evaluation_finished")}
        assert {name: event["done"] for name, event in evaluations.items()} == finished

    def test_each_round_is_sealed_with_exactly_what_was_asked_for(self, uninterrupted):
        rig, _ = uninterrupted
        for round_index, asked in enumerate((10, 4)):
            assert [entry.index for entry in rig.store.manifest(round_index).entries] == list(range(asked))
            assert rig.store.verify(round_index) == []
        # Episodes, one transformer, four policies, two evaluations of a round and two of seen and unseen robots.
        assert rig.queue.ledger() == Ledger(submitted=14 + 1 + 4 + 2 * 2 + 2 * 8, done=39)

    def test_every_cell_of_the_bootstrap_has_exactly_the_stated_actors(self, uninterrupted):
        rig, _ = uninterrupted
        episodes = [rig.store.load(entry) for entry in rig.store.entries(0)]
        actors = Counter((episode.meta.task, episode.meta.actor) for episode in episodes)
        for task in ("reach-v3", "drawer-close-v3"):
            assert sum(count for (of, _), count in actors.items() if of == task) == 5
            assert actors[task, "random"] == 1 and actors[task, "oracle"] == 2
            assert actors[task, "oracle.noise_0.3"] == actors[task, "oracle.noise_0.6"] == 1

    def test_the_clean_expert_labels_every_step_whoever_acts(self, uninterrupted):
        rig, _ = uninterrupted
        for entry in [*rig.store.entries(0), *rig.store.entries(1)]:
            episode = rig.store.load(entry)
            assert episode.meta.expert == "oracle" and np.isfinite(episode.expert_action).all()
            if episode.meta.actor == "oracle":
                assert np.array_equal(episode.action, episode.expert_action)
            else:
                assert not np.array_equal(episode.action, episode.expert_action)

    def test_the_next_round_is_acted_by_the_first_rounds_policy_and_starts_from_its_weights(
        self, uninterrupted
    ):
        rig, events = uninterrupted
        trained = {event["name"]: event for event in events.named("distillation_finished")}
        first = trained["round_00"]["checkpoint_sha256"]
        on_policy = [rig.store.load(entry) for entry in rig.store.entries(1)]
        assert {(episode.meta.policy_version, episode.meta.actor) for episode in on_policy} == {
            (first, "student")
        }
        assert inputs_of(rig, "round_01.distillation")["initial_policy"] == first
        samples = [trained[name]["train_samples"] for name in ("round_00", "round_01", "final.zeros")]
        assert samples[0] < samples[1] == samples[2]

    def test_what_is_compared_at_the_end_begins_from_nothing_and_sees_all_rounds(self, uninterrupted):
        rig, events = uninterrupted
        manifests = [rig.store.manifest(index).sha256 for index in (0, 1)]
        representation = events.named("representation_finished")[0]["checkpoint_sha256"]
        assert inputs_of(rig, "representation")["manifest"] == manifests[0]
        for context, code in (("code", representation), ("zeros", "")):
            inputs = inputs_of(rig, f"final.{context}.distillation")
            assert (inputs["initial_policy"], inputs["manifests"]) == ("", manifests)
            assert (inputs["representation"], inputs["policy"]["context"]) == (code, context)

    def test_no_seed_is_used_for_two_things(self, uninterrupted):
        rig, events = uninterrupted
        rollouts = [entry.seed for index in (0, 1) for entry in rig.store.entries(index)]
        assert len(set(rollouts)) == 14
        seeds = {event["name"]: event["seeds"] for event in events.named("evaluation_finished")}
        assert seeds["round_00"] == seeds["round_01"] and seeds["final.code"] == seeds["final.zeros"]
        looked, judged = set(seeds["round_01"]), set(seeds["final.code"])
        assert looked.isdisjoint(judged) and set(rollouts).isdisjoint(looked | judged)

    def test_the_final_matrix_has_every_cell_with_the_same_seeds(self, uninterrupted):
        _, events = uninterrupted
        final = events.named("evaluation_finished")[-1]
        cells: dict = {}
        for robot, task, seed in zip(final["robots"], final["tasks"], final["seeds"], strict=True):
            cells.setdefault((robot, task), []).append(seed)
        assert set(cells) == {(r, t) for r in ("sawyer", "ur5e") for t in ("reach-v3", "drawer-close-v3")}
        assert len({tuple(seeds) for seeds in cells.values()}) == 1

    def test_a_second_run_of_the_same_seed_has_the_same_bits(self, rig, uninterrupted):
        rig.run()
        assert rig.outcome() == uninterrupted[0].outcome()

    def test_without_codes_no_transformer_is_trained_beforehand(self, make_rig):
        rig = make_rig(contexts=("id", "joint"), rounds=0)
        assert done_again(rig.run()) == [
            "collect 0", "train round_00", "evaluate round_00",
            "train final.id", "train final.joint", "evaluate final.id", "evaluate final.joint",
        ]  # fmt: skip
        assert not (rig.run_dir / "checkpoints/representation").exists()


class TestSteps:
    def test_each_step_stops_where_it_says_and_the_next_goes_on(self, rig, uninterrupted):
        assert done_again(rig.run(until="collect")) == ["collect 0"]
        assert done_again(rig.run(until="represent")) == ["train representation"]
        assert done_again(rig.run(until="distil")) == [
            "train round_00", "evaluate round_00", "collect 1", "train round_01", "evaluate round_01",
            "train final.code", "train final.zeros",
        ]  # fmt: skip
        assert done_again(rig.run()) == ["evaluate final.code", "evaluate final.zeros"]
        assert rig.outcome() == uninterrupted[0].outcome()
        assert rig.queue.ledger() == uninterrupted[0].queue.ledger()

    def test_only_the_last_step_finishes_the_run(self, rig):
        for until in ("collect", "represent", "distil"):
            assert rig.run(until=until).named("run_finished") == []
        assert rig.run().named("run_finished")


class TestResume:
    def test_killed_after_every_event_it_ends_as_if_it_had_not_been(self, rig, uninterrupted):
        said, known = [], set()
        for name in STORY:
            said += rig.run(kill_after_news=known).said
            assert said[-1]["event"] == name
        straight, events = uninterrupted
        assert rig.outcome() == straight.outcome()
        assert rig.queue.ledger() == straight.queue.ledger()
        report = build_collective_report(said)
        assert without_clock(report) == without_clock(build_collective_report(events.said))

    @pytest.mark.parametrize("number", [1, 2, 4, 8, 13])
    def test_killed_with_its_server_it_ends_as_if_nothing_had_happened(self, rig, uninterrupted, number):
        rig.run(kill_before=number)
        committed = {(i, entry.index): entry.sha256 for i in (0, 1) for entry in rig.store.entries(i)}
        rig.lose_queue()
        rig.run()
        assert rig.outcome() == uninterrupted[0].outcome()
        now = {(i, entry.index): entry.sha256 for i in (0, 1) for entry in rig.store.entries(i)}
        assert now == now | committed

    def test_a_finished_run_does_nothing_when_it_is_resumed(self, uninterrupted):
        rig, _ = uninterrupted
        ledger, outcome = rig.queue.ledger(), rig.outcome()
        events = rig.run()
        assert (done_again(events), rig.queue.ledger(), rig.outcome()) == ([], ledger, outcome)
        assert events.named()[-1]["event"] == "run_finished"

    def test_episodes_that_the_server_forgot_are_adopted_and_not_acted_again(self, rig):
        rig.run(kill_before=1)
        before = rig.store.entries(0)
        rig.lose_queue()
        events = rig.run(until="collect")
        assert rig.store.entries(0) == before and rig.actor.episodes == 0
        assert events.named("rollouts_finished")[0]["steps"] == 60

    def test_episodes_whose_files_are_gone_or_damaged_are_collected_again(self, rig, uninterrupted):
        rig.run(kill_before=1)
        folder = rig.run_dir / "episodes/round_00"
        for path in folder.glob("00002.*"):
            path.unlink()
        (damaged,) = folder.glob("00004.*.safetensors")
        damaged.write_bytes(damaged.read_bytes()[:-1])
        events = rig.run()
        assert any("collected again" in event["message"] for event in events.named("warning"))
        assert rig.outcome() == uninterrupted[0].outcome()


class TestChangedSettings:
    @pytest.fixture(scope="class")
    def changed(self, uninterrupted, tmp_path_factory):
        """Gives what a second session with other settings does again, in a copy of the finished run."""
        straight, _ = uninterrupted

        def run(**settings):
            run_dir = tmp_path_factory.mktemp("changed") / "run"
            shutil.copytree(straight.run_dir, run_dir)
            rig = type(straight)(run_dir, straight.config)
            return rig, rig.run(config=replace(straight.config, **settings))

        return run

    def test_another_learner_redoes_no_episode_of_the_experts_and_no_code(self, changed, tiny):
        rig, events = changed(learner=replace(tiny.learner, loss="kl"))
        did = done_again(events)
        assert "collect 0" not in did and "train representation" not in did
        # Round 1 is acted by another policy now.
        assert did[:3] == ["train round_00", "evaluate round_00", "collect 1"]

    def test_without_on_policy_rounds_another_learner_redoes_no_collection_at_all(self, make_rig, tiny):
        rig = make_rig(rounds=0)
        rig.run()
        events = rig.run(config=replace(rig.config, learner=replace(tiny.learner, loss="kl")))
        assert not [did for did in done_again(events) if did.startswith("collect")]
        assert events.named()[-1]["event"] == "run_finished"

    def test_another_evaluation_redoes_no_training_and_no_collection(self, changed, tiny):
        _, events = changed(evaluation=replace(tiny.evaluation, final_episodes=3))
        assert done_again(events) == ["evaluate final.code", "evaluate final.zeros"]
        _, events = changed(evaluation=replace(tiny.evaluation, episodes=2))
        assert done_again(events) == ["evaluate round_00", "evaluate round_01"]

    def test_an_unseen_robot_more_redoes_only_the_final_evaluations(self, changed):
        _, events = changed(unseen_robots=("ur5e", "panda"))
        assert done_again(events) == ["evaluate final.code", "evaluate final.zeros"]
        assert {len(event["seeds"]) for event in events.named("evaluation_finished")} == {12}

    def test_a_context_more_is_trained_and_evaluated_and_nothing_else(self, changed):
        _, events = changed(contexts=("code", "zeros", "id"))
        assert done_again(events) == ["train final.id", "evaluate final.id"]

    def test_a_round_more_leaves_the_rounds_before_it(self, changed):
        _, events = changed(rounds=2)
        assert done_again(events)[:3] == ["collect 2", "train round_02", "evaluate round_02"]

    def test_more_on_policy_episodes_leave_the_bootstrap_and_its_codes(self, changed, tiny):
        rig, events = changed(collection=replace(tiny.collection, episodes=3))
        assert done_again(events)[:2] == ["collect 1", "train round_01"]
        assert [path.name for path in (rig.run_dir / "superseded").iterdir()] == ["round_01.0"]
        assert len(rig.store.entries(1)) == 6

    def test_another_transformer_redoes_what_reads_its_codes_and_what_has_as_many_zeros(self, changed, tiny):
        _, events = changed(transformer=replace(tiny.transformer, code_size=3))
        did = done_again(events)
        assert did[0] == "train representation" and "collect 0" not in did
        assert "train final.zeros" in did

    def test_other_actors_redo_everything_and_put_the_old_episodes_aside(self, changed, tiny):
        rig, events = changed(collection=replace(tiny.collection, noise=(0.5,)))
        assert done_again(events)[:2] == ["collect 0", "train representation"]
        kept = sorted(path.name for path in (rig.run_dir / "superseded").iterdir())
        assert kept == ["round_00.0", "round_01.0"]
        assert any("settings changed" in event["message"] for event in events.named("warning"))


class TestFallingShort:
    def test_one_dead_rollout_leaves_the_others_and_no_sealed_round(self, rig, uninterrupted):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(rig.actor), "_begin", _fail_index(rig, 2))
            with pytest.raises(
                FinishedShortError, match=r"round_00.rollout: 9 of 10 done, 1 dead.*first error: .*no room"
            ):
                rig.run()
        assert not (rig.run_dir / "episodes/round_00/manifest.json").exists()
        before = {entry.index: entry.sha256 for entry in rig.store.entries(0)}
        # Mended, the next session asks again for what was given up, and for nothing else.
        rig.run()
        after = {entry.index: entry.sha256 for entry in rig.store.entries(0)}
        assert after == after | before and len(before) == 9
        assert rig.outcome() == uninterrupted[0].outcome()

    @pytest.mark.parametrize(
        ("kind", "stage"), [("representation", "representation"), ("distillation", "round_00.distillation")]
    )
    def test_a_failed_training_fails_the_run_and_is_tried_again_on_resume(
        self, rig, uninterrupted, kind, stage
    ):
        real = rig.trainers[kind]
        rig.trainers[kind] = _explode
        rig.lose_queue()
        with pytest.raises(RunFailedError, match=f"{stage} failed: ValueError: the loss left its bounds"):
            rig.run()
        rig.trainers[kind] = real
        rig.lose_queue()
        rig.run()
        assert rig.outcome() == uninterrupted[0].outcome()

    def test_a_damaged_policy_ends_the_run_short_and_says_why(self, rig):
        rig.run(kill_after=3)
        (rig.run_dir / "checkpoints/round_00/collective.safetensors").write_bytes(b"rubbish")
        with pytest.raises(FinishedShortError, match=r"round_00.evaluation: 0 of 2 done, 2 dead.*unreadable"):
            rig.run()

    def test_pools_that_break_end_the_wait(self, rig):
        def broken():
            raise RunFailedError("workers of pool 'rollout' died 11 times")

        rig.on_tick = broken
        with pytest.raises(RunFailedError, match="died 11 times"):
            rig.run()


def _explode(payload, **settings):
    raise ValueError("the loss left its bounds")


def _fail_index(rig, index):
    begin = type(rig.actor)._begin

    def begin_or_fail(worker, lease):
        if lease.task.kind == "rollout" and lease.task.payload["index"] == index:
            raise OSError("no room")
        return begin(worker, lease)

    return begin_or_fail
