"""Fixtures of the representation's tests: small trajectories whose task can be told from what happens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from potstill.experience.episode_store import EpisodeStore
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.learners.representation.config import RepresentationConfig
from potstill.learners.representation.job import RepresentationJob
from potstill.learners.representation.objective import Objective
from potstill.learners.representation.representation_data import RepresentationBatch
from potstill.learners.training_config import TrainingConfig
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig
from potstill.policies.window_tensors import WindowTensors

TASKS = ("door-open-v3", "push-v3", "reach-v3")
ROBOTS = ("panda", "sawyer")
SMALL = TrajectoryTransformerConfig(window=6, width=16, layers=2, heads=4, feedforward=32, code_size=4)


@pytest.fixture
def task_store(tmp_path, make_trajectory):
    """A factory of stores with one sealed round: in each task another number of the state drifts."""

    def make(per_cell: int = 6, steps: int = 16) -> EpisodeStore:
        store = EpisodeStore(tmp_path / "episodes")
        cells = [(robot, task) for robot in ROBOTS for task in TASKS]
        for index in range(len(cells) * per_cell):
            robot, task = cells[index // per_cell]
            drawn = make_trajectory(index=index, task=task, robot=robot, steps=steps)
            rng = np.random.default_rng(index)
            states = 0.1 * rng.normal(size=(steps, 21)).astype(np.float32)
            states[:, TASKS.index(task)] += 3.0 + np.arange(steps, dtype=np.float32)
            store.commit(replace(drawn, proprio=states))
        store.seal(0, requested=len(cells) * per_cell)
        return store

    return make


@pytest.fixture
def table(tmp_path, task_store):
    """The packed columns of ``task_store()``, a third of the episodes held out."""
    return TrajectoryTable(
        task_store(), [0], cache=tmp_path / "cache", split_seed=0, validation_fraction=0.34
    )


@pytest.fixture
def make_job(tmp_path):
    """A factory of jobs on ``task_store()``, 24 small steps unless told otherwise."""

    def make(*, output: str = "output", seed: int = 0, training=None, **choices) -> RepresentationJob:
        settings = {
            "gradient_steps": 24,
            "batch_size": 24,
            "report_every_steps": 5,
            "checkpoint_every_steps": 10,
        }
        learner = RepresentationConfig(training=TrainingConfig(**(settings | (training or {}))), **choices)
        return RepresentationJob(
            store=str(tmp_path / "episodes"),
            rounds=(0,),
            transformer=SMALL,
            learner=learner,
            output=str(tmp_path / output),
            cache=str(tmp_path / "cache"),
            seed=seed,
        )

    return make


@pytest.fixture
def make_objective():
    """A factory of seeded objectives over 4 state numbers and 2 actions; evaluating."""

    def make(*, seed: int = 0, **choices) -> Objective:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            transformer = TrajectoryTransformer(SMALL, state_size=4, action_size=2)
            return Objective(transformer, RepresentationConfig(**choices), robots=2).eval()

    return make


@pytest.fixture
def batch() -> RepresentationBatch:
    """Nine seeded windows of three tasks and two robots, padded to every possible length."""
    generator = torch.Generator().manual_seed(0)
    windows = WindowTensors(
        torch.randn(9, 6, 4, generator=generator),
        torch.randn(9, 5, 2, generator=generator),
        torch.randn(9, 5, generator=generator),
        torch.arange(6)[None] >= (torch.arange(9) % 6)[:, None],
    )
    return RepresentationBatch(windows, torch.arange(9) % 3, torch.arange(9) // 3 % 2)
