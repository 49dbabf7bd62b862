"""Does the learner pay for streaming from disk? Samples/s against a bare loop on tensors in memory.

Both sides train the same network with the same optimiser on batches of the same size, alternating in one
process, which keeps freed memory as learner workers do; ``freed_vs_kept`` is the processor time of a step without
that over the time with it. Run alone: ``python benchmarks/learner.py [--quick] [--device cuda] [--threads N]``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import torch

from potstill.experience.aggregation_config import AggregationConfig
from potstill.experience.episode import Episode, EpisodeMeta
from potstill.experience.episode_dataset import EpisodeDataset
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.keep_freed_memory import keep_freed_memory
from potstill.learners.bc.augmentation import RandomShift
from potstill.learners.bc.config import BcConfig
from potstill.learners.bc.learner import BcLearner
from potstill.learners.bc.optimisation import Optimisation
from potstill.policies.image_encoder import ImageEncoder
from potstill.policies.observation_shape import ObservationShape
from potstill.policies.pixel_policy_config import PixelPolicyConfig

sys.path.insert(0, str(Path(__file__).parent))
from measurement import print_measurement

BATCH = 256
SIZE, CAMERAS = 64, 2
SHAPE = ObservationShape(cameras=CAMERAS, height=SIZE, width=SIZE, proprio=4, actions=4)
ALL = AggregationConfig(validation_fraction=0.0)
#: Resident memory that the data of the memory check may take; they are 4 times as much.
ALLOWED_BYTES = 64 << 20
SHIFT = 4


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    if options.memory_check:
        check_memory(Path(options.memory_check))
        return
    if options.step_check != "freed":
        keep_freed_memory()
    if options.step_check:
        print(step_milliseconds(options))
        return
    figures, ratios = {}, {}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        dataset = build(Path(folder) / "speed", episodes=10 if options.quick else 40, steps=200)
        for name, shift in (("disk_vs_memory", SHIFT), ("disk_vs_memory_without_augmentation", 0)):
            disk, memory = compare(dataset, shift, options)
            ratios[name] = statistics.median(d / m for d, m in zip(disk, memory, strict=True))
            suffix = "" if shift else "_without_augmentation"
            for side, rates in (("disk", disk), ("memory", memory)):
                figures[f"{side}_samples_per_second{suffix}"] = statistics.median(rates)
                figures[f"{side}_samples_per_second{suffix}_min"] = min(rates)
                figures[f"{side}_samples_per_second{suffix}_max"] = max(rates)
        growth, data = memory_growth(Path(folder) / "memory", options)
    figures |= {
        "memory_data_bytes": data,
        "memory_growth_bytes": growth,
        "memory_allowed_bytes": ALLOWED_BYTES,
    }
    figures |= encoder_rates(options)
    steps = {
        how: [ask_step(how, options) for _ in range(1 if options.quick else 5)] for how in ("freed", "kept")
    }
    figures |= {f"step_cpu_ms_{how}": statistics.median(values) for how, values in steps.items()}
    ratios |= {
        "freed_vs_kept": statistics.median(f / k for f, k in zip(*steps.values(), strict=True)),
        "data_vs_allowed_memory": data / ALLOWED_BYTES,
        "growth_vs_allowed_memory": growth / ALLOWED_BYTES,
    }
    print_measurement("learner", figures, ratios)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--folder", default=None, help="where the data set is written; default: the system's")
    parser.add_argument("--memory-check", default=None, help=argparse.SUPPRESS)
    parser.add_argument("--step-check", default=None, help=argparse.SUPPRESS)
    return parser.parse_args()


def compare(
    dataset: EpisodeDataset, shift: int, options: argparse.Namespace
) -> tuple[list[float], list[float]]:
    """Samples/s of alternating repetitions, the first pair (warm-up) left out."""
    steps, repetitions = (10, 3) if options.quick else (40, 7)
    disk_side, memory_side = learner(dataset, options, "disk"), learner(dataset, options, "memory")
    held = hold_in_memory(dataset)
    disk, memory = [], []
    for repetition in range(repetitions + 1):
        start = repetition * steps
        batches = dataset.training_batches(
            batch_size=BATCH, seed=0, start=start, stop=start + steps, transform=RandomShift(shift),
            allocate=disk_side._allocate,
        )  # fmt: skip
        disk.append(train(disk_side._optimisation, disk_side._on_device(batches), options.device))
        bare = bare_batches(held, steps, shift, repetition, options.device)
        memory.append(train(memory_side._optimisation, bare, options.device))
    return disk[1:], memory[1:]


def learner(dataset: EpisodeDataset, options: argparse.Namespace, name: str) -> BcLearner:
    config = BcConfig(gradient_steps=10**6, batch_size=BATCH, device=options.device)
    return BcLearner(config, PixelPolicyConfig(), dataset, Path(name), seed=0, threads=options.threads)


def train(optimisation: Optimisation, batches: Iterator[dict[str, torch.Tensor]], device: str) -> float:
    """Samples/s of one repetition, from asking for the first batch to the end of the last step."""
    began, samples = time.perf_counter(), 0
    for number, batch in enumerate(batches):
        optimisation.step(batch, number)
        samples += len(batch["weight"])
    if device == "cuda":
        torch.cuda.synchronize()
    return samples / (time.perf_counter() - began)


def hold_in_memory(dataset: EpisodeDataset) -> dict[str, torch.Tensor]:
    """Every sample as tensors in RAM."""
    steps = dataset.batches_per_epoch(BATCH)
    batches = dataset.training_batches(batch_size=BATCH, seed=0, start=0, stop=steps)
    copies = [{name: torch.from_numpy(array.copy()) for name, array in batch.items()} for batch in batches]
    return {name: torch.cat([batch[name] for batch in copies]) for name in copies[0]}


def bare_batches(
    held: dict[str, torch.Tensor], steps: int, shift: int, seed: int, device: str
) -> Iterator[dict[str, torch.Tensor]]:
    """The plain loop: shuffle, index, augment, hand over."""
    generator, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    augment = RandomShift(shift)
    total = len(held["weight"])
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(order) < BATCH:
            order = torch.randperm(total, generator=generator)
        rows, order = order[:BATCH], order[BATCH:]
        batch = {name: tensor[rows] for name, tensor in held.items()}
        augment({"frames": batch["frames"].numpy()}, rng)
        yield {name: tensor.to(device) for name, tensor in batch.items()}


def build(folder: Path, *, episodes: int, steps: int) -> EpisodeDataset:
    """A sealed round of episodes of noise: pictures that no cache or codec can make cheaper."""
    store = EpisodeStore(folder)
    for index in range(episodes):
        store.commit(noise_episode(index, steps))
    store.seal(0, requested=episodes)
    return EpisodeDataset(store, [0], frame_stack=1, split_seed=0, config=ALL)


def noise_episode(index: int, steps: int) -> Episode:
    rng = np.random.default_rng(index)
    flag, label = np.zeros(steps, bool), rng.uniform(-1, 1, (steps, 4)).astype(np.float32)
    meta = EpisodeMeta(
        run="benchmark", round=0, index=index, task="noise", seed=index, actor="noise", expert="noise",
        policy_version="none", painter="noise", painter_version="1", keyframe_interval=1, cameras=("a", "b"),
    )  # fmt: skip
    return Episode(
        meta=meta, proprio=rng.normal(size=(steps, 4)).astype(np.float32), privileged=np.zeros((steps, 39)),
        action=label, expert_action=label.copy(), expert_acted=~flag, reward=np.zeros(steps, np.float32),
        terminated=flag.copy(), truncated=flag.copy(), success=flag.copy(), keyframe=~flag,
        frames=rng.integers(0, 256, (steps, CAMERAS, SIZE, SIZE, 3), dtype=np.uint8),
        prompt_id=np.full(steps, -1, np.int32), render_seed=np.zeros(steps, np.int64),
        camera_pose=np.zeros((steps, CAMERAS, 12), np.float32), body_pos=np.zeros((steps, 30, 3)),
        body_quat=np.zeros((steps, 30, 4)), site_pos=np.zeros((steps, 10, 3)),
        step_seconds=np.zeros(steps, np.float32),
    )  # fmt: skip


def memory_growth(folder: Path, options: argparse.Namespace) -> tuple[int, int]:
    """Growth of resident memory over one epoch in a fresh process, and the bytes of data it trained on."""
    command = [sys.executable, __file__, "--memory-check", str(folder), "--device", options.device]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    growth, data = output.split()
    return int(growth), int(data)


def check_memory(folder: Path) -> None:
    """One epoch over 4 times the allowed memory; prints growth of resident memory and bytes of data.

    The growth is over a training on two episodes in the same process: network, optimiser, checkpointing and
    torch's own buffers are in both, only the data differ.
    """
    per_step = CAMERAS * SIZE * SIZE * 3
    few = build(folder / "few", episodes=2, steps=200)
    many = build(folder / "many", episodes=-(-4 * ALLOWED_BYTES // (200 * per_step)), steps=200)
    process = psutil.Process()
    peak = 0

    def look(_: object) -> None:
        nonlocal peak
        peak = max(peak, process.memory_info().rss)

    config = BcConfig(
        epochs=1, gradient_steps=None, batch_size=64, report_every_steps=1, device="cpu", random_shift=SHIFT
    )
    peaks = []
    for name, dataset in (("few", few), ("many", many)):
        peak = 0
        checkpoint = folder / f"{name}_checkpoint"
        BcLearner(
            config, PixelPolicyConfig(), dataset, checkpoint, seed=0, threads=1, on_metrics=look
        ).train()
        peaks.append(peak)
    print(peaks[1] - peaks[0], many.samples("train") * per_step)


def ask_step(how: str, options: argparse.Namespace) -> float:
    """``step_milliseconds`` of a fresh process that keeps freed memory, or does not."""
    command = [sys.executable, __file__, "--step-check", how, "--threads", str(options.threads)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def step_milliseconds(options: argparse.Namespace) -> float:
    """Processor time of one training step on a batch that is at hand."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = build(Path(folder), episodes=2, steps=200)
        (batch,) = dataset.training_batches(batch_size=BATCH, seed=0, start=0, stop=1)
        tensors = {name: torch.from_numpy(array.copy()) for name, array in batch.items()}
        optimisation = learner(dataset, options, "step")._optimisation
    for number in range(10):
        optimisation.step(tensors, number)
    began, steps = time.process_time(), 20 if options.quick else 60
    for number in range(steps):
        optimisation.step(tensors, number)
    return 1000 * (time.process_time() - began) / steps


def encoder_rates(options: argparse.Namespace) -> dict[str, float]:
    """Images/s of each encoder, forward and backward, batch 64."""
    rates = {}
    repetitions = 3 if options.quick else 12
    for name in ("patch", "nature", "drq"):
        encoder = ImageEncoder(PixelPolicyConfig(encoder=name), SHAPE).to(options.device)
        images = torch.rand(64, 3, SIZE, SIZE, device=options.device) - 0.5
        encoder(images).sum().backward()
        began = time.perf_counter()
        for _ in range(repetitions):
            encoder(images).sum().backward()
        if options.device == "cuda":
            torch.cuda.synchronize()
        rates[f"{name}_images_per_second"] = 64 * repetitions / (time.perf_counter() - began)
    return rates


if __name__ == "__main__":
    main()
