"""Fixtures of the learners' room."""

from __future__ import annotations

import pytest

from potstill.experience.aggregation_config import AggregationConfig
from potstill.experience.episode_dataset import EpisodeDataset
from potstill.experience.episode_store import EpisodeStore
from potstill.learners.bc.config import BcConfig
from potstill.learners.bc.learner import BcLearner
from potstill.policies.pixel_policy_config import PixelPolicyConfig


@pytest.fixture
def make_dataset(tmp_path, make_episode):
    """A factory of data sets of small synthetic episodes whose label is in the picture."""

    def make(*, rounds: int = 2, episodes: int = 6, steps: int = 20, frame_stack: int = 1) -> EpisodeDataset:
        store = EpisodeStore(tmp_path / "episodes")
        for round in range(rounds):
            for index in range(episodes):
                store.commit(make_episode(round=round, index=index, steps=steps))
            store.seal(round, requested=episodes)
        config = AggregationConfig(validation_fraction=0.2)
        return EpisodeDataset(
            store, range(rounds), frame_stack=frame_stack, split_seed=0, config=config, privileged=True
        )

    return make


@pytest.fixture
def make_learner(make_dataset, tmp_path):
    """A factory of learners with a tiny network; unnamed settings go to ``BcConfig``."""
    dataset = make_dataset()

    def make(
        folder="checkpoint", *, policy=None, seed=0, threads=1, start_from=None, on_metrics=None, **settings
    ):
        choices = {"channels": 8, "features": 16, "hidden": (32,)} | (policy or {})
        few = {"gradient_steps": 30, "batch_size": 16, "warmup_steps": 2, "random_shift": 1}
        few |= {"report_every_steps": 5, "checkpoint_every_steps": 7}
        if "epochs" in settings:
            few["gradient_steps"] = None
        return BcLearner(
            BcConfig(**(few | settings)),
            PixelPolicyConfig(**choices),
            dataset,
            tmp_path / folder,
            seed=seed,
            threads=threads,
            start_from=start_from,
            on_metrics=on_metrics or (lambda metrics: None),
        )

    return make
