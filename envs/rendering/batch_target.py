"""Layered pictures on the graphics device: colours, depth and bodies of many views at once."""

from __future__ import annotations

import numpy as np
from OpenGL import GL

_ARRAY = GL.GL_TEXTURE_2D_ARRAY
#: Colours, metric depth (m), body id, and the buffer that decides what is in front.
_FORMATS = (GL.GL_RGBA8, GL.GL_R32F, GL.GL_R16I, GL.GL_DEPTH_COMPONENT32F)
_ATTACHMENTS = (
    GL.GL_COLOR_ATTACHMENT0,
    GL.GL_COLOR_ATTACHMENT1,
    GL.GL_COLOR_ATTACHMENT2,
    GL.GL_DEPTH_ATTACHMENT,
)


class BatchTarget:
    """``layers`` square pictures. All have the same place on the device's grid, so that a view's pixels do not
    depend on its layer (tiles of one large picture would round differently).

    Args:
        size: pixels.
        layers: how many views it holds.
    """

    def __init__(self, size: int, layers: int) -> None:
        self.size, self.layers = size, layers
        self._images = [int(image) for image in np.atleast_1d(GL.glGenTextures(len(_FORMATS)))]
        self._buffer = GL.glGenFramebuffers(1)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._buffer)
        for image, texture_format, attachment in zip(self._images, _FORMATS, _ATTACHMENTS):
            GL.glBindTexture(_ARRAY, image)
            GL.glTexStorage3D(_ARRAY, 1, texture_format, size, size, layers)
            GL.glFramebufferTexture(GL.GL_FRAMEBUFFER, attachment, image, 0)
        GL.glDrawBuffers(3, _ATTACHMENTS[:3])
        status = GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER)
        if status != GL.GL_FRAMEBUFFER_COMPLETE:
            raise RuntimeError(f"the graphics device cannot draw {layers} layers of {size} pixels: {status}")

    def use(self) -> None:
        """Direct draws here."""
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._buffer)
        GL.glViewport(0, 0, self.size, self.size)

    def clear(self, sky: tuple[float, float, float], far: float) -> None:
        """Nothing anywhere but a sky of that colour (0..1), ``far`` m away, body -1."""
        self.use()
        GL.glDepthMask(True)
        for attachment in range(3):
            GL.glColorMaski(attachment, True, True, True, True)
        GL.glClearBufferfv(GL.GL_COLOR, 0, np.array([*sky, 1], np.float32))
        GL.glClearBufferfv(GL.GL_COLOR, 1, np.array([far, 0, 0, 0], np.float32))
        GL.glClearBufferiv(GL.GL_COLOR, 2, np.array([-1, 0, 0, 0], np.int32))
        GL.glClearBufferfv(GL.GL_DEPTH, 0, np.zeros(1, np.float32))

    def copy_layer(self, source: BatchTarget, layer: int) -> None:
        """Make ``layer`` equal to the first layer of ``source``, which has the same size."""
        for ours, theirs in zip(self._images, source._images):
            GL.glCopyImageSubData(
                theirs, _ARRAY, 0, 0, 0, 0, ours, _ARRAY, 0, 0, 0, layer, self.size, self.size, 1
            )

    def read_colours(self, layers: int) -> np.ndarray:
        """(layers, H, W, 3) uint8, row 0 at the top."""
        pixels = np.empty((layers, self.size, self.size, 3), np.uint8)
        self._read(0, GL.GL_RGB, GL.GL_UNSIGNED_BYTE, pixels)
        return pixels[:, ::-1]  # OpenGL's first row is the lowest

    def read_geometry(self, layers: int) -> tuple[np.ndarray, np.ndarray]:
        """Depth (layers, H, W) float32 m and body id (layers, H, W) int16, row 0 at the top."""
        depth = np.empty((layers, self.size, self.size), np.float32)
        body = np.empty((layers, self.size, self.size), np.int16)
        self._read(1, GL.GL_RED, GL.GL_FLOAT, depth)
        self._read(2, GL.GL_RED_INTEGER, GL.GL_SHORT, body)
        return depth[:, ::-1], body[:, ::-1]

    def close(self) -> None:
        """Free the device memory."""
        GL.glDeleteFramebuffers(1, [self._buffer])
        GL.glDeleteTextures(self._images)

    def _read(self, image: int, channels: int, kind: int, pixels: np.ndarray) -> None:
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
        GL.glGetTextureSubImage(
            self._images[image],
            0,
            0,
            0,
            0,
            self.size,
            self.size,
            len(pixels),
            channels,
            kind,
            pixels.nbytes,
            pixels,
        )
