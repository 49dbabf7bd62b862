"""One task with one robot, ready for batches of requests."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from potstill.envs.rendering.batch_canvas import BatchCanvas, BatchView
from potstill.envs.rendering.batch_look import BatchLook
from potstill.envs.rendering.batch_target import BatchTarget
from potstill.envs.rendering.painter import ScenePainter
from potstill.envs.rendering.painter_set import PainterSet
from potstill.envs.rendering.records import RenderReply, RenderRequest
from potstill.envs.rendering.render_model import RenderModel

#: Follows the painter's version: changes whenever the same request may give other bytes.
_VERSION = "batch-2"


class BatchTask:
    """Draws requests of one task and robot.

    Args:
        render_model: the task's.
        canvas: of that model.
        painters: that requests may name.
    """

    def __init__(self, render_model: RenderModel, canvas: BatchCanvas, painters: PainterSet) -> None:
        self._render_model, self._canvas, self._painters = render_model, canvas, painters
        self._kept_looks: dict[str | None, BatchLook] = {}

    def draw(self, target: BatchTarget, requests: Sequence[RenderRequest]) -> list[RenderReply]:
        """All requests in one draw; together they have no more cameras than the target has layers."""
        views = [self._view(request) for request in requests]
        placement = self._canvas.draw(target, views)
        needs = [self._painters.needs(request) for request in requests]
        rgb = depth = body = None
        if any(colours for colours, _ in needs):
            rgb = target.read_colours(len(placement.fovy))
        if any(geometry for _, geometry in needs):
            depth, body = target.read_geometry(len(placement.fovy))
        axes = placement.camera_axes.reshape(-1, 9)
        poses = np.concatenate([placement.camera_pos, axes], axis=1).astype(np.float32)
        fovy = placement.fovy.astype(np.float32)
        replies, first = [], 0
        for request, (colours, geometry) in zip(requests, needs):
            own = slice(first, first := first + len(request.cameras))
            drawn = RenderReply(
                rgb=rgb[own].copy() if colours and rgb is not None else None,
                depth=depth[own].copy() if geometry and depth is not None else None,
                segmentation=body[own].copy() if geometry and body is not None else None,
                camera_pose=poses[own].copy(),
                fovy=fovy[own].copy(),
                painter_version=f"{self._painters.of(request).version}+{_VERSION}",
            )
            replies.append(self._painters.finish(drawn, request))
        return replies

    def close(self) -> None:
        """Free the device memory."""
        self._canvas.close()

    def _view(self, request: RenderRequest) -> BatchView:
        self._render_model.check(request.scene)
        look, keep_as = self._look(request)
        cameras = tuple(self._render_model.camera_id(name) for name in request.cameras)
        return BatchView(scene=request.scene, look=look, cameras=cameras, keep_as=keep_as)

    def _look(self, request: RenderRequest) -> tuple[BatchLook, str | None]:
        name = self._painters.look_of(request)
        if name in self._kept_looks:
            return self._kept_looks[name], name
        painter = self._painters.of(request)
        editing: AbstractContextManager[None] = nullcontext()
        if isinstance(painter, ScenePainter):
            editing = painter.edited_scene(self._render_model.model, request)
        with editing:
            look = self._canvas.look()
        if name is not None:
            self._kept_looks[name] = look
        return look, name
