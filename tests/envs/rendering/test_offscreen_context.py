from __future__ import annotations

import os
import subprocess
import sys

import pytest

from potstill.envs.rendering.offscreen_context import GraphicsUnavailableError, OffscreenContext


def test_a_context_opens_and_closes_twice_without_harm():
    context = OffscreenContext()
    context.make_current()
    context.close()
    context.close()


def test_a_missing_backend_names_the_line_that_installs_one():
    with pytest.raises(
        GraphicsUnavailableError, match="cannot open an vulkan context.*apt-get install libegl1"
    ):
        OffscreenContext("vulkan")


def test_a_machine_without_a_graphics_device_is_told_what_to_do():
    script = "from potstill.envs.rendering.offscreen_context import OffscreenContext; OffscreenContext()"
    environment = {**os.environ, "MUJOCO_EGL_DEVICE_ID": "999"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=environment
    )
    assert done.returncode != 0
    assert "GraphicsUnavailableError: cannot open an egl context" in done.stderr
