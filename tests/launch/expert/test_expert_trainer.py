from __future__ import annotations

import pytest

from potstill.experience.episode_seeds import evaluation_seed
from potstill.launch.expert.expert_trainer import ExpertTrainer
from potstill.launch.expert.run_folder import ExpertFolder
from potstill.launch.expert.training_checkpoints import TrainingCheckpoints
from potstill.launch.expert.training_state import CurvePoint, TrainingState
from potstill.policies.expert_policy import ExpertPolicy


@pytest.fixture
def make_trainer(tmp_path, make_config, counting_learner, reach, events):
    def make(*settings, state=TrainingState(), clock=None, should_stop=lambda: False):
        ticks = iter(range(0, 10**6))
        return ExpertTrainer(
            make_config(*settings),
            ExpertFolder(tmp_path),
            learner=counting_learner(state.env_steps),
            simulation=reach,
            state=state,
            events=events,
            should_stop=should_stop,
            clock=clock or (lambda: float(next(ticks))),
        )

    return make


def run(trainer):
    while not trainer.state.ended:
        trainer.advance()
    return trainer.state


def test_it_evaluates_at_every_interval_on_the_held_out_seeds(make_trainer, events):
    state = run(make_trainer())
    assert [point.env_steps for point in state.curve] == [800, 1600]
    evaluations = events.named("evaluation_finished")
    assert [event["env_steps"] for event in evaluations] == [800, 1600]
    assert all(event["seeds"] == [evaluation_seed(0), evaluation_seed(1)] for event in evaluations)
    assert "1600 environment steps" in state.ended


def test_the_last_networks_are_evaluated_also_between_two_intervals(make_trainer):
    state = run(make_trainer("budget.env_steps=1200"))
    assert [point.env_steps for point in state.curve] == [800, 1200]


def test_what_was_evaluated_is_kept_as_the_best_with_its_facts(make_trainer, tmp_path):
    state = run(make_trainer())
    facts = ExpertPolicy.load(tmp_path / "best").facts
    assert (facts.task, facts.robot, facts.hidden) == ("reach-v3", "sawyer", (16, 16))
    assert (facts.env_steps, facts.success_rate) == (state.best.env_steps, state.best.rate)
    assert facts.eval_episodes == 2


def test_the_ladder_holds_what_its_setting_asks_for(make_trainer, tmp_path, events):
    state = run(make_trainer("ladder.successes=[]", "ladder.interval=800"))
    assert state.ladder == (800, 1600)
    rungs = sorted(path.name for path in (tmp_path / "ladder").iterdir())
    assert rungs == ["step_00000800", "step_00001600"]
    facts = ExpertPolicy.load(tmp_path / "ladder" / rungs[0]).facts
    assert (facts.kind, facts.env_steps) == ("ladder", 800)
    assert [event["sha256"] for event in events.named("rung_kept")] == [
        ExpertPolicy.load(tmp_path / "ladder" / name).sha256 for name in rungs
    ]


def test_an_evaluation_is_always_followed_by_a_checkpoint_that_knows_it(make_trainer, tmp_path):
    trainer = make_trainer("budget.checkpoint_seconds=86400")
    trainer.advance()
    assert TrainingCheckpoints(tmp_path / "checkpoints").newest() is None
    trainer.advance()
    folder, state = TrainingCheckpoints(tmp_path / "checkpoints").newest()
    assert [point.env_steps for point in state.curve] == [800]
    assert (folder / "best" / "expert.safetensors").exists()


def test_checkpoints_come_at_their_pace_and_never_take_more_than_a_twentieth_of_the_time(
    make_trainer, events
):
    # Every reading of the clock is a second later: a checkpoint takes one second.
    trainer = make_trainer("evaluation.interval=1000000", "budget.env_steps=400000")
    while len(events.named("checkpoint_saved")) < 3:
        trainer.advance()
    saved = [event["env_steps"] for event in events.named("checkpoint_saved")]
    stretches = [(later - earlier) // 400 for earlier, later in zip(saved, saved[1:])]
    assert min(stretches) >= 10  # 60 s, a few readings of the clock each


def test_an_evaluation_that_is_given_up_is_due_again(make_trainer, events):
    stop = []
    trainer = make_trainer(should_stop=lambda: bool(stop))
    trainer.advance()
    stop.append(True)
    trainer.advance()
    assert trainer.state.curve == () and not events.named("evaluation_finished")
    trainer.save()
    stop.clear()
    trainer.advance()
    assert [point.env_steps for point in trainer.state.curve] == [1200]


def test_time_is_counted_over_all_sessions(make_trainer):
    earlier = TrainingState(env_steps=400, seconds=1000.0)
    trainer = make_trainer(state=earlier)
    trainer.advance()
    assert trainer.state.seconds > 1000.0
    assert trainer.state.env_steps == 800


def test_the_figures_of_progress_are_those_of_the_learner(make_trainer, events):
    run(make_trainer())
    progress = events.named("training_progress")[0]
    assert progress["env_steps"] == 2 * progress["decisions"]
    assert progress["losses"] == {"critic_loss": 0.1}
    assert progress["updates_per_second"] > 0


def test_training_ends_early_when_it_is_good_enough(make_trainer, reach):
    points = tuple(CurvePoint(env_steps=step, successes=2, episodes=2) for step in (400,))
    trainer = make_trainer(state=TrainingState(env_steps=400, curve=points))
    trainer._outcomes = lambda networks: [_success(seed) for seed in (0, 1)]
    trainer.advance()
    assert "two evaluations in a row" in trainer.state.ended


def _success(seed):
    from potstill.launch.expert.teacher_evaluation import EpisodeOutcome

    return EpisodeOutcome(seed=seed, success=True, steps=3)
