"""The render worker: takes scenes from the queue, draws them in one batch, answers."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any

from potstill.actors.work_meter import WorkMeter
from potstill.envs.rendering.records import RenderRequest, request_from_message, to_message
from potstill.envs.rendering.scene_renderer import SceneRenderer
from potstill.queues.rpc import RpcRequest, RpcServer

#: How long one blocking take waits before the stop flag is looked at again.
TAKE_SECONDS = 1.0
#: Messages taken together; each holds the scenes of half a rollout worker's batch.
MAX_MESSAGES = 16


class RenderWorker:
    """lease -> draw -> reply, for ever. A message that cannot be drawn gets an error frame; the worker lives."""

    def __init__(self, server: RpcServer, renderer: SceneRenderer, *, meter: WorkMeter) -> None:
        self._server = server
        self._renderer = renderer
        self._meter = meter
        self.frames = 0
        """Scenes drawn since the start."""
        self.batches = 0
        """Forward calls of the renderer."""

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Serve until ``should_stop`` answers True (looked at once a second)."""
        while not should_stop():
            self.serve_once(wait_seconds=TAKE_SECONDS)

    def serve_once(self, *, wait_seconds: float) -> int:
        """Answer what is waiting; returns how many messages."""
        with self._meter.waiting():
            messages = self._server.take(max_requests=MAX_MESSAGES, wait_seconds=wait_seconds)
        before = self.frames
        if messages:
            self._answer_together(messages)
        self._meter.count(self.frames - before)
        return len(messages)

    def _answer_together(self, messages: Sequence[RpcRequest]) -> None:
        try:
            scenes = [_scenes(message) for message in messages]
            replies = self._draw([scene for group in scenes for scene in group])
        except Exception:
            if len(messages) == 1:
                self._server.reply_error(messages[0], traceback.format_exc(limit=8))
                return
            for message in messages:  # find the one that cannot be drawn; the others must not suffer for it
                self._answer_together([message])
            return
        answers, start = [], 0
        for message, group in zip(messages, scenes):
            answers.append((message, {"replies": replies[start : start + len(group)]}))
            start += len(group)
        self._server.reply_many(answers)

    def _draw(self, scenes: list[RenderRequest]) -> list[dict[str, Any]]:
        replies = self._renderer.render(scenes)
        self.frames += len(scenes)
        self.batches += 1
        return [to_message(reply) for reply in replies]


def _scenes(message: RpcRequest) -> list[RenderRequest]:
    return [request_from_message(scene) for scene in message.body["requests"]]
