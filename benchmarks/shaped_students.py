"""Environment steps to 80 % of students of soft actor-critic, guided by a collective policy or not, and the cost.

``env_steps_to_80``: of the first evaluation (20 held-out goals) that reached 80 %, for each task and seed; null when
none did within the budget. ``success_curve``: [environment steps, success] of every evaluation. ``training_return``:
mean of the last 100 training episodes, rewards as the task gives them. ``decision_cpu_ms``: CPU time of the whole
training per decision, evaluations left out, the median over runs. No demonstrations anywhere.
``decision_cpu_vs_off``: the same against no shaping. Fewer than three seeds show nothing about steps to 80 %.

``.venv/bin/python benchmarks/shaped_students.py --teacher RUN/checkpoints/final.code [--tasks A,B] [--seeds 0,1,2]``;
``--quick``: an untrained policy that reads twenty states guides for 4,000 steps, for the cost alone.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch and NumPy are imported

import ray
import torch
from measurement import print_measurement

from potstill.learners.sac.algorithm import SacAlgorithm
from potstill.learners.sac.algorithm_config import SacAlgorithmConfig
from potstill.learners.sac.config import SacConfig
from potstill.learners.sac.shaping_config import ShapingConfig
from potstill.policies.collective_checkpoint import save_collective
from potstill.policies.collective_policy import CollectivePolicy
from potstill.policies.collective_policy_config import CollectivePolicyConfig
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig

GOALS, GOOD = 20, 0.8


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    ray.init(address="local", num_cpus=1, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        with tempfile.TemporaryDirectory() as folder:
            teacher = options.teacher or untrained(Path(folder))
            runs = measure(options, forms(teacher, options))
    finally:
        ray.shutdown()
    costs = {
        form: statistics.median(run["decision_cpu_ms"] for run in runs if run["form"] == form)
        for form in ("off", "bonus", "potential")
    }
    ratios = {f"{form}_decision_cpu_vs_off": costs[form] / costs["off"] for form in ("bonus", "potential")}
    print_measurement("shaped_students", {"runs": runs, "decision_cpu_ms": costs}, ratios)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--teacher", default="", help="folder of a collective checkpoint")
    parser.add_argument("--tasks", default="reach-v3")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--env-steps", type=int, default=40_000, help="of each training")
    parser.add_argument("--interval", type=int, default=5_000, help="environment steps between evaluations")
    parser.add_argument("--std-floor", type=float, default=0.7)
    parser.add_argument("--weight", type=float, default=10.0, help="of the bonus")
    parser.add_argument("--potential", type=float, default=100.0, help="weight of the potential")
    options = parser.parse_args()
    if options.quick:
        options.tasks, options.seeds = "reach-v3", "0"
        options.env_steps = options.interval = 4_000
    elif not options.teacher:
        parser.error("say --teacher DIR, or --quick")
    return options


def forms(teacher: str, options: argparse.Namespace) -> dict[str, ShapingConfig]:
    guided = {"teacher": teacher, "std_floor": options.std_floor, "end_step": options.env_steps}
    return {
        "off": ShapingConfig(),
        "bonus": ShapingConfig(**guided, weight=options.weight),
        "potential": ShapingConfig(**guided, weight=options.potential, form="potential"),
    }


def measure(options: argparse.Namespace, shapings: dict[str, ShapingConfig]) -> list[dict[str, Any]]:
    """One training after another; the forms take turns."""
    runs = []
    for task in options.tasks.split(","):
        for seed in map(int, options.seeds.split(",")):
            for form, shaping in shapings.items():
                settings = SacAlgorithmConfig().expert(
                    task=task, seed=seed, shaping=shaping, sac=SacConfig(demo_episodes=0)
                )
                settings = settings.env_runners(num_env_runners=0)
                algorithm: Any = settings.evaluation(evaluation_duration=GOALS).build_algo()
                figures = train(algorithm, options, evaluated=not options.quick)
                algorithm.stop()
                runs.append({"task": task, "seed": seed, "form": form, **figures})
                print(runs[-1], flush=True)
    return runs


def train(algorithm: SacAlgorithm, options: argparse.Namespace, *, evaluated: bool) -> dict[str, Any]:
    """Until 80 % or the budget."""
    steps, decisions, cpu, curve = 0, 0, 0.0, []
    while steps < options.env_steps and (not curve or curve[-1][1] < GOOD):
        started, before = time.process_time(), steps
        sampled = algorithm.train()["env_runners"]
        cpu += time.process_time() - started
        steps = int(sampled["num_env_steps_sampled_lifetime"])
        decisions = int(sampled["num_decisions_lifetime"])
        if evaluated and steps // options.interval > before // options.interval:
            success = algorithm.evaluate()["env_runners"]["success_rate_mean"]
            curve.append([steps, float(success)])
    episode_return = float(sampled["episode_return_mean"])
    reached = [step for step, success in curve if success >= GOOD]
    return {
        "env_steps_to_80": reached[0] if reached else None,
        "success_curve": curve,
        "training_return": episode_return,
        "decision_cpu_ms": 1e3 * cpu / decisions,
    }


def untrained(folder: Path) -> str:
    """A policy as large as the defaults make it."""
    sizes = {"state_size": 21, "action_size": 4}
    transformer = TrajectoryTransformer(TrajectoryTransformerConfig(), **sizes)
    policy = CollectivePolicy(
        CollectivePolicyConfig(), transformer=transformer, tasks=("reach-v3",), code_size=6, **sizes
    )
    save_collective(folder, policy)
    return str(folder)


if __name__ == "__main__":
    main()
