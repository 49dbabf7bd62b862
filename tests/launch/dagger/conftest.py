"""A whole run in one thread: the runner on in-memory twins, its workers pumped whenever it looks after its pools."""

from __future__ import annotations

import functools
import json
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path

import pytest

from potstill.actors.render_channel import LocalRenderChannel
from potstill.actors.rollout_config import RolloutConfig
from potstill.actors.rollout_worker import RolloutWorker
from potstill.actors.work_meter import WorkMeter
from potstill.envs.rendering.render_config import RenderConfig
from potstill.envs.rendering.sketch_renderer import SketchRenderer
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.dagger.config import DaggerConfig, DeliveryConfig, EvaluationConfig, TeacherConfig
from potstill.launch.dagger.runner import DaggerRunner
from potstill.learners.bc.config import BcConfig
from potstill.learners.bc.train import train_bc
from potstill.learners.learner_worker import LearnerWorker
from potstill.policies.batched_inference import BatchedInference
from potstill.policies.pixel_policy_config import PixelPolicyConfig
from potstill.queues.memory_lease_keeper import MemoryLeaseKeeper
from potstill.queues.memory_task_queue import MemoryTaskQueue

TINY = DaggerConfig(
    recipe="tiny",
    rounds=1,
    bootstrap_rollouts=4,
    rollouts=2,
    render=RenderConfig(size=16),
    rollout=RolloutConfig(max_steps=6, hold_steps=2, batch=2),
    teacher=TeacherConfig(ladder=(0.5,), ladder_fraction=0.5),
    policy=PixelPolicyConfig(channels=8, features=16, hidden=(32,)),
    learner=BcConfig(
        gradient_steps=6, batch_size=8, warmup_steps=1, checkpoint_every_steps=4, random_shift=1
    ),
    evaluation=EvaluationConfig(episodes=3, final_episodes=2, max_steps=5),
    delivery=DeliveryConfig(max_attempts=2),
)


class Killed(BaseException):
    """The runner's death; like a SIGKILL it runs no handler of the runner's."""


class Events:
    """Remembers what was said; ``kill_after`` n events (0-based, progress not counted) the runner dies."""

    def __init__(self):
        self.said = []
        self.kill_before = None
        self.kill_after = None

    def write(self, event, **facts):
        number = len(self.named())
        if not event.endswith("_progress") and number == self.kill_before:
            raise Killed
        self.said.append({"event": event, "time": float(len(self.said)), **facts})
        if not event.endswith("_progress") and number == self.kill_after:
            raise Killed

    def named(self, name=None):
        if name is not None:
            return [event for event in self.said if event["event"] == name]
        return [event for event in self.said if not event["event"].endswith("_progress")]


class AtOnce(Executor):
    """What a tick has finished is on the disk when it ends: tests that count ticks see the same each time."""

    def submit(self, work, /, *args, **kwargs):
        done = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


class Rig:
    """One run directory and what stands around it; ``run`` is a session of the runner."""

    def __init__(self, run_dir: Path, config: DaggerConfig = TINY):
        self.run_dir = run_dir
        self.config = config
        self.url = str(run_dir / "episodes")
        self.store = EpisodeStore(self.url)
        self.renderer = SketchRenderer()
        self.on_tick = lambda: None
        self.lose_queue()

    def lose_queue(self):
        """A server that remembers nothing, and workers on it."""
        self.queue = MemoryTaskQueue(retry_backoff_seconds=0.0)
        keeper = MemoryLeaseKeeper(self.queue, lease_seconds=30.0, owner="worker", facts={})
        settings = {"queue": self.queue, "leases": keeper, "owner": "worker", "lease_seconds": 30.0}
        self.rollout_worker = RolloutWorker(
            pictures=LocalRenderChannel(self.renderer),
            load_student=lambda path, sha256: BatchedInference.load(Path(path), expected_sha256=sha256),
            open_store=functools.cache(EpisodeStore),
            batch=2,
            meter=WorkMeter(keeper.report),
            writer=AtOnce(),
            **settings,
        )
        self.learner_worker = LearnerWorker(threads=1, trainers={"training": train_bc}, **settings)

    def pump(self):
        self.on_tick()
        for _ in range(4):
            self.rollout_worker.tick()
        self.learner_worker.work_once(lambda: False, wait_seconds=0)

    def run(self, *, config=None, kill_before=None, kill_after=None) -> Events:
        """One session; gives what it said. With a kill it ends there and leaves what a killed runner leaves."""
        self.config = config or self.config
        events = Events()
        events.kill_before, events.kill_after = kill_before, kill_after
        runner = DaggerRunner(
            config=self.config,
            run="tiny-1",
            run_dir=self.run_dir,
            queue=self.queue,
            store=self.store,
            store_url=self.url,
            events=events,
            look_after_pools=self.pump,
        )
        killed = kill_before is not None or kill_after is not None
        try:
            runner.run()
            assert not killed, "it was to be killed, but finished"
        except Killed:
            assert killed
        return events

    def outcome(self):
        """All that a run has to show: bytes of the checkpoints, exact vectors of the evaluations."""
        policies = sorted(self.run_dir.glob("checkpoints/*/policy.safetensors"))
        evaluations = sorted(self.run_dir.glob("stages/*.evaluation.json"))
        return (
            {path.parent.name: path.read_bytes() for path in policies},
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
    """A factory of runs: ``make_rig("name", rounds=2)``."""
    return lambda name="run", **settings: Rig(tmp_path / name, replace(TINY, **settings))


@pytest.fixture
def rig(make_rig) -> Rig:
    return make_rig()
