"""Demonstrations for the replay: episodes of the noisy oracle, as the expert itself would have made them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.task_simulation import TaskSimulation
from potstill.envs.teachers import NoisyTeacher, OracleTeacher, Teacher
from potstill.experience.episode_seeds import rollout_seed
from potstill.experience.rollout_fragment import RolloutFragment
from potstill.learners.sac.config import SacConfig
from potstill.learners.sac.shaping_guide import ShapingGuide

#: The stream of environment seeds that no runner uses.
DEMONSTRATION_STREAM = 255


def collect_demonstrations(
    task: str,
    *,
    robot: str,
    dynamics: DynamicsConfig,
    sac: SacConfig,
    run_seed: int,
    guide: ShapingGuide | None = None,
) -> Iterator[tuple[RolloutFragment, np.ndarray | None]]:
    """``sac.demo_episodes`` episodes: a fragment (T, 1) each, and the ``guide``'s advice (T, 1, D) on it.

    The chosen action is held for ``sac.action_repeat`` steps. Rewards are as the task gives them. Demonstrations are
    advised like own decisions: the same action in the same state must be worth the same in both halves of a batch.
    """
    simulation, oracle = TaskSimulation(task, robot=robot, dynamics=dynamics), OracleTeacher(task)
    for index in range(sac.demo_episodes):
        seed = rollout_seed(run_seed, DEMONSTRATION_STREAM, index)
        teacher = NoisyTeacher(oracle, sigma=sac.demo_sigma, rng=np.random.default_rng(seed))
        fragment = _episode(simulation, teacher, sac, seed, guide)
        yield fragment, None if guide is None else guide.advice()


def _episode(
    simulation: TaskSimulation, teacher: Teacher, sac: SacConfig, seed: int, guide: ShapingGuide | None
) -> RolloutFragment:
    observation, rows, steps = simulation.reset(seed), [], 0
    if guide is not None:
        guide.begin(observation[None])
    while steps < sac.max_steps:
        action, total, success = teacher.act(observation), 0.0, False
        before, seen, rewards = observation, [], []
        repeats = min(sac.action_repeat, sac.max_steps - steps)
        for _ in range(repeats):
            observation, reward, info = simulation.step(action)
            total, success = total + reward, success or bool(info["success"])
            seen.append(observation)
            rewards.append(reward)
        steps += repeats
        if guide is not None:
            guide.follow(action[None], np.array(seen)[:, None], np.array(rewards)[:, None])
        rows.append((before, action, total, observation, success))
    return _fragment(rows, seed)


def _fragment(
    rows: list[tuple[np.ndarray, np.ndarray, float, np.ndarray, bool]], seed: int
) -> RolloutFragment:
    before, actions, rewards, after, successes = map(np.array, zip(*rows, strict=True))
    truncated = np.zeros((len(rows), 1), np.bool_)
    truncated[-1] = True
    return RolloutFragment(
        observation=before.astype(np.float32)[:, None],
        action=actions[:, None],
        reward=rewards.astype(np.float32)[:, None],
        next_observation=after.astype(np.float32)[:, None],
        terminated=np.zeros_like(truncated),
        truncated=truncated,
        success=successes[:, None],
        episode_seed=np.full(truncated.shape, seed, np.int64),
    )
