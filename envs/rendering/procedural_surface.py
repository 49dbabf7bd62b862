"""From the words of a region to the surface it is painted with."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import numpy as np

from potstill.envs.rendering.oklab import linear_rgb, oklab_of_hex
from potstill.envs.rendering.procedural_lexicon import Lexicon, Material, Wear

#: Shades of a ramp; what 0, the body's dark, mid and light stand at (procedural_patterns.py).
_SHADES = 256
_STOPS = (0.0, 0.25, 0.62, 1.0)
#: Families that are a drawing upon a material; and those whose drawing has a direction people notice.
_DRAWINGS = ("check", "plaid", "stripe", "dots", "lines")
_UPRIGHT = (*_DRAWINGS, "wood", "brick", "tile", "cloth", "metal")
#: What a region is made of when its words do not say.
_USUAL = {
    "table": ("wood", "stone", "plain", "tile", "cloth", "metal"),
    "robot": ("metal", "plain"),
    "object": ("plain", "wood", "metal", "ice", "cells", "dots"),
    "goal": ("plain",),
    "background": ("stone", "plain", "brick", "cells", "wood", "tile"),
}
#: Features are smaller on what is small, and larger on what is far.
_SIZE = {"table": 1.0, "robot": 0.5, "object": 0.4, "goal": 0.4, "background": 2.2}
#: Words that say nothing about a surface.
_FILLERS = re.compile(
    r"an?|the|of|in|on|at|by|with|and|or|under|over|from|to|into|its|their|some|very|all|as|for|made|near|behind"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ProceduralSurface:
    """A material in the coordinates of its body."""

    family: str
    contrast: float
    scale: float
    """Size of a feature, m."""
    gloss: float
    """0..1."""
    axes: np.ndarray
    """(3, 3) float64: body coordinates (m) to features."""
    offset: np.ndarray
    """(3,) float64 features."""
    palette: np.ndarray
    """(4, 3) float64 OKLab: joint, dark, mid, light."""

    @classmethod
    def of(
        cls, text: str, region: str, *, seed: int, looseness: float = 0.0, variant: int = 0
    ) -> ProceduralSurface:
        """What these words look like. Words that the lexicon lacks count too: by their hash.

        Args:
            text: any words, lower or upper case.
            region: one of ``REGIONS``: the usual material and size of features.
            seed: another instance of the same words: other planks of the same oak.
            looseness: 0..1; how far colours may stray from the words.
            variant: 0, 1, ..: parts of one region that must be told apart.
        """
        words = _Words.of(text)
        rng = _rng(f"{seed} {region} {variant} {text}")
        family, material = words.material(region)
        palette = words.palette(material)
        spread = np.array([0.035 + 0.25 * looseness, *2 * (0.012 + 0.1 * looseness,)])
        palette += rng.uniform(-1, 1, 3) * spread
        palette = _told_apart(palette, variant)
        palette[:, 0] = np.clip(palette[:, 0], 0.14, 0.94)
        scale = material.scale * _SIZE[region] * rng.uniform(0.85, 1.2) * words.size_factor
        quarter = rng.integers(4) * np.pi / 2
        angle = quarter + rng.uniform(-0.12, 0.12) if family in _UPRIGHT else rng.uniform(0, 2 * np.pi)
        return cls(
            family=family,
            contrast=words.contrast,
            scale=scale,
            gloss=float(np.clip(material.gloss + words.gloss, 0, 1)),
            axes=_axes(angle) / scale,
            offset=rng.uniform(0, 16, 3),
            palette=palette,
        )

    def ramp(self) -> np.ndarray:
        """(3, 256) float32 linear light by shade."""
        shades = np.linspace(0, 1, _SHADES)
        lab = np.stack([np.interp(shades, _STOPS, self.palette[:, k]) for k in range(3)], axis=1)
        return np.ascontiguousarray(linear_rgb(lab).T, dtype=np.float32)

    @property
    def mean(self) -> np.ndarray:
        """(3,) OKLab: how it looks from afar."""
        return self.palette[1:].mean(axis=0)


@dataclass(frozen=True, kw_only=True)
class _Words:
    colours: list[np.ndarray]
    materials: list[Material]
    wear: list[Wear]
    other: str
    """The words that the lexicon lacks, sorted."""

    @classmethod
    def of(cls, text: str) -> _Words:
        lexicon = Lexicon.standard()
        words = [
            _known(word) for word in re.findall(r"[^\W\d_]+", text.lower()) if not _FILLERS.fullmatch(word)
        ]
        made_of = [word for word in words if word in lexicon.materials]
        # "moss velvet" is velvet of moss colour, "moss" alone is moss.
        certain = [word for word in made_of if word not in lexicon.colours] or made_of[:1]
        colours = [word for word in words if word in lexicon.colours and word not in certain]
        known = (lexicon.colours, lexicon.materials, lexicon.wear)
        return cls(
            colours=[oklab_of_hex(lexicon.colours[word]) for word in colours],
            materials=[lexicon.materials[word] for word in certain],
            wear=[lexicon.wear[word] for word in words if word in lexicon.wear],
            other=" ".join(sorted(word for word in words if not any(word in kind for kind in known))),
        )

    def material(self, region: str) -> tuple[str, Material]:
        """The family of the pattern, and the material."""
        rng = _rng(f"{region} {self.other}")
        if not self.materials:
            family = str(rng.choice(_USUAL[region]))
            return family, Material(
                family=family,
                colours=("", "", ""),
                gloss=float(rng.uniform(0, 0.5)),
                scale=float(rng.uniform(0.05, 0.15)),
            )
        drawn = [material for material in self.materials if material.family in _DRAWINGS]
        plain = [material for material in self.materials if material.family not in _DRAWINGS]
        if drawn and plain:
            # The drawing's pattern in the colours of what it is drawn on.
            return drawn[0].family, Material(
                family=drawn[0].family, colours=plain[0].colours, gloss=plain[0].gloss, scale=drawn[0].scale
            )
        return self.materials[0].family, self.materials[0]

    def palette(self, material: Material) -> np.ndarray:
        """(4, 3) OKLab: joint, dark, mid, light."""
        rng = _rng(self.other)
        if self.materials:
            body = np.array([oklab_of_hex(colour) for colour in material.colours])
            body += rng.uniform(-1, 1, 3) * (0.03, 0.012, 0.012) if self.other else 0.0
        else:
            hue, colourfulness = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.12)
            middle = np.array(
                [rng.uniform(0.4, 0.8), colourfulness * np.cos(hue), colourfulness * np.sin(hue)]
            )
            body = middle + np.outer((-0.13, 0.0, 0.11), (1, 0, 0))
        if self.colours:
            body += 0.9 * (self.colours[0] - body[1])
        joint = body[0] - (0.16, 0.0, 0.0)
        if len(self.colours) > 1:
            if material.family in (*_DRAWINGS, "cells", "rust", "marble"):
                body[0] = self.colours[1]
                body[1] = (body[0] + body[2]) / 2
            joint = self.colours[1]
        palette = np.vstack([joint, body])
        for wear in self.wear:
            palette[:, 0] += wear.lightness
            palette[:, 1:] *= wear.colourfulness
        return palette

    @property
    def contrast(self) -> float:
        return float(np.prod([wear.contrast for wear in self.wear]))

    @property
    def gloss(self) -> float:
        return sum(wear.gloss for wear in self.wear)

    @property
    def size_factor(self) -> float:
        return float(_rng(f"size {self.other}").uniform(0.85, 1.2))


def _known(word: str) -> str:
    """The word as the lexicon has it: without the ending of a plural where only that is known."""
    lexicon = Lexicon.standard()
    for form in (word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("y")):
        if any(form in kind for kind in (lexicon.colours, lexicon.materials, lexicon.wear)):
            return form
    return word


def _told_apart(palette: np.ndarray, variant: int) -> np.ndarray:
    """Another hue for every variant but the first, and darker or lighter, whichever has room."""
    if variant:
        turn = 0.7 * variant
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        palette[:, 1:] = palette[:, 1:] @ rotation
        palette[:, 1:] += 0.03 * np.array([np.cos(2.4 * variant), np.sin(2.4 * variant)])
        palette[:, 0] += (-0.12 if palette[2, 0] > 0.5 else 0.12) * (variant % 4)
    return palette


def _axes(angle: float) -> np.ndarray:
    """A turn about z; y takes z along, so that walls show courses as floors do."""
    sine, cosine = np.sin(angle), np.cos(angle)
    turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]) @ turn


def _rng(name: str) -> np.random.Generator:
    return np.random.default_rng(
        int.from_bytes(hashlib.blake2b(name.encode(), digest_size=16).digest(), "big")
    )
