"""How much each region's prompt counts at each place of the picture."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.envs.rendering.pixel_geometry import PixelGeometry
from potstill.envs.rendering.placed_pixels import PlacedPixels
from potstill.envs.rendering.records import RenderReply, RenderRequest
from potstill.envs.rendering.scene_regions import SceneRegions
from potstill.experience.prompt_collection import REGIONS


def region_weights(
    geometry: RenderReply, request: RenderRequest, config: DiffusionConfig
) -> list[dict[str, np.ndarray]]:
    """For each camera the regions that it sees, each with (H, W) float32 weights that add up to 1 everywhere.

    ::

        bodies, goal markers -> mask of each region -> grown a little -> x its strength -> shares of the sum

    With less than full ``request.strength`` the masks fade to their mean: at 0 no region knows where it is.

    Args:
        geometry: depth and segmentation, C cameras, H x W pixels.
        request: whose scene it is.
        config: strengths and growth, in pixels of ``geometry``.
    """
    shown = regions_shown(geometry, request)
    strengths = {
        "table": config.foreground_strength,
        "robot": config.foreground_strength,
        "object": config.object_strength,
        "goal": config.object_strength,
        "background": config.background_strength,
    }
    weights = []
    for view in shown:
        masks: dict[str, np.ndarray] = {}
        for number, region in enumerate(REGIONS):
            mask = view == number
            if mask.any():
                grown = ndimage.maximum_filter(mask.astype(np.float32), size=2 * config.mask_growth + 1)
                faded = request.strength * grown + (1 - request.strength) * grown.mean()
                masks[region] = (strengths[region] * faded).astype(np.float32)
        total = np.sum(list(masks.values()), axis=0)
        weights.append({region: mask / total for region, mask in masks.items()})
    return weights


def regions_shown(geometry: RenderReply, request: RenderRequest) -> np.ndarray:
    """(C, H, W) uint8: index into ``REGIONS`` of what each pixel shows; the sky is background."""
    assert geometry.depth is not None and geometry.segmentation is not None
    regions = SceneRegions.of(request.task, request.robot)
    number = [REGIONS.index(region) for region in (*regions.region_of_body, "background")]
    shown = np.array(number, np.uint8)[geometry.segmentation]  # body -1, the sky, is the last
    pixels = PixelGeometry(geometry.depth, geometry.fovy)
    placed = PlacedPixels(pixels, geometry.segmentation, geometry.camera_pose, request.scene)
    flat = shown.reshape(-1)
    for marker in placed.marker_pixels(regions):
        flat[marker] = REGIONS.index("goal")
    return shown
