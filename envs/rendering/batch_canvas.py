"""One model on the graphics device, drawn in many states at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from OpenGL import GL

from potstill.envs.rendering.batch_items import ITEM_COLUMNS, PLAIN, SEE_THROUGH, TEXTURED, BatchItems
from potstill.envs.rendering.batch_look import PLAIN_SHININESS, BatchLook
from potstill.envs.rendering.batch_pipeline import BatchPipeline
from potstill.envs.rendering.batch_placement import BatchPlacement
from potstill.envs.rendering.batch_target import BatchTarget
from potstill.envs.rendering.batch_texture_pages import NO_TEXTURE, BatchTexturePages
from potstill.envs.rendering.batch_visuals import BatchVisuals
from potstill.envs.rendering.records import SceneState


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchView:
    """A scene to draw."""

    scene: SceneState
    look: BatchLook
    cameras: tuple[int, ...]
    """Camera ids."""
    keep_as: str | None
    """Names a look that many scenes share: what rests before a resting camera is then drawn once and kept."""


class BatchCanvas:
    """Draws one model. The OpenGL context it was made with must be current whenever it is used.

    Args:
        model: what to draw; colours, materials, lights and cameras may be edited between looks.
        page_size: pixels along each side of a texture.
        max_backdrops: pictures of resting things that are kept.
    """

    def __init__(self, model: mujoco.MjModel, *, page_size: int, max_backdrops: int) -> None:
        self._model, self._max_backdrops = model, max_backdrops
        self.visuals = BatchVisuals(model)
        self._pages = BatchTexturePages(model, page_size)
        self._sky = _sky_colour(model)
        self._backdrops: OrderedDict[tuple[int | str | bytes | None, ...], BatchTarget] = OrderedDict()
        extent, planes = model.stat.extent, model.vis.map
        self._planes = float(planes.znear * extent), float(planes.zfar * extent)
        self._pipeline = BatchPipeline(self.visuals.surfaces, self._planes)
        fixed = (model.cam_mode == mujoco.mjtCamLight.mjCAMLIGHT_FIXED) & (
            model.body_mocapid[model.cam_bodyid] < 0
        )
        self._resting_cameras = fixed & (model.body_weldid[model.cam_bodyid] == 0)

    def look(self) -> BatchLook:
        """The model as it is now."""
        return BatchLook.of(self._model, self.visuals, self._pages)

    def draw(self, target: BatchTarget, views: Sequence[BatchView]) -> BatchPlacement:
        """Fill the target's first layers, scene by scene and camera by camera."""
        placement = BatchPlacement(
            self._model,
            self.visuals,
            [view.scene for view in views],
            [view.look for view in views],
            [view.cameras for view in views],
        )
        shown = placement.in_sight(self.visuals, *self._planes)
        _set_state()
        resting = self._resting(placement, views)
        for layer, scene in enumerate(placement.scene_of_view.tolist()):
            backdrop = self._backdrop(
                placement, views[scene], layer, resting[layer] & shown[layer], target.size
            )
            target.copy_layer(backdrop, layer)
        target.use()
        self._draw(placement, views, shown & ~resting)
        return placement

    def close(self) -> None:
        """Free the device memory."""
        while self._backdrops:
            self._backdrops.popitem()[1].close()
        self._pipeline.close()
        self._pages.close()

    def _resting(self, placement: BatchPlacement, views: Sequence[BatchView]) -> np.ndarray:
        """(N, V) bool: what the backdrop shows already; a pure function of each scene and its painter."""
        steady = np.array([view.keep_as is not None for view in views])[placement.scene_of_view]
        steady &= self._resting_cameras[placement.camera_of_view]
        return self.visuals.at_rest(placement.poses)[placement.scene_of_view] & steady[:, None]

    def _backdrop(
        self, placement: BatchPlacement, view: BatchView, layer: int, shown: np.ndarray, size: int
    ) -> BatchTarget:
        """One layer with the sky and what rests."""
        key: tuple[int | str | bytes | None, ...] = (size,)
        if shown.any():
            key = size, view.keep_as, placement.world_to_camera[layer].tobytes(), shown.tobytes()
        if key not in self._backdrops:
            self._backdrops[key] = backdrop = BatchTarget(size, 1)
            backdrop.clear(self._sky, self._planes[1])
            self._draw_items(placement, [layer], shown[None], view.look, first_layer=0)
            if len(self._backdrops) > self._max_backdrops:
                self._backdrops.popitem(last=False)[1].close()
        self._backdrops.move_to_end(key)
        return self._backdrops[key]

    def _draw(self, placement: BatchPlacement, views: Sequence[BatchView], shown: np.ndarray) -> None:
        """Draw what is shown (N, V), all views of one light together."""
        groups: dict[tuple[int, bytes], list[int]] = {}
        for layer, scene in enumerate(placement.scene_of_view.tolist()):
            look = views[scene].look
            groups.setdefault((id(look), placement.light_carriers(scene, look)), []).append(layer)
        for layers in groups.values():
            look = views[placement.scene_of_view[layers[0]]].look
            self._draw_items(placement, layers, shown[layers], look)

    def _draw_items(
        self,
        placement: BatchPlacement,
        layers: Sequence[int],
        shown: np.ndarray,
        look: BatchLook,
        *,
        first_layer: int | None = None,
    ) -> None:
        items = BatchItems.of(shown, self._stages(look), placement.distances[layers])
        if not len(items.visual):
            return
        view = np.asarray(layers)[items.view]
        columns = np.empty((len(view), ITEM_COLUMNS), np.float32)
        columns[:, :12] = placement.poses[placement.scene_of_view[view], items.visual].reshape(-1, 12)
        columns[:, 12:24] = placement.world_to_camera[view].reshape(-1, 12)
        columns[:, 24:28] = look.rgba[items.visual]
        columns[:, 28:31] = look.gloss[items.visual]
        columns[:, 31] = self.visuals.bodies[items.visual]
        columns[:, 32:36] = look.texture[items.visual, :4]
        columns[:, 36] = view if first_layer is None else first_layer
        columns[:, 37] = look.texture[items.visual, 4]
        columns[:, 38] = placement.focal[view]
        columns[:, 39] = 0.0
        self._pages.use()
        lights = placement.lights(placement.scene_of_view[layers[0]], look)
        self._pipeline.draw(items, columns, lights=lights, look=look)

    def _stages(self, look: BatchLook) -> np.ndarray:
        """(V,) int."""
        plain = (look.texture[:, 4] == NO_TEXTURE) & (look.gloss[:, 1] == PLAIN_SHININESS)
        opaque = np.where(plain, PLAIN, TEXTURED)
        return np.where(self.visuals.transparent, SEE_THROUGH, opaque)


def _set_state() -> None:
    """The device's settings for every draw here; nobody else draws in this context."""
    for setting in (GL.GL_DEPTH_TEST, GL.GL_CULL_FACE):
        GL.glEnable(setting)
    GL.glDepthFunc(GL.GL_GEQUAL)
    GL.glClipControl(GL.GL_LOWER_LEFT, GL.GL_ZERO_TO_ONE)
    GL.glBlendFunc(GL.GL_SRC_ALPHA, GL.GL_ONE_MINUS_SRC_ALPHA)


def _sky_colour(model: mujoco.MjModel) -> tuple[float, float, float]:
    """0..1: the first texel of the model's sky, else black."""
    for index in np.flatnonzero(model.tex_type == mujoco.mjtTexture.mjTEXTURE_SKYBOX):
        red, green, blue = model.tex_data[model.tex_adr[index] :][:3] / 255.0
        return float(red), float(green), float(blue)
    return 0.0, 0.0, 0.0
