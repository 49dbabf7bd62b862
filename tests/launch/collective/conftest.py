"""A whole collective run in one thread: the runner on in-memory twins pumps real workers while it waits."""

from __future__ import annotations

import functools
import json
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from potstill.actors.idle_simulations import IdleSimulations
from potstill.actors.trajectory_worker import TrajectoryWorker
from potstill.actors.work_meter import WorkMeter
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.collective.config import CollectionConfig, CollectiveConfig, MatrixConfig
from potstill.launch.collective.expert_table import ExpertTable
from potstill.launch.collective.recipes import load_recipe
from potstill.launch.collective.runner import CollectiveRunner
from potstill.launch.collective.stage_tasks import CollectiveTasks
from potstill.launch.configuration import to_mapping
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


def collective_events(recipe="smoke", tasks=("reach-v3", "push-v3")):
    """(name, facts) of a finished run of one seen and one unseen robot and two contexts, in order."""
    facts = dict(recipe=recipe, run="smoke-1", tasks=tasks, robots=("sawyer",), unseen_robots=("ur5e",))
    yield "run_started", dict(**facts, rounds=1, resumed=False)
    for number, phase in enumerate(("bootstrap", "on_policy")):
        yield "round_started", dict(round=number, phase=phase, rollouts_requested=10 - 6 * number)
        yield "rollouts_progress", dict(round=number, done=3, requested=10 - 6 * number)
        facts = dict(rollouts_committed=10 - 6 * number, duplicates=0, lost=0, steps=1000 + number)
        yield "rollouts_finished", dict(round=number, rollout_seconds=8.5, actor_success_rate=0.4, **facts)
        if number == 0:
            yield "representation_finished", _representation()
        name = f"round_{number:02d}"
        yield from _distillation(name, "code")
        outcome = _outcome(("sawyer",), tasks, {("sawyer", task): [1, 0] for task in tasks})
        yield "evaluation_finished", dict(name=name, context="code", round=number, **outcome)
        yield "round_finished", dict(round=number)
    for context in ("code", "zeros"):
        yield from _distillation(f"final.{context}", context)
    for context, luck in (("code", [1, 1, 1, 0]), ("zeros", [0, 0, 1, 0])):
        cells = {("sawyer", tasks[0]): luck, ("ur5e", tasks[1]): [luck[0], 0, 0, 0]}
        outcome = _outcome(("sawyer", "ur5e"), tasks, cells)
        yield "evaluation_finished", dict(name=f"final.{context}", context=context, round=None, **outcome)
    yield "run_finished", {}
    yield "session_ended", dict(seconds=123.4)


def _representation():
    quality = dict(task_probe=0.975, task_chance=0.5, robot_probe=0.5, robot_chance=0.4, kmeans_accuracy=0.9)
    steps = dict(task_probe_by_step={"0": 0.6, "1": 0.8, "50": 0.99}, task_known_from_step=50)
    training = dict(name="representation", train_seconds=9.0, loss=0.3, validation_loss=0.4, steps=20)
    return dict(checkpoint_sha256="a" * 64, train_samples=900, **training, **quality, **steps)


def _distillation(name, context):
    for step in (5, 10):
        facts = dict(step=step, steps=10, loss=1.0 / step, validation_loss=None, samples_per_second=900.0)
        yield "training_progress", dict(name=name, context=context, epoch=0.5, **facts)
    facts = dict(loss=0.1, validation_loss=0.2, steps=10, train_samples=900, train_seconds=7.5)
    yield "distillation_finished", dict(name=name, context=context, checkpoint_sha256="b" * 64, **facts)


def _outcome(robots, tasks, successes):
    """Outcomes in the order of a run: episode by episode, each of all cells."""
    cells = [(robot, task) for robot in robots for task in tasks]
    count = max(map(len, successes.values()))
    episodes = [(episode, cell) for episode in range(count) for cell in cells]
    lucky = [successes.get(cell, [0] * count)[episode] for episode, cell in episodes]
    return dict(
        robots=[cell[0] for _, cell in episodes],
        tasks=[cell[1] for _, cell in episodes],
        seeds=[episode for episode, _ in episodes],
        successes=lucky,
        # Half of what succeeds has not lost it again at the end.
        final_successes=[one and episode % 2 for (episode, _), one in zip(episodes, lucky, strict=True)],
        returns=[10.0 * episode + one for (episode, _), one in zip(episodes, lucky, strict=True)],
        evaluation_seconds=4.0,
    )


@pytest.fixture
def story():
    """A factory of (name, facts) pairs of a finished run."""
    return collective_events


@pytest.fixture
def as_read():
    """Makes events of (name, facts) pairs, as they are read from the log; one second apart."""

    def read(pairs):
        return [
            json.loads(json.dumps({"event": name, "time": float(number), **facts}))
            for number, (name, facts) in enumerate(pairs)
        ]

    return read


@pytest.fixture
def make_collective_run(make_run, story):
    """A factory of run directories: ``make_collective_run("name", events)``."""

    def make(name="run", events=None, config=None):
        directory = make_run(name, list(story() if events is None else events))
        mapping = to_mapping(config or load_recipe("smoke"))
        directory.config.write_text(yaml.safe_dump(mapping, sort_keys=False))
        (directory.root / "run.json").write_text('{"run": "smoke-1"}')
        return directory

    return make
