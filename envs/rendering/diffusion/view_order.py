"""One picture to generate: everything the generator is told of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.envs.rendering.diffusion.region_weights import region_weights
from potstill.envs.rendering.records import RenderReply, RenderRequest
from potstill.experience.prompt_collection import REGIONS


@dataclass(frozen=True, kw_only=True, eq=False)
class ViewOrder:
    """One camera's picture of one request. Legend: S x S pixels, R regions seen."""

    nearness: np.ndarray
    """(S, S) float32 in 0..1: inverse depth, 1 at the nearest pixel of the picture and 0 at the farthest; what depth
    ControlNets were trained on. Not rounded to 8 bits."""
    texts: tuple[str, ...]
    """(R,) each region's prompt."""
    weights: np.ndarray
    """(R, S, S) float32; they add up to 1 at each pixel."""
    negative: str
    """What must not appear."""
    control_scale: float
    """Weight of the ControlNet."""
    seed: int
    """Of the noise, 63 bits: of the request's seed and the camera's name."""

    @classmethod
    def of(
        cls, geometry: RenderReply, request: RenderRequest, config: DiffusionConfig
    ) -> Iterator[ViewOrder]:
        """The request's pictures in the order of its cameras, from geometry of ``config.size`` pixels.

        Raises:
            ValueError: ``strength`` is not in 0..1, or the prompt speaks of a region that there is not.
        """
        if not 0.0 <= request.strength <= 1.0:
            raise ValueError(f"strength must be in 0..1: got {request.strength}")
        allowed = (*REGIONS, "light", "negative")
        for key in request.prompt:
            if key not in allowed:
                raise ValueError(f"a prompt has the keys {', '.join(allowed)}: got {key!r}")
        assert geometry.depth is not None
        for camera, depth, weights in zip(
            request.cameras, geometry.depth, region_weights(geometry, request, config)
        ):
            yield cls(
                nearness=_nearness(depth),
                texts=tuple(_text(request.prompt, region) for region in weights),
                weights=np.stack(list(weights.values())),
                negative=request.prompt.get("negative", ""),
                control_scale=config.control_scale * request.strength,
                seed=_noise_seed(request.seed, camera),
            )


def _nearness(depth: np.ndarray) -> np.ndarray:
    inverse = 1 / depth.astype(np.float64)
    low, high = inverse.min(), inverse.max()
    return ((inverse - low) / max(high - low, 1e-12)).astype(np.float32)


def _text(prompt: Mapping[str, str], region: str) -> str:
    """The light is the same for all regions; without words a region is what it is."""
    return ", ".join(filter(None, (prompt.get(region, region), prompt.get("light", ""))))


def _noise_seed(seed: int, camera: str) -> int:
    digest = hashlib.blake2b(f"noise {seed} {camera}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1
