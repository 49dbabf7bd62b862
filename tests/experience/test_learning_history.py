from __future__ import annotations

import itertools

import numpy as np
import pytest

from potstill.experience.history_config import HistoryConfig
from potstill.experience.history_shard import HistoryShard
from potstill.experience.learning_history import LearningHistory
from potstill.experience.rollout_fragment import RolloutFragment

REPEAT = 2


class Sampler:
    """N environments whose episodes have a fixed length; every number tells episode and step."""

    def __init__(self, envs=3, length=20, first_seed=100, stagger=5):
        self.length = length
        self.seeds = itertools.count(first_seed)
        self.running = [[next(self.seeds), stagger * env % length] for env in range(envs)]
        self.env_steps = 0

    def fragment(self, times):
        envs = len(self.running)
        told = np.zeros((times, envs, 2), np.int64)
        ends = np.zeros((times, envs), bool)
        for t, n in np.ndindex(times, envs):
            told[t, n] = self.running[n]
            self.running[n][1] += 1
            if self.running[n][1] == self.length:
                ends[t, n] = True
                self.running[n] = [next(self.seeds), 0]
        self.env_steps += times * envs * REPEAT
        state = np.repeat(told.astype(np.float32), 2, axis=2)
        return RolloutFragment(
            observation=state, action=state[..., :1], reward=told[..., 1].astype(np.float32),
            next_observation=state + 1, terminated=np.zeros_like(ends), truncated=ends, success=ends,
            episode_seed=told[..., 0].copy(),
        )  # fmt: skip


def learn(history, sampler, env_steps, *, times=7):
    while sampler.env_steps < env_steps:
        fragment = sampler.fragment(times)
        history.observe(fragment, sampler.env_steps)


@pytest.fixture
def config():
    return HistoryConfig(interval=500, start=400, episodes=2)


@pytest.mark.parametrize(
    ("env_steps", "episodes"),
    [(1_000_000, 198), (100_000, 18), (2_400_000, 478), (10_000, 0), (10_001, 2), (0, 0)],
)
def test_the_count_is_the_references(env_steps, episodes):
    config = HistoryConfig()
    assert config.episodes * config.snapshots(env_steps) == episodes


@pytest.mark.parametrize("times", [1, 7, 33])
def test_every_snapshot_holds_the_last_whole_episodes(tmp_path, config, history_facts, times):
    history, sampler = LearningHistory(tmp_path, config, history_facts()), Sampler(stagger=0)
    learn(history, sampler, 3000, times=times)
    shards = [HistoryShard.read(path) for path in history.snapshots()]
    assert len(shards) == config.snapshots(sampler.env_steps) == 6 - (sampler.env_steps == 3000)
    for number, shard in enumerate(shards, start=1):
        step = int(shard.env_steps[0])
        assert number * 500 < step <= number * 500 + times * 3 * REPEAT
        assert len(shard) == 2 * 20 and len(shard.episodes()) == 2
        for seed in shard.episodes():
            rows = shard.episode_seed == seed
            assert shard.reward[rows].tolist() == list(range(20))
            assert (shard.observation[rows, 0] == seed).all()
            assert shard.truncated[rows].tolist() == [False] * 19 + [True]
        # Nothing newer was complete: three environments in step finish three episodes each 120 environment steps.
        finished = step // (20 * 3 * REPEAT) * 3
        assert max(shard.episodes()) == 100 + finished - 1
    kept = [seed for shard in shards for seed in shard.episodes()]
    assert len(kept) == len(set(kept))


def test_an_episode_may_wander_between_places_and_fragments(tmp_path, config, history_facts):
    history, sampler = LearningHistory(tmp_path, config, history_facts()), Sampler()
    for turn in itertools.count():
        fragment = sampler.fragment(7)
        order = np.roll(np.arange(3), turn)
        columns = {name: getattr(fragment, name)[:, order] for name in fragment.__dataclass_fields__}
        history.observe(RolloutFragment(**columns), sampler.env_steps)
        if history.snapshots():
            break
    (path,) = history.snapshots()
    shard = HistoryShard.read(path)
    for seed in shard.episodes():
        assert shard.reward[shard.episode_seed == seed].tolist() == list(range(20))


def test_what_was_not_complete_in_time_is_kept_as_soon_as_it_is(tmp_path, history_facts):
    config = HistoryConfig(interval=100, start=0, episodes=2)
    history, sampler = LearningHistory(tmp_path, config, history_facts()), Sampler(envs=1, length=60)
    learn(history, sampler, 1200, times=10)
    kept = [seed for path in history.snapshots() for seed in HistoryShard.read(path).episodes()]
    assert kept == list(range(100, 110))


def test_after_a_crash_the_history_goes_on_as_if_nothing_had_happened(tmp_path, config, history_facts):
    straight, sampler = LearningHistory(tmp_path / "a", config, history_facts()), Sampler(stagger=0)
    learn(straight, sampler, 3000, times=10)

    crashed, sampler = LearningHistory(tmp_path / "b", config, history_facts()), Sampler(stagger=0)
    learn(crashed, sampler, 1200, times=10)
    state = [list(running) for running in sampler.running], sampler.env_steps
    assert all(step == 0 for _, step in state[0])
    learn(crashed, sampler, 1800, times=10)
    assert len(crashed.snapshots()) == 3
    sampler.running, sampler.env_steps = state
    sampler.seeds = itertools.count(state[0][-1][0] + 1)
    resumed = LearningHistory(tmp_path / "b", config, history_facts())
    resumed.rewind(sampler.env_steps)
    assert len(resumed.snapshots()) == 2
    learn(resumed, sampler, 3000, times=10)

    assert [path.name for path in straight.snapshots()] == [path.name for path in resumed.snapshots()]
    for one, two in zip(straight.snapshots(), resumed.snapshots()):
        assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    "change", [{"interval": 99}, {"start": -1}, {"episodes": 0}, {"validation_fraction": 1.0}]
)
def test_a_setting_out_of_range_is_refused(change):
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be"):
        HistoryConfig(**change)
