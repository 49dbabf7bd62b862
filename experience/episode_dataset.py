"""The union of sealed rounds as batches of training samples, streamed from disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

import numpy as np

from potstill.experience.aggregation_config import AggregationConfig
from potstill.experience.batch_stream import BatchStream
from potstill.experience.episode_split import Split, split_episodes
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import EpisodeFileError, ManifestError
from potstill.experience.sample_reader import TARGETS, SampleReader

#: Arrays by name: ``frames`` (B, K, C, H, W, 3) uint8, ``proprio`` (B, K, P) float32,
#: ``expert_action`` (B, A) float32, ``weight`` (B,) float32; where asked for, ``privileged`` (B, S) float64.
#: Valid until the next batch is asked for.
Batch = dict[str, np.ndarray]
#: Changes a training batch in place (augmentation); runs in the reading thread.
Transform = Callable[[Batch, np.random.Generator], None]
#: Makes a batch buffer; a learner on a GPU passes one that gives page-locked memory.
Allocate = Callable[[tuple[int, ...], np.dtype], np.ndarray]

#: Batches in memory: one with the consumer, one ready, one being filled.
_RING = 3


class EpisodeDataset:
    """Samples of every step of every episode of some sealed rounds, split by episode.

    Training batch number ``step`` is a pure function of (seed, step): epochs follow each other without a
    pause, each in its own shuffled order, so a crashed run goes on at any step. Resident memory is the ring
    of batch buffers plus 8 bytes per sample; everything else is read when it is needed.
    """

    frame_stack: int
    """K: consecutive frames of a sample, ending at its step."""
    targets: tuple[str, ...]
    """What a sample says is right: arrays by name, no inputs."""
    fingerprint: str
    """Hash of the rounds' content, the split and the stack: equal fingerprints give equal batches."""

    def __init__(
        self,
        store: EpisodeStore,
        rounds: Sequence[int],
        *,
        frame_stack: int,
        split_seed: int,
        config: AggregationConfig | None = None,
        privileged: bool = False,
    ) -> None:
        """Check and index the rounds; ``privileged``: what only the simulator knows is a target, too.

        Raises:
            ManifestError: a round is not sealed, or nothing is left to train on.
            EpisodeFileError: a file is missing, truncated, shaped unlike the others, or mislabelled.
        """
        if frame_stack < 1:
            raise ValueError(f"frame_stack must be at least 1: got {frame_stack}")
        config = config or AggregationConfig()
        self.frame_stack = frame_stack
        manifests = [store.manifest(round) for round in sorted(set(rounds))]
        entries = [entry for manifest in manifests for entry in manifest.entries]
        split = split_episodes(entries, config, seed=split_seed)
        if not split["train"]:
            raise ManifestError(
                f"rounds {sorted(set(rounds))} leave no episode to train on ({len(entries)} in all)"
            )
        newest = max(entry.round for entry in entries)
        self._weights = {
            side: np.array([1.0 if e.round == newest else config.old_weight for e in chosen], np.float32)
            for side, chosen in split.items()
        }
        self.targets = TARGETS if privileged else ("expert_action",)
        self._readers = {
            side: SampleReader([store.local_path(e) for e in chosen], targets=self.targets)
            for side, chosen in split.items()
        }
        self._check_models()
        #: Position of each episode's end in the sequence of all samples.
        self._ends = {side: np.cumsum(reader.lengths) for side, reader in self._readers.items()}
        facts = [[manifest.sha256 for manifest in manifests], asdict(config), split_seed, frame_stack]
        self.fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def sample_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of one sample: frames (K, C, H, W, 3), proprio (K, P), and of its targets."""
        rows = self._readers["train"].row_shapes
        stack = (self.frame_stack,)
        return {
            "frames": stack + rows["frames"],
            "proprio": stack + rows["proprio"],
        } | {name: rows[name] for name in self.targets}

    def _check_models(self) -> None:
        """Each reader checks its own files; here the two against each other."""
        train, validation = (self._readers[side].models for side in ("train", "validation"))
        for world, model in validation.items():
            if train.get(world, model) != model:
                raise EpisodeFileError(
                    f"validation episodes of {' with '.join(world)} were simulated with model {model[:12]!r}, "
                    f"those to train on with {train[world][:12]!r}: mislabelled data"
                )

    def episodes(self, split: Split) -> int:
        """Number of episodes on one side."""
        return len(self._readers[split].lengths)

    def samples(self, split: Split) -> int:
        """Number of samples (steps) on one side."""
        return int(self._readers[split].lengths.sum())

    def batches_per_epoch(self, batch_size: int) -> int:
        """Training batches of one epoch; a last partial batch is left out (other samples each epoch)."""
        return max(1, self.samples("train") // batch_size)

    def training_batches(
        self,
        *,
        batch_size: int,
        seed: int,
        start: int,
        stop: int,
        transform: Transform | None = None,
        allocate: Allocate = np.empty,
    ) -> Iterator[Batch]:
        """Batches number ``start`` to ``stop - 1``; number i belongs to epoch ``i // batches_per_epoch``.

        ``seed`` is at least 0. Batches have ``min(batch_size, samples)`` rows.
        """

        def fill(work: tuple[int, np.ndarray], buffer: Batch) -> Batch:
            step, samples = work
            self._fill("train", samples, buffer)
            if transform is not None:
                transform(buffer, np.random.default_rng([seed, 1, step]))
            return buffer

        works = self._shuffled(batch_size, seed, start, stop)
        yield from BatchStream(works, fill, self._buffers(min(batch_size, self.samples("train")), allocate))

    def validation_batches(self, *, batch_size: int, allocate: Allocate = np.empty) -> Iterator[Batch]:
        """Every validation sample once, in order; the last batch may be smaller."""
        total = self.samples("validation")
        works = (np.arange(first, min(first + batch_size, total)) for first in range(0, total, batch_size))

        def fill(samples: np.ndarray, buffer: Batch) -> Batch:
            part = {name: array[: len(samples)] for name, array in buffer.items()}
            self._fill("validation", samples, part)
            return part

        if total:
            yield from BatchStream(works, fill, self._buffers(min(batch_size, total), allocate))

    def statistics(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (N,) float32 of an array (T, N) over the training samples, in one pass."""
        reader = self._readers["train"]
        count, total, squares = 0, 0.0, 0.0
        for episode in range(len(reader.lengths)):
            rows = reader.rows(episode, name).astype(np.float64)
            count, total, squares = count + len(rows), total + rows.sum(0), squares + np.square(rows).sum(0)
        mean = np.asarray(total) / count
        variance = np.maximum(np.asarray(squares) / count - mean**2, 0.0)
        return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)

    def close(self) -> None:
        """Release the file handles."""
        for reader in self._readers.values():
            reader.close()

    def _shuffled(
        self, batch_size: int, seed: int, start: int, stop: int
    ) -> Iterator[tuple[int, np.ndarray]]:
        per_epoch = self.batches_per_epoch(batch_size)
        order, shuffled_epoch = np.empty(0, np.int64), -1
        for step in range(start, stop):
            epoch, position = divmod(step, per_epoch)
            if epoch != shuffled_epoch:
                order = np.random.default_rng([seed, 0, epoch]).permutation(self.samples("train"))
                shuffled_epoch = epoch
            yield step, order[position * batch_size : (position + 1) * batch_size]

    def _fill(self, split: Split, samples: np.ndarray, buffer: Batch) -> None:
        reader, ends = self._readers[split], self._ends[split]
        episodes = np.searchsorted(ends, samples, side="right")
        steps = samples - ends[episodes] + reader.lengths[episodes]
        for row, (episode, step) in enumerate(zip(episodes.tolist(), steps.tolist())):
            reader.read(
                episode,
                step,
                frames=buffer["frames"][row],
                proprio=buffer["proprio"][row],
                targets={name: buffer[name][row] for name in self.targets},
            )
        buffer["weight"][:] = self._weights[split][episodes]

    def _buffers(self, batch_size: int, allocate: Allocate) -> list[Batch]:
        dtypes = self._readers["train"].dtypes
        shapes = {name: (batch_size, *shape) for name, shape in self.sample_shapes.items()}
        return [
            {name: allocate(shape, dtypes[name]) for name, shape in shapes.items()}
            | {"weight": allocate((batch_size,), np.dtype(np.float32))}
            for _ in range(_RING)
        ]
