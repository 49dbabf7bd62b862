"""From words to the light of a scene."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from potstill.envs.rendering.oklab import linear_rgb, oklab_of_hex
from potstill.envs.rendering.procedural_lexicon import Lexicon, LightWord

#: What shines when no word says.
_USUAL = ("daylight", "studio", "overcast", "afternoon", "lamp", "fluorescent", "window", "morning")
#: Metres at which a light word's share of haze holds.
_HAZE_DISTANCE = 3.0


@dataclass(frozen=True, kw_only=True, eq=False)
class ProceduralLight:
    """A key light, a fill light from the other side, the sky and the air. Colours are linear light."""

    key_direction: np.ndarray
    """(3,) float64 world, towards the light."""
    fill_direction: np.ndarray
    """(3,) float64 world."""
    key: np.ndarray
    """(3,) float64."""
    fill: np.ndarray
    """(3,) float64."""
    ambient: np.ndarray
    """(3,) float64; from above, less from below."""
    haze: np.ndarray
    """(3,) float64: the colour that distance tends to."""
    haze_per_metre: float
    """x of haze to 1 of surface at one metre; grows linearly with distance."""
    grain: float
    """Standard deviation of the sensor's noise, of 255."""

    @classmethod
    def of(cls, prompt: Mapping[str, str], *, seed: int) -> ProceduralLight:
        """The light that a prompt's ``light`` speaks of, else its ``background``; the seed turns it about."""
        words = _light_words(prompt)
        rng = np.random.default_rng((seed & (2**64 - 1), 0x11647))
        azimuth = rng.uniform(-2.0, 2.0)
        degrees = float(np.mean([word.elevation for word in words])) + rng.uniform(-6, 6)
        elevation = float(np.deg2rad(max(10.0, degrees)))
        haze_share = float(np.mean([word.haze_share for word in words]))
        return cls(
            key_direction=_direction(azimuth, elevation),
            fill_direction=_direction(azimuth + np.pi, np.deg2rad(30.0)),
            key=_mixed([(word.key, word.key_strength) for word in words]) * rng.uniform(0.9, 1.1),
            fill=_mixed([(word.fill, word.fill_strength) for word in words]),
            ambient=_mixed([(word.ambient, word.ambient_strength) for word in words]),
            haze=_mixed([(word.haze, 1.0) for word in words]),
            haze_per_metre=haze_share / (1 - haze_share) / _HAZE_DISTANCE,
            grain=float(np.mean([word.grain for word in words])),
        )


def _light_words(prompt: Mapping[str, str]) -> list[LightWord]:
    lights = Lexicon.standard().lights
    for text in (prompt.get("light", ""), prompt.get("background", "")):
        words = re.findall(r"[^\W\d_]+", text.lower())
        known = [
            form for word in words if (form := word if word in lights else word.removesuffix("s")) in lights
        ]
        if known:
            return [lights[word] for word in known]
    digest = hashlib.blake2b(prompt.get("light", "").encode(), digest_size=8).digest()
    return [lights[_USUAL[int.from_bytes(digest, "big") % len(_USUAL)]]]


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    """Azimuth 0 is the side of the cameras (-y in Meta-World's rooms)."""
    flat = np.cos(elevation)
    return np.array([flat * np.sin(azimuth), -flat * np.cos(azimuth), np.sin(elevation)])


def _mixed(colours: list[tuple[str, float]]) -> np.ndarray:
    return np.mean([strength * linear_rgb(oklab_of_hex(colour)) for colour, strength in colours], axis=0)
