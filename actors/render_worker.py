"""The render worker: takes scenes from the queue, draws them in one batch, answers."""

from __future__ import annotations

import itertools
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from potstill.actors.work_meter import WorkMeter
from potstill.envs.rendering.records import RenderRequest, request_from_message, to_message
from potstill.envs.rendering.scene_renderer import SceneRenderer
from potstill.queues.rpc import RpcRequest, RpcServer

#: How long one blocking take waits before the stop flag is looked at again.
TAKE_SECONDS = 1.0


class RenderWorker:
    """lease -> draw -> reply, for ever. A message that cannot be drawn gets an error frame; the worker lives.

    Args:
        server: where the messages come from; each holds the scenes of half a rollout worker's batch.
        renderer: what draws them.
        batch: messages are taken until they hold this many scenes. Small for a renderer that draws one scene
            after the other: whatever one worker takes, the others cannot draw.
        meter: how busy it is.
    """

    def __init__(self, server: RpcServer, renderer: SceneRenderer, *, batch: int, meter: WorkMeter) -> None:
        self._server = server
        self._renderer = renderer
        self._batch = batch
        self._meter = meter
        self._ahead: list[RpcRequest] = []
        self.frames = 0
        """Scenes drawn since the start."""
        self.batches = 0
        """Forward calls of the renderer."""

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Serve until ``should_stop`` answers True (looked at once a second)."""
        while not should_stop():
            self.serve_once(wait_seconds=TAKE_SECONDS, go_on=True)
        if self._ahead:
            self.serve_once(wait_seconds=0.0)

    def serve_once(self, *, wait_seconds: float, go_on: bool = False) -> int:
        """Answer what is waiting; returns how many messages.

        With ``go_on`` the next message comes with the round trip of the answers: the caller must serve again.
        """
        with self._meter.waiting():
            messages = self._take(wait_seconds)
        before, taken = self.frames, time.monotonic()
        if messages:
            self._answer_together(messages, take=1 if go_on else 0)
        served = time.monotonic() - taken
        for message in messages:
            self._meter.answered(message.waited_seconds + served)
        self._meter.count(self.frames - before)
        return len(messages)

    def _take(self, wait_seconds: float) -> list[RpcRequest]:
        taken = messages = self._ahead or self._server.take(max_requests=1, wait_seconds=wait_seconds)
        self._ahead = []
        while taken and sum(len(message.body.get("requests", ())) for message in messages) < self._batch:
            taken = self._server.take(max_requests=1, wait_seconds=0.0)
            messages = messages + taken
        return messages

    def _answer_together(self, messages: Sequence[RpcRequest], *, take: int = 0) -> None:
        try:
            scenes = [_scenes(message) for message in messages]
            replies = iter(self._draw([scene for group in scenes for scene in group]))
            answers = [
                (message, {"replies": list(itertools.islice(replies, len(group)))})
                for message, group in zip(messages, scenes)
            ]
            self._ahead = self._server.reply_many(answers, take=take)
        except Exception:
            if len(messages) == 1:
                self._server.reply_error(messages[0], traceback.format_exc(limit=8))
                return
            for (
                message
            ) in messages:  # find the one that cannot be answered; the others must not suffer for it
                self._answer_together([message])

    def _draw(self, scenes: list[RenderRequest]) -> list[dict[str, Any]]:
        replies = self._renderer.render(scenes)
        self.frames += len(scenes)
        self.batches += 1
        return [to_message(reply) for reply in replies]


def _scenes(message: RpcRequest) -> list[RenderRequest]:
    return [request_from_message(scene) for scene in message.body["requests"]]
