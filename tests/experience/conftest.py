"""Fixtures of the experience room."""

from __future__ import annotations

import pytest

from potstill.experience.episode_store import EpisodeStore


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
