"""The shader program and the triangles of one model on the graphics device."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from importlib import resources

import numpy as np
from OpenGL import GL
from OpenGL.GL import shaders

from potstill.envs.rendering.batch_items import ITEM_COLUMNS, BatchItems
from potstill.envs.rendering.batch_look import BatchLook
from potstill.envs.rendering.batch_surface import BatchSurface

_COLOURS = ("ambient", "diffuse", "specular")
#: Attributes of the vertex shader: three vectors per vertex, then ten per item.
_VERTEX_ATTRIBUTES, _ITEM_ATTRIBUTES = range(3), range(3, 3 + ITEM_COLUMNS // 4)
_FLOAT = 4


class BatchPipeline:
    """Draws items of one model into the target in use.

    Args:
        surfaces: of every visual.
    """

    def __init__(self, surfaces: Sequence[BatchSurface]) -> None:
        counts = [surface.faces.size for surface in surfaces]
        self._element_start = np.concatenate([[0], np.cumsum(counts, dtype=np.intp)]).astype(np.intp)
        self._program = _program()
        self._array = GL.glGenVertexArrays(1)
        self._vertices, self._elements, self._items, self._commands = map(int, GL.glGenBuffers(4))
        self._upload(surfaces)
        self._uniforms = {
            name: GL.glGetUniformLocation(self._program, name)
            for name in ("planes", "lights", "light_place", "light_beam", "light_fading")
        } | {name: GL.glGetUniformLocation(self._program, f"light_{name}") for name in _COLOURS}

    def light(self, place: np.ndarray, beam: np.ndarray, look: BatchLook) -> None:
        """Light the next draws; (L, 4) float32 world places and beams."""
        GL.glUseProgram(self._program)
        GL.glUniform1i(self._uniforms["lights"], len(place))
        for name, values in (
            ("light_place", place),
            ("light_beam", beam),
            ("light_fading", look.light_fading),
        ):
            GL.glUniform4fv(self._uniforms[name], len(values), values.astype(np.float32))
        for name, values in zip(_COLOURS, look.light_colours):
            GL.glUniform3fv(self._uniforms[name], len(values), values.astype(np.float32))

    def draw(self, items: BatchItems, columns: np.ndarray, planes: tuple[float, float]) -> None:
        """Draw all items with their (I, ITEM_COLUMNS) float32 columns; near and far plane in m."""
        commands, opaque = items.commands(self._element_start)
        GL.glUseProgram(self._program)
        GL.glUniform2f(self._uniforms["planes"], *planes)
        GL.glBindVertexArray(self._array)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._items)
        GL.glBufferData(GL.GL_ARRAY_BUFFER, columns.nbytes, columns, GL.GL_STREAM_DRAW)
        GL.glBindBuffer(GL.GL_DRAW_INDIRECT_BUFFER, self._commands)
        GL.glBufferData(GL.GL_DRAW_INDIRECT_BUFFER, commands.nbytes, commands, GL.GL_STREAM_DRAW)
        for first, count, blend in ((0, opaque, False), (opaque, len(commands) - opaque, True)):
            if count:
                (GL.glEnable if blend else GL.glDisable)(GL.GL_BLEND)
                start = ctypes.c_void_p(first * commands.strides[0])
                GL.glMultiDrawElementsIndirect(GL.GL_TRIANGLES, GL.GL_UNSIGNED_INT, start, count, 0)

    def close(self) -> None:
        """Free the device memory."""
        GL.glDeleteVertexArrays(1, [self._array])
        GL.glDeleteBuffers(4, [self._vertices, self._elements, self._items, self._commands])
        GL.glDeleteProgram(self._program)

    def _upload(self, surfaces: Sequence[BatchSurface]) -> None:
        bases = np.cumsum([0, *(len(surface.points) for surface in surfaces)])
        faces = [surface.faces + base for surface, base in zip(surfaces, bases)]
        vertices = [np.hstack([s.points, s.normals, s.texture_points]) for s in surfaces]
        GL.glBindVertexArray(self._array)
        GL.glBindBuffer(GL.GL_ELEMENT_ARRAY_BUFFER, self._elements)
        elements = np.concatenate(faces).astype(np.uint32)
        GL.glBufferData(GL.GL_ELEMENT_ARRAY_BUFFER, elements.nbytes, elements, GL.GL_STATIC_DRAW)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._vertices)
        data = np.concatenate(vertices).astype(np.float32)
        GL.glBufferData(GL.GL_ARRAY_BUFFER, data.nbytes, data, GL.GL_STATIC_DRAW)
        for attribute in _VERTEX_ATTRIBUTES:
            _declare(attribute, 3, 9 * _FLOAT, 3 * attribute * _FLOAT)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._items)
        for index, attribute in enumerate(_ITEM_ATTRIBUTES):
            _declare(attribute, 4, ITEM_COLUMNS * _FLOAT, 4 * index * _FLOAT)
            GL.glVertexAttribDivisor(attribute, 1)


def _declare(attribute: int, size: int, stride: int, offset: int) -> None:
    GL.glEnableVertexAttribArray(attribute)
    GL.glVertexAttribPointer(attribute, size, GL.GL_FLOAT, False, stride, ctypes.c_void_p(offset))


def _program() -> int:
    folder = resources.files("potstill.envs.rendering") / "shaders"
    stages = [
        shaders.compileShader((folder / f"batch.{ending}").read_text(), stage)
        for ending, stage in (("vert", GL.GL_VERTEX_SHADER), ("frag", GL.GL_FRAGMENT_SHADER))
    ]
    # Linked by hand: PyOpenGL's compileProgram also validates, which needs a framebuffer.
    program = int(GL.glCreateProgram())
    for stage in stages:
        GL.glAttachShader(program, stage)
    GL.glLinkProgram(program)
    if not GL.glGetProgramiv(program, GL.GL_LINK_STATUS):
        raise RuntimeError(f"the graphics device refused the shaders: {GL.glGetProgramInfoLog(program)}")
    for stage in stages:
        GL.glDeleteShader(stage)
    return program
