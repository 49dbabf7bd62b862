"""The shader pair, written out for one arrangement of lights."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np
from OpenGL import GL
from OpenGL.GL import shaders

from potstill.envs.rendering.batch_look import BatchLook

_SHADERS = resources.files("potstill.envs.rendering") / "shaders"
_STAGES = (("vert", GL.GL_VERTEX_SHADER), ("frag", GL.GL_FRAGMENT_SHADER))
_PLACES = ("light_place", "light_beam", "light_fading")
_COLOURS = ("light_ambient", "light_diffuse", "light_specular")


@dataclass(frozen=True, kw_only=True)
class BatchProgramKey:
    """What is known when the shaders are compiled: loops unroll and branches vanish, which halves a draw."""

    light_kinds: tuple[int, ...]
    """As ``batch_look.py`` numbers them."""
    glossy_lights: tuple[bool, ...]
    """False: the light has no specular part."""
    textured: bool
    """False: textures of visuals are ignored, and all have the usual shininess."""

    @staticmethod
    def of(look: BatchLook, *, textured: bool) -> BatchProgramKey:
        """For the lights of a look."""
        return BatchProgramKey(
            light_kinds=tuple(int(kind) for kind in look.light_place[:, 3]),
            glossy_lights=tuple(bool(colour.any()) for colour in look.light_colours[2]),
            textured=textured,
        )

    def head(self) -> str:
        """The first lines of both shaders."""
        count = len(self.light_kinds)
        kinds = ", ".join(str(kind) for kind in self.light_kinds)
        glossy = ", ".join(str(flag).lower() for flag in self.glossy_lights)
        return (
            "#version 450\n#extension GL_ARB_shader_viewport_layer_array : require\n"
            f"#define TEXTURED {int(self.textured)}\nconst int LIGHTS = {count};\n"
            f"const int KIND[LIGHTS] = int[]({kinds});\nconst bool GLOSSY[LIGHTS] = bool[]({glossy});\n"
        )


class BatchProgram:
    """A compiled shader pair.

    Raises:
        RuntimeError: the graphics device refuses the shaders; carries its words.
    """

    def __init__(self, key: BatchProgramKey) -> None:
        stages = [
            shaders.compileShader(key.head() + (_SHADERS / f"batch.{ending}").read_text(), stage)
            for ending, stage in _STAGES
        ]
        # Linked by hand: PyOpenGL's compileProgram also validates, which needs a framebuffer.
        self._name = int(GL.glCreateProgram())
        for stage in stages:
            GL.glAttachShader(self._name, stage)
        GL.glLinkProgram(self._name)
        if not GL.glGetProgramiv(self._name, GL.GL_LINK_STATUS):
            raise RuntimeError(f"OpenGL refused the shaders: {GL.glGetProgramInfoLog(self._name)}")
        for stage in stages:
            GL.glDeleteShader(stage)
        names = ("planes", *_PLACES, *_COLOURS)
        self._uniforms = {name: GL.glGetUniformLocation(self._name, name) for name in names}

    def use(
        self, planes: tuple[float, float], lights: tuple[np.ndarray, np.ndarray], look: BatchLook
    ) -> None:
        """Draw with it, between the near and far plane (m), in world places and beams (L, 4) of the lights."""
        GL.glUseProgram(self._name)
        GL.glUniform2f(self._uniforms["planes"], *planes)
        for name, values in zip(_PLACES, (*lights, look.light_fading)):
            GL.glUniform4fv(self._uniforms[name], len(values), values.astype(np.float32))
        for name, values in zip(_COLOURS, look.light_colours):
            GL.glUniform3fv(self._uniforms[name], len(values), values.astype(np.float32))

    def close(self) -> None:
        """Free the device memory."""
        GL.glDeleteProgram(self._name)
