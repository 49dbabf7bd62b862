"""What our frame of SAC costs, against stock RLlib and Stable-Baselines3 in the same run.

``update_vs_rllib``, ``update_vs_sb3``: trained samples/s (batch x updates/s) of everything that is not sampling:
drawing minibatches from the replay, updates, sending weights. Equal networks (2 x 256), batch (256), update ratio
(1), optimisers (Adam 3e-4), actor and targets in every update, no layer norm, replays of equal content size. RLlib
gets its uniform episode replay, which is faster than its default.
``sampling_vs_rllib``: environment steps/s of our runner (8 environments) against RLlib's with 1 or with 8,
whichever is faster, policy included, no action repeat, hundreds of steps per call. ``sampling_vs_rllib_one``: against
1. ``sampling_vs_rllib_two_cores``: by the wall clock, one process each, which in ours has two threads for the physics
(``env_threads``) and in RLlib's none to have; for an otherwise idle machine. More processes multiply both alike.
``sampling_vs_rllib_in_training``: while both train; stock SAC asks for one step of one environment at a time.
``env_vs_stock``, ``raw_share``, ``envpool_vs_ours``: of ``benchmarks/env_step.py``, same run.
``loop_vs_rllib``, ``loop_vs_sb3``: whole training, sampling and updates together, in environment steps/s.

Peers use Meta-World through gymnasium as it comes. All in one process, one torch thread each, repetitions alternate,
the first is left out. Where nothing else is said, seconds are the process's CPU time: what a core has to spend, whoever
else is on the machine.
Run alone: ``.venv/bin/python benchmarks/sac.py [--quick]``.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import logging
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch and NumPy are imported

import gymnasium
import metaworld  # noqa: F401 - registers the tasks
import ray
import torch
from env_step import measure_env_step
from measurement import print_measurement
from ray.rllib.algorithms.sac import SACConfig
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner
from ray.tune.registry import register_env
from stable_baselines3 import SAC

from potstill.envs.task_names import MT10
from potstill.learners.sac.algorithm_config import SacAlgorithmConfig
from potstill.learners.sac.config import SacConfig
from potstill.learners.sac.rollout_runner import RolloutRunner

TASK = "reach-v3"
ENV_NAME = "stock-metaworld"
BATCH, ENVS, HIDDEN, LEARNING_RATE = 256, 8, 256, 3e-4
#: Transitions in the replay before the first repetition.
FILL = 600
#: What each side's ``train`` returns, per second.
KINDS = ("trained_samples", "loop_env_steps", "sampled_in_training_env_steps")
EQUAL = SacConfig(
    hidden=(HIDDEN, HIDDEN),
    critic_layer_norm=False,
    batch_size=BATCH,
    update_ratio=1.0,
    actor_every=1,
    target_every=1,
    actor_learning_rate=LEARNING_RATE,
    critic_learning_rate=LEARNING_RATE,
    alpha_learning_rate=LEARNING_RATE,
    random_decisions=FILL,
    demo_episodes=0,
    action_repeat=1,
    max_steps=500,
    envs=ENVS,
    fragment=25,
)


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    register_env(ENV_NAME, lambda _: stock_env())
    ray.init(address="local", num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        figures, ratios = measure_updates(options.quick)
        sampling_figures, sampling_ratios = measure_sampling(options.quick)
        steps, repetitions = (60, 3) if options.quick else (200, 7)
        step_figures, step_ratios = measure_env_step(MT10, steps, repetitions, peer=options.peer)
    finally:
        ray.shutdown()
    figures |= sampling_figures | {"env_step": step_figures}
    ratios |= sampling_ratios | step_ratios
    figures |= {"torch_threads": torch.get_num_threads(), "stable_baselines3": version("stable-baselines3")}
    print_measurement("sac", figures, ratios)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--peer", default=sys.executable, help="a Python that has envpool")
    return parser.parse_args()


def measure_updates(quick: bool) -> tuple[dict[str, Any], dict[str, float]]:
    """Trained samples/s and whole loops of the three."""
    ours, rllib, sb3 = Ours(), StockRllib(), StableBaselines()
    decisions, few, repetitions = (200, 8, 2) if quick else (600, 30, 5)
    sides = {
        "ours": lambda: ours.train(decisions),
        "rllib": lambda: rllib.train(few),
        "sb3": lambda: sb3.train(decisions // 4),
    }
    rates: dict[tuple[str, str], list[float]] = {(name, kind): [] for name in sides for kind in KINDS}
    for repetition in range(repetitions + 1):
        for name, train in sides.items():
            for kind, rate in zip(KINDS, train(), strict=True) if repetition else ():
                rates[name, kind].append(rate)
    figures: dict[str, Any] = {}
    for (name, kind), values in rates.items():
        figures |= spread(f"{name}_{kind}_per_second", values)
    ratios = {
        f"{ratio}_vs_{peer}": paired(rates["ours", kind], rates[peer, kind])
        for peer in ("rllib", "sb3")
        for ratio, kind in (("update", "trained_samples"), ("loop", "loop_env_steps"))
    }
    sampled = [rates[name, "sampled_in_training_env_steps"] for name in ("ours", "rllib")]
    return figures, ratios | {"sampling_vs_rllib_in_training": paired(*sampled)}


def measure_sampling(quick: bool) -> tuple[dict[str, Any], dict[str, float]]:
    """Environment steps/s with the policy acting, by CPU time and by the wall clock."""
    own = {threads: our_runner(threads) for threads in (1, 2)}
    stock = {envs: SingleAgentEnvRunner(config=stock_config(envs), worker_index=0) for envs in (1, ENVS)}
    steps, repetitions = (100, 2) if quick else (400, 7)

    def sample_ours(threads: int) -> int:
        return own[threads].sample().env_steps + own[threads].sample().env_steps

    def sample_stock(envs: int) -> int:
        return sum(map(len, stock[envs].sample(num_timesteps=steps, explore=True)))

    sides = {
        "ours": lambda: sample_ours(1),
        "ours_two_threads": lambda: sample_ours(2),
        "rllib_1": lambda: sample_stock(1),
        f"rllib_{ENVS}": lambda: sample_stock(ENVS),
    }
    rates: dict[str, list[float]] = {f"{name}_{clock}": [] for name in sides for clock in ("cpu", "wall")}
    for repetition in range(repetitions + 1):
        for name, sample in sides.items():
            cpu, wall = time.process_time(), time.perf_counter()
            count = sample()
            if repetition:
                rates[f"{name}_cpu"].append(count / (time.process_time() - cpu))
                rates[f"{name}_wall"].append(count / (time.perf_counter() - wall))
    figures: dict[str, Any] = {}
    for name, values in rates.items():
        figures |= spread(f"{name}_sampling_env_steps_per_second", values)
    best = max(("rllib_1", f"rllib_{ENVS}"), key=lambda name: statistics.median(rates[f"{name}_cpu"]))
    return figures | {"rllib_best": best}, {
        "sampling_vs_rllib": paired(rates["ours_cpu"], rates[f"{best}_cpu"]),
        "sampling_vs_rllib_one": paired(rates["ours_cpu"], rates["rllib_1_cpu"]),
        "sampling_vs_rllib_two_cores": paired(rates["ours_two_threads_wall"], rates[f"{best}_wall"]),
    }


def our_runner(threads: int) -> RolloutRunner:
    sac = dataclasses.replace(EQUAL, env_threads=threads)
    return RolloutRunner(config=SacAlgorithmConfig().expert(task=TASK, sac=sac), worker_index=0)


class Ours:
    """``SacAlgorithm`` as ``potstill expert train`` runs it, with the peers' settings."""

    def __init__(self) -> None:
        self._algorithm = SacAlgorithmConfig().expert(task=TASK, sac=EQUAL).build_algo()
        self._sampling = Timed(self._algorithm.env_runner, "sample")
        while self._algorithm._decisions < FILL:
            self._algorithm.train()

    def train(self, decisions: int) -> tuple[float, float, float]:
        """Rates as in ``KINDS``; one update per decision."""
        self._sampling.seconds, before = 0.0, self._algorithm._decisions
        with stopwatch() as took:
            while self._algorithm._decisions - before < decisions:
                self._algorithm.train()
        done = self._algorithm._decisions - before
        return rates_of(done, took(), took() - self._sampling.seconds)


class StockRllib:
    """RLlib's own SAC on its new API stack."""

    def __init__(self) -> None:
        self._algorithm = stock_config(1).build_algo()
        self._sampling = Timed(self._algorithm.env_runner, "sample")
        # In one go, not in 1,600 calls of one step each; the environment goes on from there.
        self._algorithm.local_replay_buffer.add(self._algorithm.env_runner.sample(num_timesteps=FILL))
        self._algorithm.train()

    def train(self, steps: int) -> tuple[float, float, float]:
        """Rates as in ``KINDS``; one update per step."""
        self._sampling.seconds = 0.0
        with stopwatch() as took:
            for _ in range(steps):
                self._algorithm.training_step()
        return rates_of(steps, took(), took() - self._sampling.seconds)


class StableBaselines:
    """Stable-Baselines3's SAC."""

    def __init__(self) -> None:
        self._model = SAC(
            "MlpPolicy",
            stock_env(),
            learning_rate=LEARNING_RATE,
            batch_size=BATCH,
            learning_starts=FILL,
            train_freq=1,
            gradient_steps=1,
            policy_kwargs={"net_arch": [HIDDEN, HIDDEN]},
            device="cpu",
        )
        self._training = Timed(self._model, "train")
        self._model.learn(FILL)

    def train(self, steps: int) -> tuple[float, float, float]:
        """Rates as in ``KINDS``; one update per step, by its own ``train``."""
        self._training.seconds = 0.0
        with stopwatch() as took:
            self._model.learn(steps, reset_num_timesteps=False)
        return rates_of(steps, took(), self._training.seconds)


class Timed:
    """Replaces a method by itself and a clock."""

    def __init__(self, owner: Any, name: str) -> None:
        self.seconds = 0.0
        method: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            try:
                return method(*args, **kwargs)
            finally:
                self.seconds += time.process_time() - began

        setattr(owner, name, timed)


def rates_of(steps: int, seconds: float, learning_seconds: float) -> tuple[float, float, float]:
    return BATCH * steps / learning_seconds, steps / seconds, steps / (seconds - learning_seconds)


def stock_config(envs: int) -> SACConfig:
    return (
        SACConfig()
        .environment(ENV_NAME)
        .env_runners(num_env_runners=0, num_envs_per_env_runner=envs)
        .rl_module(model_config={"fcnet_hiddens": [HIDDEN], "head_fcnet_hiddens": [HIDDEN]})
        .training(
            actor_lr=LEARNING_RATE,
            critic_lr=LEARNING_RATE,
            alpha_lr=LEARNING_RATE,
            train_batch_size_per_learner=BATCH,
            num_steps_sampled_before_learning_starts=0,
            replay_buffer_config={"type": "EpisodeReplayBuffer", "capacity": EQUAL.replay_capacity},
        )
        .reporting(min_time_s_per_iteration=0, min_sample_timesteps_per_iteration=1)
    )


def stock_env() -> gymnasium.Env:
    return gymnasium.make("Meta-World/MT1", env_name=TASK)


@contextlib.contextmanager
def stopwatch():
    """Gives a function: CPU seconds of the block, once it is left."""
    began, ended = time.process_time(), []
    yield lambda: ended[0] - began
    ended.append(time.process_time())


def spread(name: str, values: list[float]) -> dict[str, float]:
    return {name: statistics.median(values), f"{name}_min": min(values), f"{name}_max": max(values)}


def paired(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
