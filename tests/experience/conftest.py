"""Fixtures of the experience room."""

from __future__ import annotations

import numpy as np
import pytest

from potstill.experience.episode_store import EpisodeStore
from potstill.experience.history_shard import LABELS, HistoryFacts, HistoryShard
from potstill.experience.trajectory_table import TrajectoryTable


@pytest.fixture
def sealed_store(tmp_path, make_episode):
    """A factory of stores with complete rounds of small episodes of different lengths."""

    def make(rounds: int = 2, episodes: int = 8, **sizes) -> EpisodeStore:
        store = EpisodeStore(tmp_path / "episodes")
        for round in range(rounds):
            for index in range(episodes):
                store.commit(make_episode(round=round, index=index, **({"steps": 5 + index} | sizes)))
            store.seal(round, requested=episodes)
        return store

    return make


@pytest.fixture
def history_facts():
    """A factory of facts; with an ``expert`` they are those of a labelled history."""

    def make(**changes) -> HistoryFacts:
        facts = {"task": "reach-v3", "robot": "sawyer", "model_hash": "a" * 64, "seed": 3}
        return HistoryFacts(**(facts | changes))

    return make


@pytest.fixture
def make_shard(history_facts):
    """A factory of random shards: ``make_shard([11, 12], steps=5, expert="e" * 64)``."""

    def make(episodes, *, steps=4, **facts) -> HistoryShard:
        rng = np.random.default_rng(list(episodes))
        rows = len(episodes) * steps
        columns = {
            "observation": rng.normal(size=(rows, 39)),
            "action": rng.uniform(-1, 1, (rows, 4)),
            "reward": rng.uniform(0, 10, rows),
            "next_observation": rng.normal(size=(rows, 39)),
        }
        if facts.get("expert"):
            columns |= {name: rng.normal(size=(rows, 4) if "_t" not in name else rows) for name in LABELS}
        columns = {name: array.astype(np.float32) for name, array in columns.items()}
        truncated = np.arange(rows) % steps == steps - 1
        return HistoryShard(
            facts=history_facts(**facts), **columns, terminated=np.zeros(rows, bool), truncated=truncated,
            success=rng.random(rows) < 0.1, episode_seed=np.repeat(np.array(episodes, np.int64), steps),
            env_steps=np.full(rows, 10_000, np.int64),
        )  # fmt: skip

    return make


@pytest.fixture
def trajectory_store(tmp_path, make_trajectory):
    """A factory of stores of two tasks with two robots: sealed rounds of ``per_cell`` episodes per cell."""
    cells = [(task, robot) for robot in ("sawyer", "panda") for task in ("reach-v3", "push-v3")]

    def make(rounds: int = 1, per_cell: int = 3, name: str = "episodes", **changes) -> EpisodeStore:
        store = EpisodeStore(tmp_path / name)
        for round in range(rounds):
            for index in range(len(cells) * per_cell):
                task, robot = cells[index // per_cell]
                named = {"task": task, "robot": robot, "steps": 5 + index} | changes
                store.commit(make_trajectory(round=round, index=index, **named))
            store.seal(round, requested=len(cells) * per_cell)
        return store

    return make


@pytest.fixture
def open_table(tmp_path):
    """Opens the table of a store's rounds, packed under the test's own folder."""

    def open(store, rounds=(0,), **settings):
        return TrajectoryTable(store, rounds, cache=tmp_path / "cache", **({"split_seed": 0} | settings))

    return open
