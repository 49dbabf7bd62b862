"""The rollout worker's side of rendering: scenes go out, pictures come back, in batches, with retries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from potstill.envs.rendering.records import RenderReply, RenderRequest, reply_from_message, to_message
from potstill.envs.rendering.scene_renderer import SceneRenderer
from potstill.queues.errors import QueueFullError, RpcTimeoutError
from potstill.queues.rpc import PendingReply, RpcClient

#: A request that got no answer is sent again this often before the rollouts that wait for it fail.
RENDER_ATTEMPTS = 2


class PendingPictures(Protocol):
    """Pictures under way."""

    def result(self) -> list[RenderReply]:
        """Block until they are here, in the order of the requests."""


class RenderChannel(Protocol):
    """Where a rollout worker sends its scenes."""

    def submit(
        self, requests: Sequence[RenderRequest], *, before: PendingPictures | None = None
    ) -> PendingPictures:
        """Send a batch. ``before``, pictures that the caller wants next, may be awaited along the way."""


class RpcRenderChannel:
    """Scenes travel over the queue's RPC to whichever render worker is free."""

    def __init__(self, client: RpcClient, *, deadline_seconds: float) -> None:
        self._client = client
        self._deadline_seconds = deadline_seconds

    def submit(
        self, requests: Sequence[RenderRequest], *, before: PendingPictures | None = None
    ) -> PendingPictures:
        """One message for the whole batch."""
        body = {"requests": [to_message(request) for request in requests]}
        awaited = before.reply if isinstance(before, _RpcPictures) else None
        return _RpcPictures(self._client, body, self._deadline_seconds, awaited)


class _RpcPictures:
    def __init__(
        self, client: RpcClient, body: dict, deadline_seconds: float, before: PendingReply | None
    ) -> None:
        self._client = client
        self._body = body
        self._deadline_seconds = deadline_seconds
        self.reply = self._send(before)

    def result(self) -> list[RenderReply]:
        for _ in range(RENDER_ATTEMPTS - 1):
            try:
                return self._receive()
            except RpcTimeoutError:  # rendering is a pure function of the request: asking again is harmless
                self.reply = self._send()
        return self._receive()

    def _send(self, before: PendingReply | None = None) -> PendingReply:
        try:
            return self._client.submit(self._body, deadline_seconds=self._deadline_seconds, before=before)
        except QueueFullError as error:
            return _Refused(str(error))

    def _receive(self) -> list[RenderReply]:
        return [reply_from_message(message) for message in self.reply.result()["replies"]]


class _Refused:
    """``PendingReply`` of a request there was no room for before its deadline."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def result(self, *, timeout_seconds: float | None = None) -> dict[str, Any]:
        raise RpcTimeoutError(self._reason)


class LocalRenderChannel:
    """The twin without a queue: draws in the caller's process when the pictures are asked for."""

    def __init__(self, renderer: SceneRenderer) -> None:
        self._renderer = renderer

    def submit(
        self, requests: Sequence[RenderRequest], *, before: PendingPictures | None = None
    ) -> PendingPictures:
        """Remember the batch; drawing happens in ``result``."""
        return _LocalPictures(self._renderer, requests)


class _LocalPictures:
    def __init__(self, renderer: SceneRenderer, requests: Sequence[RenderRequest]) -> None:
        self._renderer = renderer
        self._requests = requests

    def result(self) -> list[RenderReply]:
        return self._renderer.render(self._requests)
