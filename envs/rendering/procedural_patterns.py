"""The patterns of materials: from points in a body's own coordinates to a shade between dark and light."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from potstill.envs.rendering.noise_tables import NoiseTables

#: Shades: 0 is the joint between planks, bricks or tiles; from ``BODY`` up the material itself, dark to light.
BODY = np.float32(0.25)
#: Shade where a pattern is too fine to be seen.
_MEAN = np.float32(0.62)

_Pattern = Callable[[np.ndarray, np.ndarray, NoiseTables], np.ndarray]


def paint_pattern(
    family: str, points: np.ndarray, footprint: np.ndarray, contrast: float, tables: NoiseTables
) -> np.ndarray:
    """Shade of each point, (N,) float32 in [0, 1].

    Args:
        family: one of ``PATTERN_FAMILIES``.
        points: (3, N) float32 in features of the material; x along the grain, z up.
        footprint: (N,) float32, size of a pixel in features; what is finer fades into the mean, so that nothing
            flickers.
        contrast: factor on the distance from the mean.
        tables: noise.

    Raises:
        KeyError: no such family.
    """
    edge = 1 / np.maximum(2 * footprint, np.float32(0.15))
    shade = _PATTERNS[family](points, edge, tables)
    visible = np.clip(np.float32(1.6) - np.float32(1.8) * footprint, np.float32(0.12), 1)
    visible *= np.float32(contrast)
    shade -= _MEAN
    shade *= visible
    shade += _MEAN
    return np.clip(shade, 0, 1, out=shade)


def _plain(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    return tables.smooth(points) * np.float32(0.24) + np.float32(0.5)


def _wood(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Planks along x with streaks of grain, each plank in its own tone and from its own tree."""
    plank, across = _split(points[1])
    tone = tables.shuffle.take(plank & 255)
    grain = np.stack([points[0] * np.float32(0.12) + tone * 9, points[1] * np.float32(1.6), points[2]])
    shade = tables.rough(grain) * np.float32(0.55) + tone * np.float32(0.13) + np.float32(0.36)
    return _jointed(shade, across, edge * np.float32(2.5))


def _metal(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Brushed along x."""
    streaks = points * np.array([[0.15], [2.0], [2.0]], np.float32)
    return tables.rough(streaks) * np.float32(0.3) + np.float32(0.48)


def _stone(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    return tables.rough(points) * np.float32(0.7) + np.float32(0.28)


def _marble(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Veins where a slow field crosses its middle."""
    vein = np.abs(tables.smooth(points) - np.float32(0.5))
    return np.minimum(vein * np.float32(4.5), np.float32(0.66)) + np.float32(0.3)


def _cloth(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Threads over and under."""
    over = _wave(points[0] + points[2], tables) * _wave(points[1], tables)
    return (
        over * np.float32(0.3) + tables.rough(points * np.float32(0.3)) * np.float32(0.36) + np.float32(0.3)
    )


def _brick(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Courses of 0.4 features, every second one shifted by half a brick."""
    course, up = _split(points[1] * np.float32(2.5))
    stone, along = _split(points[0] + (course & 1).astype(np.float32) * np.float32(0.5))
    tone = tables.shuffle.take((stone * 7 + course * 31) & 255)
    shade = tables.rough(points * 2) * np.float32(0.25) + tone * np.float32(0.22) + np.float32(0.52)
    return _jointed(_jointed(shade, along, edge), up, edge * np.float32(0.5))


def _tile(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    column, along = _split(points[0])
    row, across = _split(points[1])
    tone = tables.shuffle.take((column * 13 + row * 41) & 255)
    shade = tables.smooth(points) * np.float32(0.12) + tone * np.float32(0.14) + np.float32(0.58)
    return _jointed(_jointed(shade, along, edge), across, edge)


def _grass(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Blades in tufts."""
    blades = tables.rough(points * np.array([[1.6], [0.7], [0.7]], np.float32))
    return (
        blades * np.float32(0.6)
        + tables.smooth(points * np.float32(0.22)) * np.float32(0.3)
        + np.float32(0.18)
    )


def _cells(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Pebbles, chips, leaves: each in its own tone, dark in between."""
    border, tone = tables.cells(points)
    shade = tone * np.float32(0.62) + np.float32(0.36)
    return shade - border * border * np.float32(0.42)


def _rust(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Patches of dark and mid, with bare light islands."""
    field = tables.rough(points * np.float32(0.7))
    patch = np.clip((field - np.float32(0.5)) * np.float32(5), -0.5, 0.5)
    return field * np.float32(0.3) + patch * np.float32(0.42) + np.float32(0.46)


def _ice(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Bright ridges in clear depth."""
    ridge = 1 - np.abs(tables.smooth(points) * 2 - 1)
    return ridge * ridge * np.float32(0.62) + np.float32(0.36)


def _ripple(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Waves across y, bent by a slow field."""
    bent = points[1] + points[2] * np.float32(0.5) + tables.smooth(points * np.float32(0.3)) * np.float32(1.6)
    return _wave(bent, tables) * np.float32(0.4) + np.float32(0.42)


def _check(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Two tones, softened where they meet."""
    first, second = (
        _softened(_wave(points[0] * np.float32(0.5), tables), edge),
        _softened(_wave(points[1] * np.float32(0.5), tables), edge),
    )
    both = first + second - 2 * first * second
    return (
        both * np.float32(0.68) + tables.rough(points * np.float32(0.5)) * np.float32(0.1) + np.float32(0.22)
    )


def _plaid(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Broad bands both ways, and a thin bright line."""
    bands = _softened(_wave(points[0] * np.float32(0.5), tables), edge) + _softened(
        _wave(points[1] * np.float32(0.5), tables), edge
    )
    line = np.maximum(_wave(points[0] * np.float32(0.5), tables), _wave(points[1] * np.float32(0.5), tables))
    return (
        bands * np.float32(0.24)
        + np.clip((line - np.float32(0.9)) * 8, 0, 1) * np.float32(0.26)
        + np.float32(0.3)
    )


def _stripe(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    bands = _softened(_wave(points[1] * np.float32(0.5), tables), edge)
    return bands * np.float32(0.68) + np.float32(0.25)


def _dots(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Light dots on a darker ground, in a square lattice."""
    hill = _wave(points[0], tables) + _wave(points[1], tables)
    dot = np.clip((hill - np.float32(1.35)) * edge * np.float32(0.6) + np.float32(0.5), 0, 1)
    return dot * np.float32(0.62) + np.float32(0.36)


def _lines(points: np.ndarray, edge: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """Thin dark lines both ways."""
    line = np.maximum(_wave(points[0], tables), _wave(points[1], tables))
    ink = np.clip((line - np.float32(0.86)) * np.float32(9), 0, 1)
    return (
        np.float32(0.68) + tables.smooth(points * np.float32(0.3)) * np.float32(0.16) - ink * np.float32(0.42)
    )


def _split(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole part (int32, floor) and fraction (float32)."""
    whole = np.floor(values)
    return whole.astype(np.int32), values - whole


def _wave(values: np.ndarray, tables: NoiseTables) -> np.ndarray:
    """A cosine of period 1, in [0, 1]."""
    return tables.wave.take((values * np.float32(256)).astype(np.int32) & 255)


def _softened(wave: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """A cosine's upper half as a band with soft edges."""
    return np.clip((wave - np.float32(0.5)) * edge * np.float32(0.5) + np.float32(0.5), 0, 1)


def _jointed(shade: np.ndarray, fraction: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """Sink to the joint's shade where a fraction nears 0 or 1."""
    inside = np.minimum(fraction, 1 - fraction) * edge
    return shade * np.minimum(inside + np.float32(0.12), 1)


_PATTERNS: dict[str, _Pattern] = {
    "plain": _plain, "wood": _wood, "metal": _metal, "stone": _stone, "marble": _marble, "cloth": _cloth,
    "brick": _brick, "tile": _tile, "grass": _grass, "cells": _cells, "rust": _rust, "ice": _ice,
    "ripple": _ripple, "check": _check, "plaid": _plaid, "stripe": _stripe, "dots": _dots, "lines": _lines,
}  # fmt: skip
#: All families, sorted.
PATTERN_FAMILIES = tuple(sorted(_PATTERNS))
