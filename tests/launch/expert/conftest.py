"""Small experts: configurations that train in seconds, a learner that only counts, a Ray for all tests."""

from __future__ import annotations

import json

import pytest

from potstill.cluster.ray_session import ray_session
from potstill.envs.task_simulation import TaskSimulation
from potstill.launch.configuration import override
from potstill.launch.expert.expert_learner import TrainingFigures
from potstill.launch.expert.recipes import default_expert
from potstill.policies.sac_networks import SacNetworks

TINY = (
    "budget.env_steps=1600",
    "evaluation.interval=800",
    "evaluation.episodes=2",
    "evaluation.final_episodes=2",
    "evaluation.max_steps=20",
    "sac.hidden=[16,16]",
    "sac.batch_size=16",
    "sac.update_ratio=0.05",
    "sac.demo_episodes=1",
    "sac.max_steps=40",
    "sac.envs=4",
    "sac.fragment=20",
    "history.interval=400",
    "history.start=0",
    "gate.fallback_episodes=2",
    "gate.threshold=0",
)


def tiny_expert(*settings, task="reach-v3", seed=0):
    return override(default_expert(task, seed=seed), [*TINY, *settings])


class CountingLearner:
    """Four hundred environment steps a stretch; ``errors`` by stretch are raised."""

    def __init__(self, env_steps=0, errors=None):
        self.env_steps = env_steps
        self.errors = errors or {}
        self.stretches = 0
        self.closed = False

    def train(self):
        self.stretches += 1
        if self.stretches in self.errors:
            raise self.errors[self.stretches]
        self.env_steps += 400
        return TrainingFigures(
            env_steps=self.env_steps,
            decisions=self.env_steps // 2,
            updates=self.env_steps // 4,
            success_rate=0.5,
            episode_return=1.0,
            losses={"critic_loss": 0.1},
        )

    def networks(self):
        return SacNetworks(39, 4, hidden=(16, 16), layer_norm=True, log_std_min=-10.0, initial_alpha=0.1)

    def save(self, folder):
        folder.mkdir()
        (folder / "learner.json").write_text(json.dumps({"env_steps": self.env_steps}))

    def close(self):
        self.closed = True


class Events:
    """Remembers what was said."""

    def __init__(self):
        self.said = []

    def write(self, event, **facts):
        self.said.append({"event": event, "time": float(len(self.said)), **facts})

    def named(self, name):
        return [event for event in self.said if event["event"] == name]


@pytest.fixture
def make_config():
    """A factory of configurations that train in seconds: ``make_config("sac.tau=1", task=...)``."""
    return tiny_expert


@pytest.fixture
def counting_learner():
    """The class of learners that only count."""
    return CountingLearner


@pytest.fixture
def events():
    return Events()


@pytest.fixture(scope="session")
def reach():
    """One simulation for all tests; the seed alone decides an episode."""
    return TaskSimulation("reach-v3")


@pytest.fixture(scope="module")
def one_ray():
    """Ray takes seconds to start: one for all tests of a module. Modules after it may want another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        with ray_session(cpus=2):
            yield


@pytest.fixture(scope="session")
def tiny_config():
    """The configuration of ``make_config()`` for fixtures that outlive a test."""
    return tiny_expert()
