"""A whole collective run in one thread: the runner on in-memory twins, real workers pumped when it looks after pools."""

from __future__ import annotations

import functools
import json
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path

import pytest

from potstill.actors.idle_simulations import IdleSimulations
from potstill.actors.trajectory_worker import TrajectoryWorker
from potstill.actors.work_meter import WorkMeter
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.collective.config import CollectionConfig, CollectiveConfig, MatrixConfig
from potstill.launch.collective.expert_table import ExpertTable
from potstill.launch.collective.runner import CollectiveRunner
from potstill.launch.collective.stage_tasks import CollectiveTasks
from potstill.launch.engine.lease_config import LeaseConfig
from potstill.learners.collective.config import DistillationConfig
from potstill.learners.collective.train import train_collective
from potstill.learners.learner_worker import LearnerWorker
from potstill.learners.representation.config import RepresentationConfig
from potstill.learners.representation.train import train_representation
from potstill.learners.training_config import TrainingConfig
from potstill.policies.collective_inference import CollectiveInference
from potstill.policies.collective_policy_config import CollectivePolicyConfig
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig
from potstill.queues.memory_lease_keeper import MemoryLeaseKeeper
from potstill.queues.memory_task_queue import MemoryTaskQueue

TRAINING = TrainingConfig(
    gradient_steps=4, batch_size=8, warmup_steps=1, report_every_steps=2, checkpoint_every_steps=3
)
TINY = CollectiveConfig(
    recipe="tiny",
    tasks=("reach-v3", "drawer-close-v3"),
    robots=("sawyer",),
    unseen_robots=("ur5e",),
    contexts=("code", "zeros"),
    collection=CollectionConfig(
        bootstrap_episodes=5, episodes=2, random_fraction=0.2, noisy_fraction=0.4, max_steps=6, batch=8
    ),
    transformer=TrajectoryTransformerConfig(window=3, width=8, layers=1, heads=2, feedforward=8, code_size=2),
    representation=RepresentationConfig(training=TRAINING, validation_batches=1),
    policy=CollectivePolicyConfig(hidden=(8,)),
    learner=DistillationConfig(training=TRAINING),
    evaluation=MatrixConfig(episodes=1, final_episodes=2, max_steps=5),
    delivery=LeaseConfig(max_attempts=2),
)

#: Half of a run's time is the building of its worlds; an episode is the same in any of them.
SIMULATIONS = IdleSimulations()


class Killed(BaseException):
    """The runner's death; like a SIGKILL it runs no handler of the runner's."""


class Events:
    """Remembers what was said; dies before or after the event of that number (progress not counted), or after the
    first that is not among ``kill_after_news``, which then knows it."""

    def __init__(self, *, kill_before=None, kill_after=None, kill_after_news=None):
        self.said = []
        self._kill_before, self._kill_after, self._known = kill_before, kill_after, kill_after_news

    def write(self, event, **facts):
        number = len(self.named())
        counts = not event.endswith("_progress")
        if counts and number == self._kill_before:
            raise Killed
        # As the event log keeps it: tuples have become lists.
        facts = json.loads(json.dumps(facts))
        self.said.append({"event": event, "time": float(len(self.said)), **facts})
        if counts and (number == self._kill_after or self._is_news(event, facts)):
            raise Killed

    def _is_news(self, event, facts):
        if self._known is None:
            return False
        news = (event, facts.get("round"), facts.get("name"))
        known = news in self._known
        self._known.add(news)
        return not known

    def named(self, name=None):
        if name is not None:
            return [event for event in self.said if event["event"] == name]
        return [event for event in self.said if not event["event"].endswith("_progress")]


class AtOnce(Executor):
    """What a tick has finished is on the disk when it ends."""

    def submit(self, work, /, *args, **kwargs):
        done = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


class Rig:
    """One run directory and what stands around it; ``run`` is a session of the runner."""

    def __init__(self, run_dir: Path, config: CollectiveConfig = TINY):
        self.run_dir = run_dir
        self.config = config
        self.url = str(run_dir / "episodes")
        self.store = EpisodeStore(self.url)
        self.trainers = {"representation": train_representation, "distillation": train_collective}
        self.on_tick = lambda: None
        self.lose_queue()

    def lose_queue(self):
        """A server that remembers nothing, and workers on it."""
        self.queue = MemoryTaskQueue(retry_backoff_seconds=0.0)
        keeper = MemoryLeaseKeeper(self.queue, lease_seconds=60.0, owner="worker", facts={})
        settings = {"queue": self.queue, "leases": keeper, "owner": "worker", "lease_seconds": 60.0}
        self.actor = TrajectoryWorker(
            load_student=lambda folder, sha256: CollectiveInference.load(
                Path(folder), expected_sha256=sha256
            ),
            open_store=functools.cache(EpisodeStore),
            batch=self.config.collection.batch,
            meter=WorkMeter(keeper.report),
            writer=AtOnce(),
            **settings,
        )
        self.actor._idle = SIMULATIONS
        self.learner = LearnerWorker(threads=1, trainers=self.trainers, **settings)

    def pump(self):
        self.on_tick()
        for _ in range(4):
            self.actor.tick()
        self.learner.work_once(lambda: False, wait_seconds=0)

    def tasks(self) -> CollectiveTasks:
        experts = ExpertTable.find(self.config, self.run_dir)
        experts.copy(self.run_dir)
        return CollectiveTasks(experts=experts, run="tiny-1", run_dir=self.run_dir, store=self.url)

    def run(self, *, config=None, until="evaluate", **kill) -> Events:
        """One session; gives what it said. With a kill it ends there and leaves what a killed runner leaves."""
        self.config = config or self.config
        events = Events(**kill)
        runner = CollectiveRunner(
            tasks=self.tasks(),
            queue=self.queue,
            store=self.store,
            events=events,
            look_after_pools=self.pump,
        )
        try:
            runner.run(until=until)
            assert not kill, "it was to be killed, but finished"
        except Killed:
            assert kill
        return events

    def outcome(self):
        """All that a run has to show: bytes of the networks, exact vectors of the evaluations."""
        networks = sorted(self.run_dir.glob("checkpoints/*/*.safetensors"))
        evaluations = sorted(self.run_dir.glob("stages/*.evaluation.json"))
        return (
            {path.parent.name: path.read_bytes() for path in networks if "state" not in path.name},
            {path.name: json.loads(path.read_text())["outputs"] for path in evaluations},
        )


@pytest.fixture(autouse=True, scope="session")
def no_waiting():
    """The workers run in the runner's own thread: blocking on the ledger would only delay them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("potstill.launch.engine.stage_execution.TICK_SECONDS", 0.0)
        yield


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory, no_waiting):
    """A run that nothing happened to: (rig, its events). Tests look and do not touch."""
    rig = Rig(tmp_path_factory.mktemp("uninterrupted") / "run")
    return rig, rig.run()


@pytest.fixture
def make_rig(tmp_path):
    """A factory of runs: ``make_rig(rounds=2)``."""
    return lambda **settings: Rig(tmp_path / "run", replace(TINY, **settings))


@pytest.fixture
def rig(make_rig) -> Rig:
    return make_rig()


@pytest.fixture(scope="session")
def tiny() -> CollectiveConfig:
    """The configuration of ``rig``."""
    return TINY
