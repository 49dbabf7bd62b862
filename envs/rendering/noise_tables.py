"""Precomputed noise: one look-up per pixel instead of arithmetic."""

from __future__ import annotations

from functools import cache

import numpy as np

#: Lattice points along each side of the noise and of the cellular volume; powers of two, so that coordinates wrap
#: by a bit mask.
_SIDE, _CELL_SIDE = 128, 64
#: Coordinates may be this far below zero: adding it makes truncation a floor.
_POSITIVE = 1 << 16
#: Cells of the cellular volume along each side.
_CELLS = 8
_SEED = 0x5EED


class NoiseTables:
    """Periodic volumes and tables, the same in every process (4.5 MB, made once in about 0.3 s).

    Coordinates are (3, N) float32 in features; a feature of ``smooth`` and ``rough`` is 32 lattice points, of
    ``cells`` 8. Values are nearest look-ups, fine enough that pictures show no lattice.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(_SEED)
        octaves = [_octave(rng, cells) for cells in (4, 8, 16)]
        self._smooth = _as_bytes(octaves[0] + 0.25 * octaves[1])
        self._rough = _as_bytes(octaves[0] + 0.6 * octaves[1] + 0.4 * octaves[2])
        self._edge, self._shade = _cellular(rng)
        self.grain = rng.standard_normal(1 << 21).astype(np.float32)
        """(2097152,) float32 standard normal: the sensor's noise, read from any offset."""
        self.shuffle = rng.uniform(-1.0, 1.0, 256).astype(np.float32)
        """(256,) float32 in [-1, 1): a number for each plank, brick or tile."""
        self.wave = (0.5 + 0.5 * np.cos(np.arange(256) * (2 * np.pi / 256))).astype(np.float32)
        """(256,) float32 in [0, 1]: one period of a cosine, 1 at index 0."""

    @classmethod
    @cache
    def shared(cls) -> NoiseTables:
        """The one of this process."""
        return cls()

    def smooth(self, points: np.ndarray) -> np.ndarray:
        """(N,) float32 in [0, 1]: slow hills."""
        return self._look_up(self._smooth, points, _SIDE // 4)

    def rough(self, points: np.ndarray) -> np.ndarray:
        """(N,) float32 in [0, 1]: hills on hills."""
        return self._look_up(self._rough, points, _SIDE // 4)

    def cells(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Two (N,) float32 in [0, 1]: nearness to the border of a cell (1 = on it), and the cell's shade."""
        index = _lattice_index(points, _CELL_SIDE // _CELLS, _CELL_SIDE)
        return _fraction(self._edge.take(index)), _fraction(self._shade.take(index))

    @staticmethod
    def _look_up(volume: np.ndarray, points: np.ndarray, lattice_points: int) -> np.ndarray:
        return _fraction(volume.take(_lattice_index(points, lattice_points, _SIDE)))


def _fraction(values: np.ndarray) -> np.ndarray:
    return np.multiply(values, np.float32(1 / 255), dtype=np.float32)


def _lattice_index(points: np.ndarray, lattice_points: int, side: int) -> np.ndarray:
    """(N,) intp: of the lattice point at or below each point."""
    lattice = (points * np.float32(lattice_points) + np.float32(_POSITIVE)).astype(np.int32)
    lattice &= side - 1
    bits = side.bit_length() - 1
    index = lattice[0].astype(np.intp)
    index <<= bits
    index |= lattice[1]
    index <<= bits
    index |= lattice[2]
    return index


def _octave(rng: np.random.Generator, cells: int) -> np.ndarray:
    """(S, S, S) float32: random values at ``cells`` points per side, interpolated smoothly and periodically."""
    values = rng.uniform(-1.0, 1.0, (cells,) * 3).astype(np.float32)
    position = np.arange(_SIDE) * (cells / _SIDE)
    first = position.astype(np.intp)
    share = (position - first).astype(np.float32)
    weight = share * share * (3 - 2 * share)
    for axis in range(3):
        shape = [1, 1, 1]
        shape[axis] = _SIDE
        here, there = values.take(first, axis), values.take((first + 1) % cells, axis)
        values = here + weight.reshape(shape) * (there - here)
    return values


def _as_bytes(volume: np.ndarray) -> np.ndarray:
    """Flat uint8, stretched so that nearly the whole range is used."""
    low, high = np.quantile(volume[::4, ::4, ::4], (0.005, 0.995))
    return (np.clip((volume - low) / (high - low), 0, 1) * 255 + 0.5).astype(np.uint8).ravel()


def _cellular(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Flat uint8 volumes: nearness to the border between the two nearest seeds, and a shade for each seed."""
    jitter = rng.uniform(0.1, 0.9, (_CELLS,) * 3 + (3,)).astype(np.float32)
    shades = rng.integers(0, 256, (_CELLS,) * 3).astype(np.uint8)
    axis = np.arange(_CELL_SIDE)
    point = (axis.astype(np.float32) + 0.5) * (_CELLS / _CELL_SIDE)
    home = axis * _CELLS // _CELL_SIDE
    nearest = np.full((_CELL_SIDE,) * 3, np.inf, np.float32)
    second = nearest.copy()
    shade = np.zeros((_CELL_SIDE,) * 3, np.uint8)
    for offset in np.ndindex(3, 3, 3):
        cell = [home + step - 1 for step in offset]
        box = np.ix_(*(index % _CELLS for index in cell))
        squares = [
            (cell[k].reshape(_along(k)) + jitter[(*box, k)] - point.reshape(_along(k))) ** 2 for k in range(3)
        ]
        distance = (squares[0] + squares[1] + squares[2]).astype(np.float32)
        closer = distance < nearest
        second = np.where(closer, nearest, np.minimum(second, distance))
        shade = np.where(closer, shades[box], shade)
        nearest = np.where(closer, distance, nearest)
    border = 1 - np.clip((np.sqrt(second) - np.sqrt(nearest)) * 2.5, 0, 1)
    return (border * 255 + 0.5).astype(np.uint8).ravel(), shade.ravel()


def _along(axis: int) -> tuple[int, int, int]:
    """A shape that is long along one axis."""
    shape = [1, 1, 1]
    shape[axis] = -1
    return (shape[0], shape[1], shape[2])
