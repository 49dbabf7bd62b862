"""Fixtures shared by every room."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from potstill.experience.episode import Episode, EpisodeMeta


@pytest.fixture
def make_episode() -> Callable[..., Episode]:
    """A factory of small episodes; the label can be read off the picture and the proprioception."""
    return synthetic_episode


@pytest.fixture
def make_trajectory() -> Callable[..., Episode]:
    """A factory of episodes without pictures: ``make_trajectory(task="push-v3", robot="panda", steps=9)``."""
    return synthetic_trajectory


@pytest.fixture
def start_python() -> Callable[..., subprocess.Popen]:
    """Starts ``code`` in a fresh interpreter that knows this file's ``synthetic_*`` and gets ``sys.argv[1:]``."""
    names = ("synthetic_episode", "synthetic_trajectory")
    prelude = f"import sys, runpy; here = runpy.run_path({__file__!r})\n"
    prelude += "".join(f"{name} = here[{name!r}]\n" for name in names)

    def start(code: str, *arguments: object) -> subprocess.Popen:
        command = [sys.executable, "-P", "-c", prelude + code, *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    return start


@pytest.fixture(scope="session")
def reach_model_hash():
    """Of reach-v3 as this machine builds it."""
    from potstill.envs.task_simulation import TaskSimulation

    return TaskSimulation("reach-v3").model_hash


@pytest.fixture
def write_expert(reach_model_hash):
    """A factory of experts with random weights, without torch: ``write_expert(folder, seed=1)`` gives its sha256."""
    from potstill.policies.actor_form import ActorForm
    from potstill.policies.expert_facts import ExpertFacts
    from potstill.policies.expert_file import ExpertFile

    def write(folder, *, seed=0, **changes):
        facts = dict(
            task="reach-v3", robot="sawyer", model_hash=reach_model_hash, seed=seed, env_steps=1000 * seed,
            decisions=500, success_rate=0.9, eval_episodes=50, kind="final", trained_with="x", hidden=(8,),
        )  # fmt: skip
        rng = np.random.default_rng(seed)
        layers = tuple(
            (rng.normal(size=(size, out)).astype(np.float32), rng.normal(size=out).astype(np.float32))
            for size, out in ((39, 8), (8, 8))
        )
        file = ExpertFile(layers=layers, form=ActorForm(), facts=ExpertFacts(**(facts | changes)), others={})
        return file.write(folder)

    return write


def synthetic_episode(
    *,
    round: int = 0,
    index: int = 0,
    steps: int = 12,
    size: int = 16,
    cameras: int = 2,
    proprio: int = 4,
    actions: int = 3,
    run: str = "test",
    salt: int = 0,
) -> Episode:
    """A bright square wanders over noise; the expert's action points from the middle to the square."""
    rng = np.random.default_rng([round, index, salt])
    place = rng.uniform(-0.7, 0.7, (steps, 2))
    frames = rng.integers(0, 60, (steps, cameras, size, size, 3), dtype=np.uint8)
    corner = np.round((place + 1) / 2 * (size - 4)).astype(int)
    for step, (y, x) in enumerate(corner):
        frames[step, :, y : y + 4, x : x + 4] = 250
    body = rng.normal(size=(steps, proprio)).astype(np.float32)
    label = np.zeros((steps, actions), np.float32)
    label[:, : min(2, actions)] = place[:, : min(2, actions)]
    privileged = np.concatenate([place, rng.normal(size=(steps, 3))], axis=1)
    flag = np.zeros(steps, bool)
    meta = EpisodeMeta(
        run=run, round=round, index=index, task="reach-v3", seed=1000 * round + index, actor="oracle",
        expert="oracle", policy_version="oracle", painter="mujoco", painter_version="1", keyframe_interval=1,
        cameras=tuple(f"cam{i}" for i in range(cameras)),
    )  # fmt: skip
    return Episode(
        meta=meta, proprio=body, privileged=privileged, action=label.copy(),
        expert_action=label, expert_acted=~flag, reward=rng.random(steps).astype(np.float32),
        terminated=flag.copy(), truncated=flag.copy(), success=np.arange(steps) == steps - 1, frames=frames,
        keyframe=~flag,
        prompt_id=np.full(steps, -1, np.int32), render_seed=np.arange(steps, dtype=np.int64),
        camera_pose=rng.random((steps, cameras, 12)).astype(np.float32), body_pos=rng.random((steps, 6, 3)),
        body_quat=rng.random((steps, 6, 4)), site_pos=rng.random((steps, 0, 3)),
        step_seconds=rng.random(steps).astype(np.float32),
    )  # fmt: skip


def synthetic_trajectory(
    *,
    task: str = "reach-v3",
    robot: str = "sawyer",
    state: int = 21,
    actions: int = 4,
    model_hash: str | None = None,
    **sizes: int,
) -> Episode:
    """As the trajectory workers record it: no cameras, no bodies, noise executed instead of the label."""
    drawn = synthetic_episode(cameras=0, size=0, proprio=state, actions=actions, **sizes)
    steps = len(drawn)
    model = f"{task} {robot}" if model_hash is None else model_hash
    meta = replace(
        drawn.meta, task=task, robot=robot, model_hash=model, painter="none", painter_version="", cameras=()
    )
    rng = np.random.default_rng([drawn.meta.round, drawn.meta.index, 1])
    nothing = {name: np.zeros((steps, 0, size)) for name, size in _SCENE}
    action = rng.uniform(-1, 1, (steps, actions)).astype(np.float32)
    return replace(drawn, meta=meta, action=action, **nothing)


_SCENE = (("body_pos", 3), ("body_quat", 4), ("site_pos", 3))
