"""Everything a prompt and a seed decide about a scene, before any pixel is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from potstill.envs.rendering.oklab import linear_rgb, oklab_of_linear
from potstill.envs.rendering.procedural_light import ProceduralLight
from potstill.envs.rendering.procedural_surface import ProceduralSurface
from potstill.envs.rendering.scene_regions import SceneRegions
from potstill.experience.prompt_collection import REGIONS

#: OKLab distance that the goal keeps from what lies around it.
_GOAL_DISTANCE = 0.28
#: Of the key light, from a perfectly glossy surface.
_HIGHLIGHT = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class ProceduralLook:
    """Surfaces, goal and light. Legend: B bodies, S surfaces."""

    surfaces: tuple[ProceduralSurface, ...]
    """Table, background, robot, then one for each body of an object."""
    surface_of_part: np.ndarray
    """(B + 1,) uint8 or larger: of the sky, then of the bodies."""
    axes_of_part: np.ndarray
    """(B + 1, 3, 3) float64: coordinates (m) of the part to features of its surface."""
    offset_of_part: np.ndarray
    """(B + 1, 3) float64 features."""
    ramps: np.ndarray
    """(3, S * 256) float32 linear light by surface and shade."""
    shine: np.ndarray
    """(S * 256,) float32: share of the key light that a highlight adds."""
    goal: np.ndarray
    """(3,) float32 linear light: goal markers shine by themselves, in a colour unlike what is around."""
    light: ProceduralLight

    @classmethod
    def of(
        cls, prompt: Mapping[str, str], regions: SceneRegions, *, seed: int, strength: float
    ) -> ProceduralLook:
        """The look of these words with this seed; regions the prompt leaves out look as the seed wills.

        Raises:
            ValueError: the prompt has a key that is no region, nor ``light`` or ``negative``.
        """
        allowed = (*REGIONS, "light", "negative")
        for key in prompt:
            if key not in allowed:
                raise ValueError(f"a prompt has the keys {', '.join(allowed)}: got {key!r}")
        kinds = [("table", 0), ("background", 0), ("robot", 0)]
        surface_of_part = [kinds.index(("background", 0))]
        for region in regions.region_of_body:
            if region == "object":
                kinds.append((region, len(kinds) - 3))
                surface_of_part.append(len(kinds) - 1)
            else:
                surface_of_part.append(kinds.index((region, 0)))
        surfaces = tuple(
            ProceduralSurface.of(
                _words(prompt, region, seed), region, seed=seed, looseness=1.0 - strength, variant=variant
            )
            for region, variant in kinds
        )
        light = ProceduralLight.of(prompt, seed=seed)
        goal = ProceduralSurface.of(_words(prompt, "goal", seed), "goal", seed=seed)
        return cls(
            surfaces=surfaces,
            surface_of_part=np.array(surface_of_part, np.min_scalar_type(len(surfaces))),
            axes_of_part=np.stack([surfaces[index].axes for index in surface_of_part]),
            offset_of_part=np.stack([surfaces[index].offset for index in surface_of_part]),
            ramps=np.concatenate([surface.ramp() for surface in surfaces], axis=1),
            shine=np.repeat([_HIGHLIGHT * surface.gloss for surface in surfaces], 256).astype(np.float32),
            goal=_goal_colour(goal.mean, [_lit(surface.mean, light) for surface in surfaces[:2]]),
            light=light,
        )


def _words(prompt: Mapping[str, str], region: str, seed: int) -> str:
    """Without words for a region the seed chooses: a hash is a word like any other."""
    return prompt.get(region) or f"{region} number {_letters(seed)}"


def _letters(seed: int) -> str:
    return "x" + "".join(chr(ord("a") + int(digit)) for digit in str(abs(seed)))


def _lit(colour: np.ndarray, light: ProceduralLight) -> np.ndarray:
    """(3,) OKLab of a surface in this light."""
    return oklab_of_linear(linear_rgb(colour) * (0.8 * light.ambient + 0.5 * light.key + 0.2 * light.fill))


def _goal_colour(wanted: np.ndarray, around: list[np.ndarray]) -> np.ndarray:
    """The wanted colour, made lighter or darker until it differs from all that is around it."""
    shifts = sorted(np.linspace(-0.6, 0.6, 25), key=abs)
    candidates = [
        np.array([lightness, *wanted[1:]])
        for shift in shifts
        if 0.15 <= (lightness := wanted[0] + shift) <= 0.95
    ]
    distances = [min(float(np.linalg.norm(colour - other)) for other in around) for colour in candidates]
    far = [colour for colour, distance in zip(candidates, distances) if distance >= _GOAL_DISTANCE]
    chosen = far[0] if far else candidates[int(np.argmax(distances))]
    return linear_rgb(chosen).astype(np.float32)
