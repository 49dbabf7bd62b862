"""Draws a stored episode again, asks the expert again, and compares byte for byte."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from potstill.envs.rendering.mujoco_scene_renderer import MujocoSceneRenderer
from potstill.envs.rendering.records import RenderRequest, SceneState
from potstill.envs.teachers import OracleTeacher
from potstill.experience.episode import Episode
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.errors import BadInputError, RunFailedError
from potstill.launch.run_directory import open_run_directory

#: Scenes drawn at once.
_BATCH = 64


def replay_episode(run_dir: Path, episode: str) -> int:
    """Check one episode, named ``ROUND/INDEX``; returns 0.

    Raises:
        BadInputError: no such episode; names what there is.
        RunFailedError: a frame or a label is not what was stored.
    """
    record = _load(EpisodeStore(str(open_run_directory(run_dir).episodes)), episode)
    meta = record.meta
    print(
        f"{meta.task}  round {meta.round}  episode {meta.index}  {len(record)} steps, acted by {meta.actor}"
    )
    painted = np.flatnonzero(record.keyframe)
    frames = _draw(record, painted)
    wrong_frames = [
        int(step) for step, frame in zip(painted, frames) if not np.array_equal(frame, record.frames[step])
    ]
    expert = OracleTeacher(meta.task)
    labels = np.stack([expert.act(privileged) for privileged in record.privileged])
    wrong_labels = np.flatnonzero((labels != record.expert_action).any(axis=1)).tolist()
    print(
        f"frames   {len(painted) - len(wrong_frames)} of {len(painted)} painted frames are equal byte for byte"
    )
    print(
        f"labels   {len(record) - len(wrong_labels)} of {len(record)} equal the expert's action on the stored state"
    )
    if wrong_frames or wrong_labels:
        raise RunFailedError(
            f"replay differs from the store: frames at steps {wrong_frames[:5]}, labels at steps {wrong_labels[:5]} "
            f"(stored with painter {meta.painter} {meta.painter_version})"
        )
    return 0


def _load(store: EpisodeStore, name: str) -> Episode:
    match = re.fullmatch(r"(\d{1,6})/(\d{1,9})", name)
    if not match:
        raise BadInputError(f"episode: expected ROUND/INDEX, e.g. 0/17: got {name!r}")
    round_index, index = int(match.group(1)), int(match.group(2))
    entry = store.entry(round_index, index)
    if entry is None:
        there = ", ".join(f"{number}/0..{len(store.entries(number)) - 1}" for number in store.rounds())
        raise BadInputError(f"episode: {name} was never committed; there are {there or 'none'}")
    return store.load(entry)


def _draw(record: Episode, steps: np.ndarray) -> list[np.ndarray]:
    meta = record.meta
    requests = [
        RenderRequest(
            task=meta.task,
            scene=SceneState(
                body_pos=record.body_pos[step],
                body_quat=record.body_quat[step],
                site_pos=record.site_pos[step],
            ),
            cameras=meta.cameras,
            size=record.frames.shape[2],
            painter=meta.painter,
            seed=int(record.render_seed[step]),
        )
        for step in steps
    ]
    renderer = MujocoSceneRenderer()
    try:
        replies = [
            reply
            for first in range(0, len(requests), _BATCH)
            for reply in renderer.render(requests[first : first + _BATCH])
        ]
    finally:
        renderer.close()
    return [reply.rgb for reply in replies if reply.rgb is not None]
