"""One task's model on the graphics device, ready to be drawn in any state."""

from __future__ import annotations

import mujoco
import numpy as np

from potstill.envs.rendering.records import RenderReply, RenderRequest
from potstill.envs.rendering.render_model import RenderModel, RenderModelConfig

#: Sides of a picture, pixels.
MIN_SIZE, MAX_SIZE = 8, 1024
_GEOM, _SITE = int(mujoco.mjtObj.mjOBJ_GEOM), int(mujoco.mjtObj.mjOBJ_SITE)
#: More than any Meta-World scene shows at once (about 100).
_MAX_VISUALS = 1000
_GEOMETRY_FLAGS = [int(mujoco.mjtRndFlag.mjRND_SEGMENT), int(mujoco.mjtRndFlag.mjRND_IDCOLOR)]


class TaskCanvas:
    """Draws one task with one robot. An OpenGL context must be current whenever it is used, and always the same one."""

    def __init__(self, task: str, robot: str, config: RenderModelConfig) -> None:
        self.render_model = RenderModel(task, config, robot=robot)
        model = self.render_model.model
        model.vis.global_.offwidth = model.vis.global_.offheight = self._buffer_size = 128
        self._scene = mujoco.MjvScene(model, maxgeom=_MAX_VISUALS)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = False
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        # The default options show what Meta-World's rendering shows: visible sites, no collision geoms.
        self._options = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._device = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
        self._device.readDepthMap = (
            mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        )  # the full precision of the float buffer

    def draw(
        self, request: RenderRequest, *, colours: bool, geometry: bool, painter_version: str
    ) -> RenderReply:
        """Place the scene and draw it from the request's cameras, as the model is now."""
        model, data = self.render_model.model, self.render_model.data
        cameras = [self.render_model.camera_id(name) for name in request.cameras]
        viewport = self._viewport(request.size)
        self.render_model.place(request.scene)
        shape = (len(cameras), request.size, request.size)
        rgb = np.empty((*shape, 3), np.uint8) if colours else None
        depth, segmentation = (
            (np.empty(shape, np.float32), np.empty(shape, np.int16)) if geometry else (None, None)
        )
        for index, camera in enumerate(cameras):
            self._camera.fixedcamid = camera
            category = mujoco.mjtCatBit.mjCAT_ALL
            mujoco.mjv_updateScene(model, data, self._options, None, self._camera, category, self._scene)
            if rgb is not None:
                rgb[index] = self._draw_colours(viewport)
            if depth is not None and segmentation is not None:
                depth[index], segmentation[index] = self._draw_geometry(viewport)
        poses = np.concatenate([data.cam_xpos[cameras], data.cam_xmat[cameras]], axis=1)
        return RenderReply(
            rgb=rgb,
            depth=depth,
            segmentation=segmentation,
            camera_pose=poses.astype(np.float32),
            fovy=model.cam_fovy[cameras].astype(np.float32),
            painter_version=painter_version,
        )

    def close(self) -> None:
        """Free the device memory."""
        self._device.free()

    def _viewport(self, size: int) -> mujoco.MjrRect:
        if not MIN_SIZE <= size <= MAX_SIZE:
            raise ValueError(f"size must be in {MIN_SIZE}..{MAX_SIZE} pixels: got {size}")
        if size > self._buffer_size:
            mujoco.mjr_resizeOffscreen(size, size, self._device)
            self._buffer_size = size
        # Another canvas may have drawn last: without this the pixels would be read from its buffer.
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._device)
        return mujoco.MjrRect(0, 0, size, size)

    def _draw_colours(self, viewport: mujoco.MjrRect) -> np.ndarray:
        pixels = np.empty((viewport.height, viewport.width, 3), np.uint8)
        mujoco.mjr_render(viewport, self._scene, self._device)
        mujoco.mjr_readPixels(pixels, None, viewport, self._device)
        return pixels[::-1]  # OpenGL's first row is the lowest

    def _draw_geometry(self, viewport: mujoco.MjrRect) -> tuple[np.ndarray, np.ndarray]:
        """Depth (H, W) float32 in m and segmentation (H, W) int16, from one pass."""
        ids = np.empty((viewport.height, viewport.width, 3), np.uint8)
        nearness = np.empty((viewport.height, viewport.width), np.float32)
        self._scene.flags[_GEOMETRY_FLAGS] = True
        mujoco.mjr_render(viewport, self._scene, self._device)
        self._scene.flags[_GEOMETRY_FLAGS] = False
        mujoco.mjr_readPixels(ids, nearness, viewport, self._device)
        segment = ids @ np.array([1, 1 << 8, 1 << 16])
        return self._metric_depth(nearness[::-1]), self._body_of_segment()[segment[::-1]]

    def _metric_depth(self, nearness: np.ndarray) -> np.ndarray:
        """Undo the projection of the reversed depth buffer: 1 at the near plane, 0 at the far plane."""
        model = self.render_model.model
        near, far = (plane * model.stat.extent for plane in (model.vis.map.znear, model.vis.map.zfar))
        return (near * far / (near + nearness.astype(np.float64) * (far - near))).astype(np.float32)

    def _body_of_segment(self) -> np.ndarray:
        """(segments,) int16: body id by segment number; number 0 is the background."""
        model = self.render_model.model
        body = np.full(self._scene.ngeom + 1, -1, np.int16)
        for visual in self._scene.geoms[: self._scene.ngeom]:
            if visual.objtype == _GEOM:
                body[visual.segid + 1] = model.geom_bodyid[visual.objid]
            elif visual.objtype == _SITE:
                body[visual.segid + 1] = model.site_bodyid[visual.objid]
        return body
