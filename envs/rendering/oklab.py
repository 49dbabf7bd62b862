"""Colours as people see them: OKLab, in which equal steps look equal."""

from __future__ import annotations

import numpy as np

_TO_CONE = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab_of_hex(colour: str) -> np.ndarray:
    """(3,) float64 lightness 0..1, a (green to red), b (blue to yellow) of an sRGB colour such as ``c4262e``."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return oklab_of_linear(linear)


def oklab_of_linear(rgb: np.ndarray) -> np.ndarray:
    """(3,) OKLab of linear light."""
    return _TO_LAB @ np.cbrt(_TO_CONE @ rgb)


def linear_rgb(lab: np.ndarray) -> np.ndarray:
    """(..., 3) OKLab to linear light 0..1, clipped to what a screen can show."""
    cone = (lab @ np.linalg.inv(_TO_LAB).T) ** 3
    return np.clip(cone @ np.linalg.inv(_TO_CONE).T, 0.0, 1.0)
