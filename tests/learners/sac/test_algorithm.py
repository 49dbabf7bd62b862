"""SAC in RLlib's frame, with sampler and learner in this process."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import torch
from ray.rllib.callbacks.callbacks import RLlibCallback

from potstill.learners.sac.algorithm import SacAlgorithm
from potstill.learners.sac.errors import DivergedError
from potstill.learners.sac.shaping import add_bonus
from potstill.learners.sac.shaping_config import ShapingConfig

pytestmark = pytest.mark.usefixtures("local_ray")


def weights(algorithm):
    return {name: tensor.clone() for name, tensor in algorithm.networks().state_dict().items()}


def equal(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


class Seen:
    """A learning history that only remembers."""

    def __init__(self):
        self.fragments, self.env_steps = [], []

    def observe(self, fragment, env_steps):
        self.fragments.append(fragment)
        self.env_steps.append(env_steps)


def test_results_carry_what_the_commands_and_schedulers_read(build, tiny_expert):
    algorithm = build(tiny_expert().evaluation(evaluation_interval=2, evaluation_duration=3))
    first, second = algorithm.train(), algorithm.train()
    assert math.isnan(first["env_runners"]["success_rate_mean"]), "no episode has ended"
    sampled = second["env_runners"]
    assert (sampled["num_env_steps_sampled_lifetime"], sampled["num_decisions_lifetime"]) == (40, 20)
    assert sampled["success_rate_mean"] in (0.0, 0.5, 1.0) and sampled["episode_return_mean"] > 0
    learnt = second["learners"]["default_policy"]
    assert learnt["num_updates_lifetime"] == 20
    for name in ("critic_loss", "actor_loss", "alpha", "entropy", "q_mean"):
        assert math.isfinite(learnt[name]), name
    assert "evaluation" not in first
    assert second["evaluation"]["env_runners"]["episodes"] == 3
    assert 0.0 <= second["evaluation"]["env_runners"]["success_rate_mean"] <= 1.0
    assert "evaluation" not in algorithm.train(), "an old evaluation is not reported again"


def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(build, tiny_expert, tmp_path):
    algorithm = build(tiny_expert(demo_episodes=2, update_ratio=0.7))
    for _ in range(2):
        algorithm.train()
    algorithm.save_to_path(str(tmp_path))
    resumed = SacAlgorithm.from_checkpoint(str(tmp_path))
    assert equal(weights(algorithm), weights(resumed))
    for _ in range(3):
        went_on, came_back = algorithm.train(), resumed.train()
    assert equal(weights(algorithm), weights(resumed))
    for name in ("num_env_steps_sampled_lifetime", "success_rate_mean", "episode_return_mean"):
        assert went_on["env_runners"][name] == came_back["env_runners"][name]
    assert went_on["learners"]["default_policy"]["num_updates_lifetime"] == 35
    assert came_back["learners"]["default_policy"]["num_updates_lifetime"] == 35
    assert went_on["training_iteration"] == came_back["training_iteration"] == 5
    resumed.stop()


def test_a_checkpoint_brings_back_what_came_after_it(build, tiny_expert, tmp_path):
    algorithm = build(tiny_expert())
    for _ in range(2):
        algorithm.train()
    algorithm.save_to_path(str(tmp_path))
    before = weights(algorithm)
    algorithm.train()
    after = weights(algorithm)
    assert not equal(before, after)
    algorithm.restore_from_path(str(tmp_path))
    assert equal(weights(algorithm), before)
    algorithm.train()
    assert equal(weights(algorithm), after)


def test_resumed_within_an_episode_new_episodes_begin(build, tiny_expert, tmp_path):
    algorithm = build(tiny_expert())
    algorithm.history = Seen()
    algorithm.train()
    algorithm.save_to_path(str(tmp_path))
    resumed = SacAlgorithm.from_checkpoint(str(tmp_path))
    resumed.history = Seen()
    resumed.train()
    begun = set(algorithm.history.fragments[0].episode_seed.flat)
    assert not begun & set(resumed.history.fragments[0].episode_seed.flat)
    assert resumed.history.env_steps == [40], "the lifetime goes on"
    resumed.stop()


def test_the_seed_decides_everything(build, tiny_expert):
    first, again, other = (build(tiny_expert(seed=seed, demo_episodes=1)) for seed in (5, 5, 6))
    torch.manual_seed(0)  # nothing is drawn from the global generators
    for algorithm in (first, again, other):
        algorithm.history = Seen()
        algorithm.train()
        torch.rand(7), np.random.rand(7)
    assert equal(weights(first), weights(again))
    assert not equal(weights(first), weights(other))
    assert np.array_equal(first.history.fragments[0].action, again.history.fragments[0].action)


def test_an_evaluation_does_not_touch_the_training(build, tiny_expert):
    evaluated, plain = build(tiny_expert()), build(tiny_expert())
    for algorithm in (evaluated, plain):
        algorithm.train()
        if algorithm is evaluated:
            first, second = algorithm.evaluate(), algorithm.evaluate()
            assert first == second, "the same episodes, the same weights"
        algorithm.train()
    assert equal(weights(evaluated), weights(plain))


def test_random_decisions_come_before_the_first_update(build, tiny_expert):
    algorithm = build(tiny_expert(random_decisions=20))
    start = weights(algorithm)
    assert "learners" not in algorithm.train()
    assert equal(weights(algorithm), start)
    assert algorithm.train()["learners"]["default_policy"]["num_updates_lifetime"] == 10


def test_updates_keep_to_the_ratio_through_fractions(build, tiny_expert):
    algorithm = build(tiny_expert(update_ratio=0.25))
    counts = [algorithm.train()["learners"]["default_policy"]["num_updates_lifetime"] for _ in range(4)]
    assert counts == [2, 5, 7, 10]


def test_the_history_sees_every_fragment_with_unscaled_rewards(build, tiny_expert):
    algorithm = build(tiny_expert(reward_scale=0.001))
    algorithm.history = Seen()
    for _ in range(2):
        algorithm.train()
    assert algorithm.history.env_steps == [20, 40]
    assert all(fragment.reward.max() > 0.1 for fragment in algorithm.history.fragments)


def test_a_diverged_training_stops_with_update_and_value(build, tiny_expert):
    algorithm = build(tiny_expert(reward_scale=1000.0, action_repeat=20))
    with pytest.raises(DivergedError, match="diverged at update 1: critic_loss is") as caught:
        algorithm.train()
    assert caught.value.update == 1 and caught.value.value > 1e8
    again = pickle.loads(pickle.dumps(caught.value))  # as it comes from a remote learner
    assert (again.update, again.name, again.value) == (1, "critic_loss", caught.value.value)


def test_callbacks_are_called(build, tiny_expert):
    calls = []

    class Callbacks(RLlibCallback):
        def on_algorithm_init(self, *, algorithm, **kwargs):
            algorithm.history = Seen()

        def on_sample_end(self, *, samples, metrics_logger, **kwargs):
            metrics_logger.log_value("decisions", samples[0].fragment.decisions, reduce="sum")

        def on_evaluate_end(self, *, evaluation_metrics, **kwargs):
            calls.append(evaluation_metrics["env_runners"]["episodes"])

        def on_train_result(self, *, result, **kwargs):
            calls.append(result["env_runners"]["decisions"])

    config = tiny_expert().callbacks(Callbacks)
    algorithm = build(config.evaluation(evaluation_interval=1, evaluation_duration=1))
    algorithm.train()
    assert calls == [1, 10]
    assert algorithm.history.env_steps == [20], "a history that a callback sets stays"


@pytest.mark.parametrize("form", ["bonus", "potential"])
def test_a_resumed_shaped_training_equals_an_uninterrupted_one(
    build, tiny_expert, shaping_teacher, tmp_path, form
):
    shaping = ShapingConfig(teacher=str(shaping_teacher), form=form, end_step=80, weight=5.0)
    algorithm = build(tiny_expert(demo_episodes=1).expert(shaping=shaping))
    for _ in range(2):
        algorithm.train()
    algorithm.save_to_path(str(tmp_path / "checkpoint"))
    resumed = SacAlgorithm.from_checkpoint(str(tmp_path / "checkpoint"))
    for _ in range(3):
        algorithm.train(), resumed.train()
    assert equal(weights(algorithm), weights(resumed))
    resumed.stop()


def test_a_bonus_of_no_weight_leaves_every_bit_of_the_training_as_it_was(build, tiny_expert, shaping_teacher):
    plain = build(tiny_expert(demo_episodes=1))
    over = ShapingConfig(teacher=str(shaping_teacher), end_step=1)
    shaped = build(tiny_expert(demo_episodes=1).expert(shaping=over))
    told = build(
        tiny_expert(demo_episodes=1).expert(shaping=ShapingConfig(teacher=str(shaping_teacher), end_step=99))
    )
    for algorithm in (plain, shaped, told):
        for _ in range(2):
            algorithm.train()
    assert equal(weights(plain), weights(shaped))
    assert not equal(weights(plain), weights(told))


def test_the_bonus_weighs_less_with_every_environment_step(build, tiny_expert, shaping_teacher, monkeypatch):
    seen = []

    def spy(minibatches, weight):
        seen.append((minibatches["advice"].shape, weight))
        return add_bonus(minibatches, weight)

    monkeypatch.setattr("potstill.learners.sac.algorithm.add_bonus", spy)
    shaping = ShapingConfig(teacher=str(shaping_teacher), end_step=100, weight=3.0)
    config = tiny_expert(random_decisions=10, reward_scale=0.5).expert(shaping=shaping)
    algorithm = build(config)
    for _ in range(5):
        algorithm.train()
    # 20 environment steps an iteration, of which the whole first one is random: t0 is 20.
    assert [shape for shape, _ in seen] == [(10, 16, 1)] * 5
    assert [weight for _, weight in seen] == pytest.approx([1.5, 1.125, 0.75, 0.375, 0.0])


def test_a_bonus_without_an_end_is_refused(tiny_expert):
    with pytest.raises(ValueError, match="end_step must be set"):
        tiny_expert().expert(shaping=ShapingConfig(teacher="c")).build_algo()
