"""Fixtures of the collective learner: two tasks that only the history tells apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from potstill.experience.episode_store import EpisodeStore
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.learners.collective.config import DistillationConfig
from potstill.learners.collective.job import CollectiveJob
from potstill.learners.training_config import TrainingConfig
from potstill.policies.collective_policy_config import CollectivePolicyConfig
from potstill.policies.representation_checkpoint import save_representation
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig

TASKS = ("push-v3", "reach-v3")
STATE, ACTION = 5, 3
TRANSFORMER = TrajectoryTransformerConfig(window=4, width=16, layers=2, heads=2, feedforward=32, code_size=4)


@pytest.fixture
def store(tmp_path, make_trajectory) -> EpisodeStore:
    """Two sealed rounds. The expert does +state in one task and -state in the other; the reward tells which."""
    store = EpisodeStore(tmp_path / "episodes")
    for round in range(2):
        cells = [(robot, task) for robot in ("panda", "sawyer") for task in TASKS] * 3
        for index, (robot, task) in enumerate(cells):
            episode = make_trajectory(
                task=task, robot=robot, state=STATE, actions=ACTION, round=round, index=index, steps=20
            )
            sign = 1.0 if task == "push-v3" else -1.0
            label = (0.8 * sign * np.tanh(episode.proprio[:, :ACTION])).astype(np.float32)
            spread = np.full_like(label, -3.0) if robot == "panda" else None
            reward = np.full(20, 5.0 + sign, np.float32)
            store.commit(replace(episode, expert_action=label, expert_log_std=spread, reward=reward))
        store.seal(round, requested=len(cells))
    return store


@pytest.fixture
def table(store, tmp_path) -> TrajectoryTable:
    """Of both rounds."""
    return TrajectoryTable(store, (0, 1), cache=tmp_path / "cache", split_seed=0)


@pytest.fixture
def make_transformer(table):
    """A factory of small seeded transformers, evaluating, normalised by ``table``."""

    def make(seed=0, **changes) -> TrajectoryTransformer:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            config = replace(TRANSFORMER, **changes)
            transformer = TrajectoryTransformer(config, state_size=STATE, action_size=ACTION)
        statistics = (*table.statistics("state"), *table.statistics("reward"))
        transformer.set_normaliser(*map(torch.from_numpy, statistics))
        return transformer.eval()

    return make


@pytest.fixture
def make_job(store, tmp_path, make_transformer):
    """A factory of small jobs: ``make_job("joint", output="x", gradient_steps=9, loss="kl", rounds=(0,))``."""
    representation = tmp_path / "representation"
    sha256 = save_representation(representation, make_transformer())

    def make(context="code", *, output="checkpoint", log_std_min=-5.0, **settings) -> CollectiveJob:
        training = {"gradient_steps": 12, "batch_size": 16, "learning_rate": 3e-3, "warmup_steps": 2}
        training |= {"report_every_steps": 4, "checkpoint_every_steps": 5}
        training |= {name: settings.pop(name) for name in list(settings) if name in training}
        learner = {name: settings.pop(name) for name in ("loss", "start") if name in settings}
        job = {
            "store": str(tmp_path / "episodes"),
            "rounds": (0, 1),
            "representation": str(representation) if context == "code" else "",
            "representation_sha256": sha256 if context == "code" else "",
            "tasks": TASKS,
            "initial_policy": "",
            "cache": str(tmp_path / "cache"),
            "seed": 0,
        }
        return CollectiveJob(
            policy=CollectivePolicyConfig(context=context, hidden=(32, 32), log_std_min=log_std_min),
            learner=DistillationConfig(training=TrainingConfig(**training), **learner),
            transformer=TRANSFORMER,
            output=str(tmp_path / output),
            **(job | settings),
        )

    return make


@pytest.fixture
def train():
    """Trains a job through its payload, as a worker does."""
    from potstill.learners.collective.train import train_collective

    def run(job: CollectiveJob, on_metrics=lambda metrics: None) -> dict:
        return train_collective(job.to_payload(), threads=1, on_metrics=on_metrics)

    return run
