"""What does a gradient step of the trajectory transformer cost, and one code?

Processor time on one thread, so that other processes do not decide. Three sides take turns: the learner's whole step
(gather, mask, forward, losses, backward, optimiser) at batch 128, two views of each window; the encoder layers of
that step alone, ours against ``torch.nn.TransformerEncoder`` of the same sizes; codes with the work that only they
need against the whole forward pass. Run alone: ``python benchmarks/representation.py [--quick]``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from potstill.experience.episode import Episode, EpisodeMeta
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.learners.representation.config import RepresentationConfig
from potstill.learners.representation.learner import RepresentationLearner
from potstill.learners.representation.objective import Objective
from potstill.learners.representation.representation_data import RepresentationData
from potstill.learners.training_config import TrainingConfig
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig
from potstill.policies.window_tensors import WindowTensors

sys.path.insert(0, str(Path(__file__).parent))
from measurement import print_measurement

BATCH, STATE, ACTION = 128, 21, 4
CHOICES = TrajectoryTransformerConfig()
CELLS = [(task, robot) for task in ("reach-v3", "push-v3", "door-open-v3") for robot in ("sawyer", "panda")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    repetitions, steps = (3, 3) if options.quick else (15, 10)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        sides = {"step": whole_step(Path(folder)), **encoder_layers(), **codes()}
        times: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(repetitions):
            for name, work in sides.items():
                times[name].append(cpu_milliseconds(work, steps))
    figures = {f"{name}_cpu_ms": statistics.median(values) for name, values in times.items()}
    figures |= {"batch": BATCH, "repetitions": repetitions, "parameters": parameters()}
    ratios = {
        "torch_encoder_vs_ours": paired(times["torch_layers"], times["our_layers"]),
        "whole_forward_vs_codes": paired(times["forward"], times["codes"]),
    }
    print_measurement("representation", figures, ratios)


def whole_step(folder: Path) -> Callable[[], None]:
    store = EpisodeStore(folder / "episodes")
    for index, (task, robot) in enumerate(CELLS):
        store.commit(episode(index, task, robot))
    store.seal(0, requested=len(CELLS))
    table = TrajectoryTable(store, [0], cache=folder / "cache", split_seed=0, validation_fraction=0.0)
    device = torch.device("cpu")
    data = RepresentationData(
        table, window=CHOICES.window, batch_size=BATCH, validation_batches=1, seed=0, device=device
    )
    config = RepresentationConfig(training=TrainingConfig(batch_size=BATCH))
    objective = Objective(transformer(), config, robots=2).train()
    learner = RepresentationLearner(config, objective, data, folder, seed=0)
    batches = enumerate(learner.batches(0))

    def work() -> None:
        number, batch = next(batches)
        learner.step(batch, number)

    return work


def encoder_layers() -> dict[str, Callable[[], None]]:
    tokens = torch.randn(2 * BATCH, 3 * CHOICES.window - 1, CHOICES.width)
    valid = torch.rand(tokens.shape[:2]) > 0.1
    valid[:, -1] = True
    ours = transformer().layers.train()
    layer = nn.TransformerEncoderLayer(
        CHOICES.width, CHOICES.heads, CHOICES.feedforward, CHOICES.dropout, batch_first=True
    )
    theirs = nn.TransformerEncoder(layer, CHOICES.layers, enable_nested_tensor=False).train()

    def our_layers() -> None:
        out = tokens
        for part in ours:
            out = part(out, out, valid)
        out.sum().backward()

    def torch_layers() -> None:
        theirs(tokens, src_key_padding_mask=~valid).sum().backward()

    return {"our_layers": our_layers, "torch_layers": torch_layers}


def codes() -> dict[str, Callable[[], None]]:
    rng = torch.Generator().manual_seed(0)
    net = transformer().eval()
    length = CHOICES.window
    windows = WindowTensors(
        torch.randn(2 * BATCH, length, STATE, generator=rng),
        torch.randn(2 * BATCH, length - 1, ACTION, generator=rng),
        torch.randn(2 * BATCH, length - 1, generator=rng),
        torch.ones(2 * BATCH, length, dtype=torch.bool),
    )
    single = WindowTensors(*(tensor[:1] for tensor in windows))
    sides = {
        "codes": lambda: net.encode(windows),
        "forward": lambda: net(net.normalise(windows)),
        "one_code": lambda: net.encode(single),
    }
    return {name: torch.no_grad()(side) for name, side in sides.items()}


def transformer() -> TrajectoryTransformer:
    return TrajectoryTransformer(CHOICES, state_size=STATE, action_size=ACTION)


def parameters() -> int:
    return sum(parameter.numel() for parameter in transformer().parameters())


def cpu_milliseconds(work: Callable[[], None], steps: int) -> float:
    began = time.process_time()
    for _ in range(steps):
        work()
    return (time.process_time() - began) / steps * 1e3


def paired(first: list[float], second: list[float]) -> float:
    """Median of the ratios of what was measured in the same turn."""
    return statistics.median(a / b for a, b in zip(first, second, strict=True))


def episode(index: int, task: str, robot: str, steps: int = 200) -> Episode:
    rng = np.random.default_rng(index)
    meta = EpisodeMeta(
        run="benchmark", round=0, index=index, task=task, robot=robot, model_hash=f"{task} {robot}", seed=index,
        actor="random", expert="oracle", policy_version="random", painter="none", painter_version="",
        keyframe_interval=1, cameras=(),
    )  # fmt: skip
    return Episode(
        meta=meta,
        frames=np.zeros((steps, 0, 0, 0, 3), np.uint8),
        keyframe=np.zeros(steps, bool),
        proprio=rng.normal(size=(steps, STATE)).astype(np.float32),
        privileged=rng.normal(size=(steps, 39)),
        action=rng.uniform(-1, 1, (steps, ACTION)).astype(np.float32),
        expert_action=rng.uniform(-1, 1, (steps, ACTION)).astype(np.float32),
        expert_acted=np.zeros(steps, bool),
        reward=rng.uniform(0, 10, steps).astype(np.float32),
        terminated=np.zeros(steps, bool),
        truncated=np.arange(steps) == steps - 1,
        success=np.zeros(steps, bool),
        prompt_id=np.full(steps, -1, np.int32),
        render_seed=np.zeros(steps, np.int64),
        camera_pose=np.zeros((steps, 0, 12), np.float32),
        body_pos=np.zeros((steps, 0, 3)),
        body_quat=np.zeros((steps, 0, 4)),
        site_pos=np.zeros((steps, 0, 3)),
        step_seconds=np.zeros(steps, np.float32),
    )


if __name__ == "__main__":
    main()
