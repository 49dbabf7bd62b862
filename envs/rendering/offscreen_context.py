"""An OpenGL context without a window."""

from __future__ import annotations

import importlib
import weakref
from typing import Literal

Backend = Literal["egl", "osmesa"]


class GraphicsUnavailableError(RuntimeError):
    """No OpenGL library or device to draw with; the message carries the line that installs one."""


class OffscreenContext:
    """One OpenGL context, made current on construction; it belongs to the thread that made it.

    Args:
        backend: ``egl`` (a GPU, else Mesa's software rasteriser) or ``osmesa``. On a CPU the process should
            have ``LP_NUM_THREADS=0`` in its environment before its first context, so that Mesa draws in the
            calling thread (one process per core beats threads); who starts the process sets it.

    Raises:
        GraphicsUnavailableError: the library is missing or has no device.
    """

    def __init__(self, backend: Backend = "egl") -> None:
        try:
            # Not mujoco.GLContext: that one reads MUJOCO_GL when mujoco is first imported, by whomever.
            self._context = importlib.import_module(f"mujoco.{backend}").GLContext(64, 64)
            self._context.make_current()
        except Exception as error:  # PyOpenGL raises whatever it meets: ImportError, AttributeError, EGLError
            raise GraphicsUnavailableError(
                f"cannot open an {backend} context ({type(error).__name__}: {error}); on Debian or Ubuntu: "
                "apt-get install libegl1 libgl1 libosmesa6"
            ) from error
        # Runs before the interpreter takes PyOpenGL apart, which mujoco's own __del__ does not.
        self._free = weakref.finalize(self, self._context.free)

    def make_current(self) -> None:
        """Direct the calling thread's OpenGL commands here."""
        self._context.make_current()

    def close(self) -> None:
        """Destroy the context; harmless when repeated."""
        self._free()
