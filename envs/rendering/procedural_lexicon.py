"""The words that the procedural painter knows: colours, materials, wear and light."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

#: One table per kind of word; the first line names the columns.
_FOLDER = Path(__file__).parent / "lexicon"


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a word means for a surface."""

    family: str
    """Which pattern it has (procedural_patterns.py)."""
    colours: tuple[str, str, str]
    """sRGB in hex, from dark to light."""
    gloss: float
    """0..1."""
    scale: float
    """Size of a feature, m."""


@dataclass(frozen=True, kw_only=True)
class LightWord:
    """What a word means for the light of a scene; colours are sRGB in hex."""

    key: str
    key_strength: float
    elevation: float
    """Degrees above the horizon."""
    ambient: str
    ambient_strength: float
    haze: str
    haze_share: float
    """0..1 of the colour of a surface 3 m away."""
    fill: str
    fill_strength: float
    grain: float
    """Standard deviation of the sensor's noise, of 255."""


@dataclass(frozen=True, kw_only=True)
class Wear:
    """What a word does to a surface."""

    lightness: float
    colourfulness: float
    gloss: float
    contrast: float


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """All known words, lower case, by what they speak of; a word may be in several."""

    colours: dict[str, str]
    """sRGB in hex."""
    materials: dict[str, Material]
    lights: dict[str, LightWord]
    wear: dict[str, Wear]

    @classmethod
    @cache
    def standard(cls) -> Lexicon:
        """The one of the tables in ``lexicon/``."""
        return cls(
            colours={row["word"]: row["srgb"] for row in _rows("colours")},
            materials={
                row["word"]: Material(
                    family=row["family"],
                    colours=(row["dark"], row["mid"], row["light"]),
                    gloss=float(row["gloss"]),
                    scale=float(row["scale"]),
                )
                for row in _rows("materials")
            },
            lights={row["word"]: _light(row) for row in _rows("lights")},
            wear={
                row.pop("word"): Wear(**{name: float(value) for name, value in row.items()})
                for row in _rows("wear")
            },
        )


def _rows(table: str) -> list[dict[str, str]]:
    with (_FOLDER / f"{table}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _light(row: dict[str, str]) -> LightWord:
    return LightWord(
        key=row["key"],
        key_strength=float(row["key_strength"]),
        elevation=float(row["elevation"]),
        ambient=row["ambient"],
        ambient_strength=float(row["ambient_strength"]),
        haze=row["haze"],
        haze_share=float(row["haze_share"]),
        fill=row["fill"],
        fill_strength=float(row["fill_strength"]),
        grain=float(row["grain"]),
    )
