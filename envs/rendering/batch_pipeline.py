"""The triangles of one model on the graphics device, and how they are drawn."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
from OpenGL import GL

from potstill.envs.rendering.batch_items import ITEM_COLUMNS, PLAIN, SEE_THROUGH, BatchItems
from potstill.envs.rendering.batch_look import BatchLook
from potstill.envs.rendering.batch_program import BatchProgram, BatchProgramKey
from potstill.envs.rendering.batch_surface import BatchSurface

#: Attributes of the vertex shader: three vectors per vertex, then ten per item.
_VERTEX_ATTRIBUTES, _ITEM_ATTRIBUTES = range(3), range(3, 3 + ITEM_COLUMNS // 4)
_FLOAT = 4
_COMMAND_BYTES = 20


class BatchPipeline:
    """Draws items of one model into the target in use.

    Args:
        surfaces: of every visual.
        planes: near and far, m.
    """

    def __init__(self, surfaces: Sequence[BatchSurface], planes: tuple[float, float]) -> None:
        counts = [surface.faces.size for surface in surfaces]
        self._element_start = np.concatenate([[0], np.cumsum(counts, dtype=np.intp)]).astype(np.intp)
        self._planes = planes
        self._programs: dict[BatchProgramKey, BatchProgram] = {}
        self._array = GL.glGenVertexArrays(1)
        self._vertices, self._elements, self._items, self._commands = map(int, GL.glGenBuffers(4))
        self._upload(surfaces)

    def draw(
        self,
        items: BatchItems,
        columns: np.ndarray,
        *,
        lights: tuple[np.ndarray, np.ndarray],
        look: BatchLook,
    ) -> None:
        """Draw all items.

        Args:
            items: at least one.
            columns: (I, ITEM_COLUMNS) float32.
            lights: world places and beams of the look's lights, (L, 4) float32 each.
            look: lights everything.
        """
        commands, counts = items.commands(self._element_start)
        GL.glBindVertexArray(self._array)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._items)
        GL.glBufferData(GL.GL_ARRAY_BUFFER, columns.nbytes, columns, GL.GL_STREAM_DRAW)
        GL.glBindBuffer(GL.GL_DRAW_INDIRECT_BUFFER, self._commands)
        GL.glBufferData(GL.GL_DRAW_INDIRECT_BUFFER, commands.nbytes, commands, GL.GL_STREAM_DRAW)
        first = np.concatenate([[0], np.cumsum(counts)])
        for stage in np.flatnonzero(counts).tolist():
            self._program(look, textured=stage != PLAIN).use(self._planes, lights, look)
            _write(colours=True, geometry=stage < SEE_THROUGH)
            _draw_commands(first[stage], counts[stage])
        if counts[SEE_THROUGH]:  # once more without colours: depth and body of the nearest
            _write(colours=False, geometry=True)
            _draw_commands(first[SEE_THROUGH], counts[SEE_THROUGH])

    def close(self) -> None:
        """Free the device memory."""
        GL.glDeleteVertexArrays(1, [self._array])
        GL.glDeleteBuffers(4, [self._vertices, self._elements, self._items, self._commands])
        while self._programs:
            self._programs.popitem()[1].close()

    def _program(self, look: BatchLook, *, textured: bool) -> BatchProgram:
        key = BatchProgramKey.of(look, textured=textured)
        if key not in self._programs:
            self._programs[key] = BatchProgram(key)
        return self._programs[key]

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


def _write(*, colours: bool, geometry: bool) -> None:
    """Choose what the next draws change; colours alone are blended."""
    blended = colours and not geometry
    (GL.glEnable if blended else GL.glDisable)(GL.GL_BLEND)
    GL.glDepthMask(geometry)
    for attachment, written in enumerate((colours, geometry, geometry)):
        GL.glColorMaski(attachment, written, written, written, written)


def _draw_commands(first: int, count: int) -> None:
    start = ctypes.c_void_p(int(first) * _COMMAND_BYTES)
    GL.glMultiDrawElementsIndirect(GL.GL_TRIANGLES, GL.GL_UNSIGNED_INT, start, int(count), 0)


def _declare(attribute: int, size: int, stride: int, offset: int) -> None:
    GL.glEnableVertexAttribArray(attribute)
    GL.glVertexAttribPointer(attribute, size, GL.GL_FLOAT, False, stride, ctypes.c_void_p(offset))
