from __future__ import annotations

import numpy as np
import pytest

from potstill.actors.fallback_collector import FallbackCollector, FallbackConfig
from potstill.actors.noise_schedule import NoiseSchedule
from potstill.envs.task_simulation import TaskSimulation
from potstill.envs.teachers import OracleTeacher
from potstill.experience.episode_seeds import fallback_seed, rollout_seed
from potstill.experience.history_reader import HistoryReader

CONFIG = FallbackConfig(
    episodes=20, max_steps=11, action_repeat=2, noise=NoiseSchedule(sigma_hi=0.5, sigma_lo=0.1)
)


@pytest.fixture(scope="module")
def simulation():
    return TaskSimulation("reach-v3")


@pytest.fixture(scope="module")
def history(simulation, tmp_path_factory):
    """Every column of both splits by episode, and the archive."""
    folder = tmp_path_factory.mktemp("fallback")
    archive = FallbackCollector(simulation, CONFIG, seed=5).collect(folder)
    episodes = {}
    for split in ("train", "validation"):
        reader = HistoryReader(folder, split=split)
        reader.verify()
        for columns in reader.columns([
            "observation", "action", "reward", "next_observation", "truncated", "episode_seed", "env_steps",
            "mu", "log_std", "value_target", "legacy_value_target", "terminated",
        ]):  # fmt: skip
            for seed in dict.fromkeys(columns["episode_seed"].tolist()):
                rows = columns["episode_seed"] == seed
                episodes[seed] = {name: column[rows] for name, column in columns.items()}
    return archive, episodes


def test_the_label_is_the_clean_oracle_and_what_was_executed_is_not(history):
    _, episodes = history
    assert list(sorted(episodes)) == [fallback_seed(5, index) for index in range(20)]
    for index, seed in enumerate(sorted(episodes)):
        columns = episodes[seed]
        assert len(columns["mu"]) == 6  # 11 steps, two by two: the last decision is one step
        assert columns["truncated"].tolist() == [False] * 5 + [True]
        assert (columns["env_steps"] == 11 * (index + 1)).all()
        assert np.abs(columns["action"]).max() <= 1.0
        if index >= 14:
            assert np.array_equal(columns["action"], columns["mu"])
        else:
            assert (columns["action"] != columns["mu"]).any(axis=1).all()
        for name in ("log_std", "value_target", "legacy_value_target", "terminated"):
            assert not columns[name].any()


def test_the_noise_is_as_strong_as_the_schedule_says(simulation, tmp_path):
    config = FallbackConfig(episodes=50, max_steps=20, noise=NoiseSchedule(sigma_hi=0.2, sigma_lo=0.2))
    FallbackCollector(simulation, config, seed=6).collect(tmp_path)
    reader = HistoryReader(tmp_path, split="train")
    gaps = []
    for columns in reader.columns(["env_steps", "action", "mu"]):
        inside = (np.abs(columns["mu"]) < 0.2) & (columns["env_steps"] <= 0.7 * 50 * 20)[:, None]
        gaps.append((columns["action"] - columns["mu"])[inside])
    gaps = np.concatenate(gaps)
    assert len(gaps) > 300
    assert abs(gaps.mean()) < 0.05
    assert 0.17 < gaps.std() < 0.23


def test_it_is_what_happens_when_its_actions_are_acted_again(simulation, history):
    _, episodes = history
    seed = min(episodes)
    columns, oracle = episodes[seed], OracleTeacher("reach-v3")
    observation = simulation.reset(seed)
    for row in range(6):
        assert np.array_equal(columns["observation"][row], observation.astype(np.float32))
        assert np.array_equal(columns["mu"][row], oracle.act(observation))
        total = 0.0
        for _ in range(2 if row < 5 else 1):
            observation, reward, _ = simulation.step(columns["action"][row])
            total += reward
        assert columns["reward"][row] == pytest.approx(total, rel=1e-6)
        assert np.array_equal(columns["next_observation"][row], observation.astype(np.float32))


def test_the_archive_says_that_it_is_a_fallback_and_of_which_model(simulation, history):
    archive, _ = history
    assert archive.facts.expert == "oracle-fallback"
    assert archive.facts.model_hash == simulation.model_hash
    assert (archive.facts.action_repeat, archive.facts.reward_scale) == (2, 0.0)
    assert [
        sum(len(shard["episodes"]) for shard in archive.of(split)) for split in ("train", "validation")
    ] == [
        16,
        4,
    ]


def test_its_seeds_are_nobody_elses():
    taken = {
        rollout_seed(run, stream, index)
        for run in (5, 6)
        for stream in (0, 254, 255)
        for index in (0, 99_999)
    }
    assert not taken & {fallback_seed(5, index) for index in (0, 99_999)}


@pytest.mark.parametrize(
    "change", [{"episodes": 0}, {"max_steps": 501}, {"action_repeat": 0}, {"validation_fraction": 1.0}]
)
def test_a_setting_out_of_range_is_refused(change):
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be"):
        FallbackConfig(**change)
