"""Speed of a rollout worker against what its parts allow.

``state_vs_bare``: env steps/s of the real worker loop (in-memory queue, pictures that cost nothing) over those of a
bare loop of the same environment and expert. One process, one core. Episodes are really committed, to memory-backed
files where there are any: an fsync is the disk's time, not the worker's (``commit_ms`` is what it costs on the disk).
Leases are held by nobody: in a run a process of its own does it.

``pixels_vs_parts``: env steps/s of one rollout process and one render process over an embedded Redis, a student
acting, over what the parts allow. The two processes run on different cores and overlap (double buffering), so
the slower of the two parts is the bound: min(1 / (env + expert + student), 1 / render). The parts are measured
at the same time in two processes of their own, so that both sides suffer from the same caches, turbo and
neighbours. On a machine with a single core the parts take turns, and the bound is 1 / (their sum); measured in
turns they already say so. ``pixels_vs_sum`` compares with the sum on any machine: above 1 the overlap pays.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from measurement import print_measurement

from potstill.actors.render_channel import LocalRenderChannel
from potstill.actors.rollout_config import RolloutConfig
from potstill.actors.rollout_job import RolloutJob
from potstill.actors.rollout_worker import RolloutWorker
from potstill.actors.work_meter import WorkMeter
from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.rendering.open_scene_renderer import open_scene_renderer
from potstill.envs.rendering.records import RenderReply, RenderRequest
from potstill.envs.rendering.render_config import RenderConfig
from potstill.envs.teachers import OracleTeacher
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.dagger.composition import (
    WorkerSettings,
    run_render_worker,
    run_rollout_worker,
)
from potstill.launch.engine.worker_process import WORKER_ENVIRONMENT
from potstill.policies.batched_inference import BatchedInference
from potstill.policies.observation_shape import ObservationShape
from potstill.policies.pixel_policy import PixelPolicy
from potstill.policies.pixel_policy_config import PixelPolicyConfig
from potstill.policies.policy_checkpoint import save_policy
from potstill.queues.memory_task_queue import MemoryTaskQueue
from potstill.queues.open_queue import open_queue
from potstill.queues.task import Lease, Task

TASK = "reach-v3"
#: As runs have it: halves of a whole chunk of batched inference. Halves of 4 would pay for 8 and be half padding.
BATCH = RolloutConfig().batch
STEPS = 100
#: Small enough that drawing nothing also moves nothing.
NO_PICTURES = RenderConfig(size=16, cameras=("corner",))
PICTURES = RenderConfig()
JOB = RolloutJob(
    purpose="rollout", run="benchmark", round=0, index=0, task=TASK, seed=0, sigma=0.0, checkpoint="",
    checkpoint_sha256="", beta=1.0, max_steps=STEPS, hold_steps=STEPS, store="", render=NO_PICTURES,
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--worker", nargs=4, metavar=("KIND", "URL", "RUN", "BATCH"), help=argparse.SUPPRESS)
    parser.add_argument("--part", nargs=3, metavar=("KIND", "SECONDS", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(*options.worker)
    elif options.part:
        measure_part(*options.part)
    else:
        with tempfile.TemporaryDirectory(prefix="potstill-rollout-") as folder:
            measure(Path(folder), quick=options.quick)


def measure(folder: Path, *, quick: bool) -> None:
    """All figures; alternating repetitions, medians."""
    bare, state = [], []
    run_bare = bare_loop()
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="potstill-rollout-", dir=memory) as shelf:
        run_state = worker_loop(Path(shelf))
        for _ in range(3 if quick else 9):
            bare.append(run_bare())
            state.append(run_state())
        commit_ms = 1000 * commit_seconds(Path(shelf), folder / "committed")
    acting, drawing, pixels = [], [], []
    with PixelPools(folder) as pools:
        for _ in range(2 if quick else 5):
            parts = parts_at_once(folder, seconds=3.0 if quick else 8.0)
            acting.append(parts["acting"])
            drawing.append(parts["drawing"])
            pixels.append(pools.steps_per_second(episodes=BATCH if quick else 3 * BATCH))
    bounds = list(map(min, acting, drawing))
    sums = [1 / (1 / a + 1 / d) for a, d in zip(acting, drawing)]
    middle = statistics.median
    print_measurement(
        "rollout",
        figures={
            "bare_steps_per_second": middle(bare),
            "state_steps_per_second": middle(state),
            "commit_ms": commit_ms,
            "acting_steps_per_second": middle(acting),
            "drawing_steps_per_second": middle(drawing),
            "pixel_steps_per_second": middle(pixels),
        },
        ratios={
            "state_vs_bare": middle(s / b for s, b in zip(state, bare)),
            "pixels_vs_parts": middle(p / b for p, b in zip(pixels, bounds)),
            "pixels_vs_sum": middle(p / s for p, s in zip(pixels, sums)),
        },
    )


def bare_loop():
    """Steps/s of environment and expert with nothing around them; as many episodes as a worker's batch."""
    env, expert = MetaWorldEnv(TASK), OracleTeacher(TASK)
    seeds = itertools.count()

    def run() -> float:
        began = time.perf_counter()
        for _ in range(BATCH):
            observation, _ = env.reset(seed=next(seeds))
            for _ in range(STEPS):
                observation = env.step(expert.act(observation["privileged"]))[0]
        return BATCH * STEPS / (time.perf_counter() - began)

    return run


class BlankPictures:
    """A renderer that has drawn already."""

    def __init__(self) -> None:
        size, cameras = NO_PICTURES.size, len(NO_PICTURES.cameras)
        self._reply = RenderReply(
            rgb=np.zeros((cameras, size, size, 3), np.uint8),
            depth=None,
            segmentation=None,
            camera_pose=np.zeros((cameras, 12), np.float32),
            fovy=np.full(cameras, 45.0, np.float32),
            painter_version="blank",
        )

    def render(self, requests: Sequence[RenderRequest]) -> list[RenderReply]:
        """The same blank for every request."""
        return [self._reply] * len(requests)

    def close(self) -> None:
        """Nothing to free."""


class NeverLost:
    """A lease holder for leases that outlast the measurement."""

    def hold(self, lease: Lease) -> None:
        """Nothing to do."""

    def drop(self, lease: Lease) -> None:
        """Nothing to do."""

    def lost(self) -> frozenset[str]:
        """None."""
        return frozenset()


def commit_seconds(source: Path, target: Path) -> float:
    """Median time to commit one of the state-only episodes to the disk."""
    store, copies = EpisodeStore(source), EpisodeStore(target)
    times = []
    for entry in store.entries(0):
        episode = store.load(entry)
        began = time.perf_counter()
        copies.commit(episode)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def worker_loop(folder: Path):
    """Steps/s of the rollout worker: leases, lock-step halves, labels, records, commits, acknowledgements."""
    queue = MemoryTaskQueue()
    worker = RolloutWorker(
        queue=queue,
        leases=NeverLost(),
        pictures=LocalRenderChannel(BlankPictures()),
        load_student=lambda path, sha256: BatchedInference.load(Path(path), expected_sha256=sha256),
        open_store=functools.cache(EpisodeStore),
        owner="worker",
        batch=BATCH,
        lease_seconds=600.0,
        meter=WorkMeter(lambda facts: None),
    )
    rounds = itertools.count()

    def run() -> float:
        number = next(rounds)
        queue.put(rollout_tasks(replace(JOB, store=str(folder), round=number), BATCH))
        began, before = time.perf_counter(), worker.steps
        while worker.tick():
            pass
        seconds = time.perf_counter() - began
        assert queue.ledger().settled and worker.steps - before == BATCH * STEPS
        return BATCH * STEPS / seconds

    run()  # makes the environments
    return run


def rollout_tasks(job: RolloutJob, episodes: int) -> list[Task]:
    group = f"round_{job.round:02d}.rollout"
    jobs = [replace(job, index=index, seed=1000 * job.round + index) for index in range(episodes)]
    return [
        Task(id=f"{group}.{job.index:05d}", kind="rollout", group=group, payload=job.to_payload())
        for job in jobs
    ]


class PixelPools:
    """One rollout process and one render process over an embedded Redis, as a run has them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._round = 0
        self._sha256 = make_student(folder / "student")

    def __enter__(self) -> PixelPools:
        self._server = EmbeddedRedis(self._folder / "redis")
        run = f"benchmark-{uuid.uuid4().hex[:8]}"
        self._queue = open_queue(self._server.url, run)
        self._workers = [
            start("--worker", kind, self._server.url, run, BATCH) for kind in ("rollout", "render")
        ]
        self.steps_per_second(episodes=BATCH)  # environments, models, student
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.kill()
            worker.wait()
        self._server.stop()

    def steps_per_second(self, *, episodes: int) -> float:
        """Of ``episodes`` acted by the student; a multiple of the batch, so that no place is ever empty."""
        self._round += 1
        job = replace(
            JOB, round=self._round, beta=0.0, checkpoint=str(self._folder / "student"),
            checkpoint_sha256=self._sha256, store=str(self._folder / "pixels"), render=PICTURES,
        )  # fmt: skip
        tasks = rollout_tasks(job, episodes)
        began = time.perf_counter()
        self._queue.put(tasks)
        ledger = self._queue.gather(tasks[0].group, wait_seconds=300)
        seconds = time.perf_counter() - began
        assert ledger.done == episodes, (ledger, self._queue.dead_letters())
        steps = sum(result["steps"] for result in self._queue.results(tasks[0].group).values())
        return steps / seconds


def make_student(folder: Path) -> str:
    torch.manual_seed(0)
    shape = ObservationShape(
        cameras=len(PICTURES.cameras), height=PICTURES.size, width=PICTURES.size, proprio=4, actions=4
    )
    return save_policy(folder, PixelPolicy(PixelPolicyConfig(), shape))


def parts_at_once(folder: Path, *, seconds: float) -> dict[str, float]:
    """Steps/s of each part, measured in two processes at the same time."""
    kinds = ("acting", "drawing")
    processes = [start("--part", kind, seconds, folder / "student") for kind in kinds]
    rates = [float(process.communicate()[0]) for process in processes]
    return dict(zip(kinds, rates))


def measure_part(kind: str, seconds: str, student: str) -> None:
    """Print the steps/s of environment + expert + student, or of drawing, of half a batch at a time."""
    env, half = MetaWorldEnv(TASK), BATCH // 2
    step = acting_step(env, half, Path(student)) if kind == "acting" else drawing_step(env, half)
    step()
    ready = time.time()
    # Both processes have imported and built everything by then; only the time they overlap is measured.
    time.sleep(2.0 - ready % 2.0)
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < float(seconds):
        step()
        steps += half
    print(steps / (time.perf_counter() - began))


def acting_step(env: MetaWorldEnv, half: int, student_folder: Path):
    expert, student = OracleTeacher(TASK), BatchedInference.load(student_folder)
    rng = np.random.default_rng(0)
    frames = rng.integers(
        0, 256, (half, 1, len(PICTURES.cameras), PICTURES.size, PICTURES.size, 3), dtype=np.uint8
    )
    proprio = np.zeros((half, 1, 4), np.float32)
    observation, _ = env.reset(seed=0)
    taken = 0

    def step() -> None:
        nonlocal observation, taken
        for action in student.act(frames, proprio):
            expert.act(observation["privileged"])
            observation = env.step(action)[0]
            taken += 1
            if taken % STEPS == 0:
                observation, _ = env.reset(seed=taken)

    return step


def drawing_step(env: MetaWorldEnv, half: int):
    renderer = open_scene_renderer(PICTURES.renderer)
    env.reset(seed=0)
    requests = []
    for _ in range(half):
        env.step(env.action_space.sample())
        requests.append(
            RenderRequest(task=TASK, scene=env.scene_state(), cameras=PICTURES.cameras, size=PICTURES.size)
        )
    return lambda: renderer.render(requests)


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, *map(str, arguments)]
    environment = os.environ | WORKER_ENVIRONMENT
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def work(kind: str, url: str, run: str, batch: str) -> None:
    """A run's worker, until killed."""
    settings = WorkerSettings(
        redis_url=url, run=run, rollout_batch=int(batch), renderer=PICTURES.renderer, render_batch=4,
        lease_seconds=15.0, render_deadline_seconds=60.0, max_waiting_renders=256, learner_threads=1,
    )  # fmt: skip
    targets = {"rollout": run_rollout_worker, "render": run_render_worker}
    targets[kind](settings, 0, lambda: False)


if __name__ == "__main__":
    main()
