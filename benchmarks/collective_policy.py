"""What does a gradient step of the collective policy cost, and one action?

Processor time on one thread, so that other processes do not decide; the sides take turns. Per gradient step at batch
256: with the codes of all rows worked out beforehand (the learner's whole step: draw, gather, forward, loss,
backward, optimiser), the same network on batches that lie in memory (``bare``), and the step that trains through the
transformer (``joint``). Per action: 16 live episodes at once, with the transformer's code and without history.
Run alone: ``python benchmarks/collective_policy.py [--quick]``.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from potstill.experience.episode_store import EpisodeStore
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.learners.collective.config import DistillationConfig
from potstill.learners.collective.distillation_data import DistillationData
from potstill.learners.collective.learner import CollectiveLearner
from potstill.learners.collective.losses import reference_loss
from potstill.learners.collective.row_codes import row_codes
from potstill.policies.collective_inference import CollectiveInference
from potstill.policies.collective_policy import CollectivePolicy
from potstill.policies.collective_policy_config import CollectivePolicyConfig, ContextName
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig

sys.path.insert(0, str(Path(__file__).parent))
from measurement import print_measurement
from representation import CELLS, cpu_milliseconds, episode, paired

STATE, ACTION, LIVE = 21, 4, 16
CONFIG = DistillationConfig()
CPU = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    repetitions, steps = (3, 20) if options.quick else (15, 60)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        table = packed(Path(folder), episodes_per_cell=2 if options.quick else 20)
        sides = {
            "cached_step": (gradient_step(table, "code", Path(folder)), steps),
            "bare_step": (bare_step(table), steps),
            "joint_step": (gradient_step(table, "joint", Path(folder)), 2),
            "act_code": (acting("code", table), steps),
            "act_zeros": (acting("zeros", table), steps),
        }
        times: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(repetitions):
            for name, (work, count) in sides.items():
                times[name].append(cpu_milliseconds(work, count))
    figures = {f"{name}_cpu_ms": statistics.median(values) for name, values in times.items()}
    for context in ("code", "zeros"):
        figures[f"{context}_actions_per_cpu_s"] = 1e3 * LIVE / figures[f"act_{context}_cpu_ms"]
    figures |= {"batch": CONFIG.training.batch_size, "live_episodes": LIVE, "rows": len(table)}
    ratios = {
        "bare_vs_cached": paired(times["bare_step"], times["cached_step"]),
        "joint_vs_cached": paired(times["joint_step"], times["cached_step"]),
    }
    print_measurement("collective_policy", figures, ratios)


def packed(folder: Path, *, episodes_per_cell: int) -> TrajectoryTable:
    store = EpisodeStore(folder / "episodes")
    cells = CELLS * episodes_per_cell
    for index, (task, robot) in enumerate(cells):
        store.commit(episode(index, task, robot))
    store.seal(0, requested=len(cells))
    return TrajectoryTable(store, [0], cache=folder / "cache", split_seed=0)


def gradient_step(table: TrajectoryTable, context: ContextName, folder: Path) -> Callable[[], None]:
    """The learner's, with everything that belongs to a step."""
    learned, data = policy(context, table), distillation_data(table, context, folder)
    learner = CollectiveLearner(CONFIG, learned, data, folder, origin="random", seed=0)
    learned.train()
    batches = enumerate(learner.batches(0))

    def work() -> None:
        number, batch = next(batches)
        learner.step(batch, number)

    return work


def distillation_data(table: TrajectoryTable, context: ContextName, folder: Path) -> DistillationData:
    codes = None
    if context == "code":
        codes = row_codes(table, transformer().eval(), sha256="", cache=folder / "codes", device=CPU)
    return DistillationData(
        table,
        task_numbers=[0] * len(table.tasks),
        window=1 if context == "code" else TrajectoryTransformerConfig().window,
        codes=codes,
        batch_size=CONFIG.training.batch_size,
        seed=0,
        device=CPU,
    )


def bare_step(table: TrajectoryTable) -> Callable[[], None]:
    """Nothing but forward, loss, backward, clipping and optimiser on batches that are there."""
    data = distillation_data(table, "zeros", Path())
    batches = itertools.cycle([data.training_batch(step) for step in range(20)])
    net = policy("code", table).train()
    optimiser = torch.optim.AdamW(net.actor.parameters(), lr=1e-3, fused=True)
    code = torch.zeros(CONFIG.training.batch_size, net.code_size)

    def work() -> None:
        batch = next(batches)
        optimiser.zero_grad(set_to_none=True)
        mean, log_std = net.decide(code, batch.windows.states[:, -1])
        loss, _ = reference_loss(mean, log_std, batch.labels, CONFIG)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.actor.parameters(), 1.0)
        optimiser.step()

    return work


def acting(context: ContextName, table: TrajectoryTable) -> Callable[[], None]:
    inference = CollectiveInference(policy(context, table).eval(), version="benchmark")
    windows = table.windows(np.arange(100, 100 + LIVE), inference.window)
    tasks = ["reach-v3"] * LIVE

    def work() -> None:
        inference.act(windows, tasks)

    return work


def policy(context: ContextName, table: TrajectoryTable) -> CollectivePolicy:
    config = CollectivePolicyConfig(context=context)
    return CollectivePolicy(
        config,
        transformer=transformer() if config.reads_history else None,
        state_size=STATE,
        action_size=ACTION,
        tasks=table.tasks,
        code_size=TrajectoryTransformerConfig().code_size,
    )


def transformer() -> TrajectoryTransformer:
    return TrajectoryTransformer(TrajectoryTransformerConfig(), state_size=STATE, action_size=ACTION)


if __name__ == "__main__":
    main()
