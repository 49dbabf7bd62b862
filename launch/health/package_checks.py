"""Checks of what is installed: versions, OpenGL, torch, Ray, the video encoder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from potstill.launch.health.finding import Finding, fail, ok, warn
from potstill.launch.installed_versions import DIFFUSION_PACKAGES, installed_versions

#: The one list of tested versions; absent where potstill was installed from a wheel.
CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
_PROCESS_SECONDS = 30.0

_DRAW = """
import mujoco
body = '<geom type="sphere" size=".3" rgba="1 .2 .2 1"/>'
model = mujoco.MjModel.from_xml_string(f'<mujoco><worldbody><light pos="0 0 3"/>{body}</worldbody></mujoco>')
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer = mujoco.Renderer(model, 64, 64)
renderer.update_scene(data)
picture = renderer.render()
assert picture.std() > 5, "the picture is empty"
from OpenGL import GL
print("drew a frame with", GL.glGetString(GL.GL_RENDERER).decode())
renderer.close()
"""
_TORCH = """
import torch
(torch.ones(8, 8) @ torch.ones(8, 8)).sum().item()
gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
print(f"{torch.get_num_threads()} threads, {gpu}")
"""


def check_package(name: str) -> Finding:
    """Whether a package is there, and of the tested version."""
    pinned = pinned_versions().get(name)
    wanted = f"{name}=={pinned}" if pinned else name
    install = f"{sys.executable} -m pip install '{wanted}'"
    version = installed_versions([name])[name]
    if not version:
        return fail(name, "not installed", install)
    # A local version such as 2.13.0+cpu is the same release.
    if pinned and version.split("+")[0] != pinned:
        return warn(name, f"{version}, tested with {pinned}", install)
    return ok(name, version)


def check_diffusion() -> Finding:
    """The extra that the painter ``diffusion`` needs, and only it."""
    install = f"{sys.executable} -m pip install 'potstill[diffusion]'"
    found = installed_versions(DIFFUSION_PACKAGES)
    missing = [name for name, version in found.items() if not version]
    if missing:
        message = f"{', '.join(missing)} not installed (only needed for render.painter=diffusion)"
        return warn("diffusion", message, install)
    message = ", ".join(f"{name} {version}" for name, version in found.items())
    others = [name for name in DIFFUSION_PACKAGES if found[name] != pinned_versions().get(name, found[name])]
    if others:
        return warn("diffusion", f"{message}; tested with other versions of {', '.join(others)}", install)
    return ok("diffusion", message)


def pinned_versions() -> dict[str, str]:
    """The tested version of each package in lower case; empty without a source checkout."""
    if not CONSTRAINTS.is_file():
        return {}
    lines = (line.partition("==") for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines())
    return {name.lower(): version.strip() for name, equals, version in lines if equals}


def check_opengl(backend: str) -> Finding:
    """Draw one real frame without a window."""
    environment = {"MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend, "LP_NUM_THREADS": "0"}
    check = f"OpenGL by {backend}"
    if backend != "osmesa":
        return _try(check, _DRAW, "apt-get install -y libegl1 libgl1 libgl1-mesa-dri", environment)
    found = _try(check, _DRAW, "apt-get install -y libosmesa6", environment)
    if found.status == "ok":
        return found
    return warn(check, f"{found.message} (only needed without EGL)", found.fix)


def check_torch() -> Finding:
    """Import torch and multiply."""
    return _try("torch works", _TORCH, _reinstall("torch"))


def check_ray() -> Finding:
    """Import Ray; starting it takes eight seconds, that is the run's business."""
    return _try("ray works", "import ray; print('imports', ray.__version__)", _reinstall("ray"))


def check_ffmpeg() -> Finding:
    """The encoder of the report's videos."""
    fix = _reinstall("imageio-ffmpeg")
    try:
        import imageio_ffmpeg

        program = imageio_ffmpeg.get_ffmpeg_exe()
        done = subprocess.run(
            [program, "-encoders"], capture_output=True, text=True, timeout=_PROCESS_SECONDS
        )
    except (ImportError, RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        return warn("ffmpeg", f"reports will have no videos: {error}", fix)
    if "libx264" not in done.stdout:
        return warn("ffmpeg", f"{program} lacks libx264: reports will have no videos", fix)
    return ok("ffmpeg", f"{Path(program).name} with libx264")


def _try(check: str, code: str, fix: str, environment: dict[str, str] | None = None) -> Finding:
    """Run code in a process of its own, since a broken driver crashes; its last line is the message."""
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            timeout=_PROCESS_SECONDS,
            env={**os.environ, **(environment or {})},
            cwd="/",
        )
    except subprocess.TimeoutExpired:
        message = f"no answer in {_PROCESS_SECONDS:.0f} s at a load of {os.getloadavg()[0]:.1f}"
        return warn(check, message, "give the command again when the machine is less busy")
    lines = (done.stderr if done.returncode else done.stdout).strip().splitlines()
    if done.returncode:
        return fail(check, lines[-1] if lines else f"ended with code {done.returncode}", fix)
    return ok(check, lines[-1] if lines else "")


def _reinstall(name: str) -> str:
    pinned = pinned_versions().get(name)
    return f"{sys.executable} -m pip install --force-reinstall '{name}{'==' + pinned if pinned else ''}'"
