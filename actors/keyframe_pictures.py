"""Turns render replies into the student's pictures: painted at keyframes, warped by exact geometry in between."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from potstill.actors.look_sequence import Look
from potstill.envs.rendering.records import RenderReply, RenderRequest, SceneState
from potstill.envs.rendering.render_config import RenderConfig
from potstill.envs.rendering.warp import warp_keyframe


class KeyframePictures:
    """One episode's picture stream.

    ::

        request(scene) --> render worker --> accept(reply)
                                               | painted: the new keyframe
                                               | geometry: keyframe warped to now; too many unseen pixels?
                                               |           ask again with request(scene, force_paint=True)

    The painter is called once per keyframe: ceil(T / k) times for T steps unless a warp was refused.
    """

    def __init__(
        self,
        *,
        task: str,
        robot: str = "sawyer",
        config: RenderConfig,
        look_at: Callable[[int], Look],
    ) -> None:
        """``look_at`` gives the look of a picture that is painted at a step, 0 = the first."""
        self._task, self._robot = task, robot
        self._config = config
        self._look_at = look_at
        self._step = 0
        self._steps_since_keyframe = 0
        self._keyframe: RenderReply | None = None
        self._keyframe_scene: SceneState | None = None
        self.look = look_at(0)
        """What the latest picture asked for was, or is to be, painted with."""
        self.paint_calls = 0
        """Pictures the painter made."""
        self.is_keyframe = True
        """Whether the latest accepted picture was painted."""

    def request(self, scene: SceneState, *, force_paint: bool = False) -> RenderRequest:
        """What to ask the renderer for the current step."""
        interval = self._config.keyframe_interval
        paint = force_paint or self._keyframe is None or self._steps_since_keyframe >= interval
        if paint:
            self.look = self._look_at(self._step)
        return RenderRequest(
            task=self._task,
            robot=self._robot,
            scene=scene,
            cameras=self._config.cameras,
            size=self._config.size,
            painter=self._config.painter,
            seed=self.look.seed,
            prompt=self.look.prompt,
            strength=self._config.prompt_strength,
            paint=paint,
            geometry=interval > 1 and self._config.between == "warp",
        )

    def accept(self, request: RenderRequest, reply: RenderReply) -> np.ndarray | None:
        """The pictures (C, H, W, 3) uint8 of this step, or None when the warp leaves too much unseen."""
        picture = self._picture(request, reply)
        if picture is not None:
            self._step += 1
        return picture

    def _picture(self, request: RenderRequest, reply: RenderReply) -> np.ndarray | None:
        if reply.rgb is not None:
            self._keyframe, self._keyframe_scene = reply, request.scene
            self._steps_since_keyframe = 1
            self.paint_calls += 1
            self.is_keyframe = True
            return reply.rgb
        assert self._keyframe is not None and self._keyframe_scene is not None
        if self._config.between == "hold":
            self._steps_since_keyframe += 1
            self.is_keyframe = False
            return self._keyframe.rgb
        warped = warp_keyframe(self._keyframe, self._keyframe_scene, reply, request.scene)
        if warped.invalid_fraction > self._config.max_invalid_fraction:
            return None
        self._steps_since_keyframe += 1
        self.is_keyframe = False
        return warped.rgb
