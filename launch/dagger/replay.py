"""Acts a stored episode again from its seed and its policy, and compares every column byte for byte."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from potstill.actors.episode_in_progress import EpisodeInProgress
from potstill.actors.rollout_job import RolloutJob
from potstill.actors.student import Student
from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.rendering.diffusion.model_folders import ModelUnavailableError
from potstill.envs.rendering.open_scene_renderer import open_scene_renderer
from potstill.envs.rendering.render_config import RenderConfig
from potstill.envs.rendering.scene_renderer import SceneRenderer
from potstill.experience.episode import Episode, EpisodeMeta
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import ArrayFileError
from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.dagger.stage_tasks import StageTasks
from potstill.launch.dagger.stages import (
    rollout_stage,
)
from potstill.launch.errors import BadInputError, RunFailedError
from potstill.queues.task import Lease

#: The one column that no repetition can reproduce.
_WALL_TIME = "step_seconds"


def replay_episode(run_dir: Path, episode: str) -> int:
    """Check one episode, named ``ROUND/INDEX``; returns 0.

    Raises:
        BadInputError: no such episode (names what there is), its student's checkpoint is gone, or what painted it is
            not here.
        RunFailedError: something is not what was stored; names columns and steps.
    """
    folder = DaggerFolder(run_dir)
    config = folder.read_config()
    stored = _load(EpisodeStore(folder.episodes_url), episode)
    meta = stored.meta
    print(
        f"{meta.task}  round {meta.round}  episode {meta.index}  {len(stored)} steps, acted by {meta.actor}"
    )
    again = _act_again(config, folder, meta)
    columns = [name for name in stored.arrays() if name != _WALL_TIME]
    differences = [text for name in columns if (text := _difference(name, stored, again))]
    if differences:
        raise RunFailedError(
            f"replay of {episode} differs from the store: {'; '.join(differences)} "
            f"(stored with painter {meta.painter} {meta.painter_version})"
        )
    warped = int((~stored.keyframe).sum())
    print(f"frames   {len(stored)} of {len(stored)} equal byte for byte ({warped} of them warped)")
    print(f"columns  all {len(columns)} equal byte for byte: {', '.join(columns)}")
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


def _act_again(config: DaggerConfig, folder: DaggerFolder, meta: EpisodeMeta) -> Episode:
    """The same task through the same code as a rollout worker's, without queue and neighbours."""
    tasks = StageTasks(config=config, run=meta.run, run_dir=folder.path, store=folder.episodes_url)
    stage = rollout_stage(config, meta.round, meta.policy_version)
    student = (str(tasks.checkpoint_folder(meta.round - 1)), meta.policy_version)
    task = tasks.rollouts(stage, meta.round, student)[meta.index]
    job = RolloutJob.from_payload(task.payload)
    try:
        episode = EpisodeInProgress(
            job=job,
            lease=Lease(task=task, owner="replay", fence=0, attempt=1, deadline=0.0),
            env=MetaWorldEnv(job.task, robot=job.robot),
            student=_student(job) if job.student_acts else None,
        )
    except ArrayFileError as error:
        raise BadInputError(f"teacher {error}; the expert of this episode is gone") from None
    renderer = _renderer(job.render)
    try:
        while not episode.finished:
            _step(episode, renderer, meta)
    finally:
        renderer.close()
    return episode.episode()


def _student(job: RolloutJob) -> Student:
    from potstill.policies.batched_inference import BatchedInference  # torch takes seconds to import

    try:
        return BatchedInference.load(Path(job.checkpoint), expected_sha256=job.checkpoint_sha256)
    except ArrayFileError as error:
        raise BadInputError(f"checkpoint {error}; the student that acted this episode is gone") from None


def _renderer(render: RenderConfig) -> SceneRenderer:
    try:
        return open_scene_renderer(render.renderer, diffusion=render.generator)
    except ModelUnavailableError as error:
        raise BadInputError(f"render.diffusion: {error}") from None


def _step(episode: EpisodeInProgress, renderer: SceneRenderer, meta: EpisodeMeta) -> None:
    reply = renderer.render([episode.render_request()])[0]
    if reply.painter_version != meta.painter_version:
        raise BadInputError(
            f"episode: painted by {meta.painter} {meta.painter_version}, and here that painter is "
            f"{reply.painter_version}: replay with the same versions, renderer and kind of device"
        )
    if not episode.see(reply):
        episode.see(renderer.render([episode.render_request(force_paint=True)])[0])
    action = None
    if episode.student is not None:
        frames, proprio = episode.student_view()
        action = episode.student.act(frames[None], proprio[None])[0]
    episode.act(action)


def _difference(name: str, stored: Episode, again: Episode) -> str:
    """Empty when equal; else the column and the first steps at which it differs."""
    one, other = getattr(stored, name), getattr(again, name)
    if one.shape != other.shape:
        return f"{name} is {other.shape} instead of {one.shape}"
    steps = np.flatnonzero((one != other).reshape(len(one), -1).any(axis=1))
    return f"{name} at steps {steps[:5].tolist()}" if len(steps) else ""
