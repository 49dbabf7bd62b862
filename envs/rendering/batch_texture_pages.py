"""All textures of a model as pages of one array, so that every surface can be drawn without switching."""

from __future__ import annotations

import mujoco
import numpy as np
from OpenGL import GL
from PIL import Image

#: Kinds of texture, as ``shaders/batch.frag`` numbers them.
NO_TEXTURE, FLAT_TEXTURE, CUBE_TEXTURE, SIX_SIDED_CUBE_TEXTURE = range(4)


class BatchTexturePages:
    """A model's textures on the graphics device, brought to one size; skies are pages too.

    Args:
        model: owns the textures.
        page_size: pixels along each side of a page.
    """

    def __init__(self, model: mujoco.MjModel, page_size: int) -> None:
        self.kinds = np.zeros(model.ntex, np.int32)
        """(textures,) ``NO_TEXTURE`` .. ``SIX_SIDED_CUBE_TEXTURE``."""
        self.first_pages = np.zeros(model.ntex, np.int32)
        """(textures,) page of the texture, or of the first of its six sides."""
        pages: list[np.ndarray] = []
        for texture in range(model.ntex):
            images = _images(model, texture)
            self.first_pages[texture] = len(pages)
            self.kinds[texture] = _kind(model, texture, len(images))
            pages += [_resized(image, page_size) for image in images]
        self._name = int(GL.glGenTextures(1))
        self._upload(pages or [np.full((page_size, page_size, 4), 255, np.uint8)], page_size)

    def use(self) -> None:
        """Let draws read them, from unit 0."""
        GL.glActiveTexture(GL.GL_TEXTURE0)
        GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, self._name)

    def close(self) -> None:
        """Free the device memory."""
        GL.glDeleteTextures([self._name])

    def _upload(self, pages: list[np.ndarray], page_size: int) -> None:
        self.use()
        array, levels = GL.GL_TEXTURE_2D_ARRAY, page_size.bit_length()
        GL.glTexStorage3D(array, levels, GL.GL_RGBA8, page_size, page_size, len(pages))
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
        for index, page in enumerate(pages):
            GL.glTexSubImage3D(
                array, 0, 0, 0, index, page_size, page_size, 1, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, page
            )
        GL.glGenerateMipmap(array)
        GL.glTexParameteri(array, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_LINEAR)
        GL.glTexParameteri(array, GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR)


def _images(model: mujoco.MjModel, texture: int) -> list[np.ndarray]:
    """The texture's sides (H, W, channels) uint8: one, or six of a cube."""
    width, height, channels = (
        int(getattr(model, f"tex_{name}")[texture]) for name in ("width", "height", "nchannel")
    )
    first = model.tex_adr[texture]
    pixels = model.tex_data[first : first + width * height * channels].reshape(height, width, channels)
    stacked = model.tex_type[texture] != mujoco.mjtTexture.mjTEXTURE_2D and height == 6 * width
    return list(pixels.reshape(6, width, width, channels)) if stacked else [pixels]


def _kind(model: mujoco.MjModel, texture: int, images: int) -> int:
    if model.tex_type[texture] == mujoco.mjtTexture.mjTEXTURE_2D:
        return FLAT_TEXTURE
    return SIX_SIDED_CUBE_TEXTURE if images == 6 else CUBE_TEXTURE


def _resized(image: np.ndarray, page_size: int) -> np.ndarray:
    """(page_size, page_size, 4) uint8."""
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).convert("RGBA")
    return np.asarray(picture.resize((page_size, page_size), Image.Resampling.BOX))
