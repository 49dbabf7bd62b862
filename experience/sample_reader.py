"""Reads training samples (a frame stack, its proprioception, its label) of many episodes by pread."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from potstill.experience.episode_codec import EpisodeFile
from potstill.experience.errors import EpisodeFileError
from potstill.experience.safetensors_header import pread_into

#: What the student is given: stacks of frames that end at the sample's step.
_INPUTS = ("frames", "proprio")
#: What it is to say. ``privileged`` is a target at most, on request: there is no way from it to an input.
TARGETS = ("expert_action", "privileged")
_OPEN_FILES = 128


class SampleReader:
    """Samples by (episode, step), straight into the caller's buffers.

    Memory is 40 bytes and a path per episode, and at most 128 files are open, however much data there is.
    Files are read, never mapped, so pages of the data set do not count as resident. For one thread.
    """

    row_shapes: dict[str, tuple[int, ...]]
    """Shape of one step of each array."""
    dtypes: dict[str, np.dtype]
    lengths: np.ndarray
    """(E,) int64: steps of each episode."""
    models: dict[tuple[str, str], str]
    """Hash of the simulated model by task and robot."""

    def __init__(self, paths: Sequence[Path], *, targets: Sequence[str] = ("expert_action",)) -> None:
        """Read the header of every file (not the data). ``targets`` are some of ``TARGETS``.

        Raises:
            EpisodeFileError: a file is missing or corrupt, its arrays are shaped unlike the first file's, or it
                names a task and robot like another file but was simulated with another model: mislabelled data.
        """
        self._paths = list(paths)
        self._columns = (*_INPUTS, *targets)
        self.lengths = np.zeros(len(self._paths), np.int64)
        self._offsets = np.zeros((len(self._paths), len(self._columns)), np.int64)
        self._open: OrderedDict[int, int] = OrderedDict()
        self.row_shapes, self.dtypes, self.models = {}, {}, {}
        for episode, path in enumerate(self._paths):
            self._register(episode, path)

    def read(
        self,
        episode: int,
        step: int,
        *,
        frames: np.ndarray,
        proprio: np.ndarray,
        targets: Mapping[str, np.ndarray],
    ) -> None:
        """Fill the buffers with the stack that ends at ``step``; before the start, row 0 repeats.

        Args:
            episode: 0..E-1 in the order of the paths.
            step: 0..T-1.
            frames: (K, C, H, W, 3) uint8.
            proprio: (K, P) float32.
            targets: By name, what holds at ``step``: expert_action (A,) float32, privileged (S,) float64.
        """
        descriptor = self._descriptor(episode)
        stack = frames.shape[0]
        first = max(0, step - stack + 1)
        pad = stack - (step + 1 - first)
        try:
            for column, buffer in enumerate((frames[pad:], proprio[pad:])):
                if not buffer.nbytes:  # a robot without proprioception
                    continue
                row_bytes = buffer[0].nbytes
                where = int(self._offsets[episode, column]) + first * row_bytes
                pread_into(descriptor, buffer.data.cast("B"), where, self._paths[episode])
            for name, target in targets.items():
                column = self._columns.index(name)
                where = int(self._offsets[episode, column]) + step * target.nbytes
                pread_into(descriptor, target.data.cast("B"), where, self._paths[episode])
        except (ValueError, OSError) as error:
            raise EpisodeFileError(str(error)) from error
        if pad:
            frames[:pad] = frames[pad]
            proprio[:pad] = proprio[pad]

    def rows(self, episode: int, name: str) -> np.ndarray:
        """One array of one whole episode, (T, ...)."""
        with EpisodeFile(self._paths[episode]) as file:
            return file.read_rows(name, 0, len(file))

    def close(self) -> None:
        """Release the file handles."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _register(self, episode: int, path: Path) -> None:
        with EpisodeFile(path) as file:
            specs = {name: file.header.arrays.get(name) for name in self._columns}
            for column, (name, spec) in enumerate(specs.items()):
                if spec is None:
                    raise EpisodeFileError(f"{path}: holds no {name}")
                wanted = self.row_shapes.setdefault(name, spec.shape[1:])
                dtype = self.dtypes.setdefault(name, spec.dtype)
                if (spec.shape[1:], spec.dtype) != (wanted, dtype):
                    raise EpisodeFileError(
                        f"{path}: {name} is {spec.shape[1:]} {spec.dtype} per step, "
                        f"other episodes' {wanted} {dtype}"
                    )
                self._offsets[episode, column] = spec.offset
            self.lengths[episode] = len(file)
            world = file.meta.task, file.meta.robot
            model = self.models.setdefault(world, file.meta.model_hash)
            if file.meta.model_hash != model:
                raise EpisodeFileError(
                    f"{path}: says {' with '.join(world)}, but its model {file.meta.model_hash[:12]!r} is not that "
                    f"of other such episodes, {model[:12]!r}: another robot, other dynamics or another version"
                )

    def _descriptor(self, episode: int) -> int:
        descriptor = self._open.get(episode)
        if descriptor is None:
            try:
                descriptor = os.open(self._paths[episode], os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise EpisodeFileError(f"{self._paths[episode]}: {error.strerror}") from error
            self._open[episode] = descriptor
            if len(self._open) > _OPEN_FILES:
                os.close(self._open.popitem(last=False)[1])
        else:
            self._open.move_to_end(episode)
        return descriptor
