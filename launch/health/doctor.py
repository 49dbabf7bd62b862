"""Runs every health check; each problem comes with the command that mends it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from potstill.launch.health import machine_checks, package_checks, server_checks
from potstill.launch.health.finding import Finding, fail
from potstill.launch.installed_versions import MAIN_PACKAGES

Check = Callable[[], Finding | list[Finding]]


def run_doctor(folder: Path, *, redis_url: str | None = None) -> list[Finding]:
    """All findings, in the order of the checks; ``folder`` is where runs will be written. Some seconds."""
    checks = _checks(folder, redis_url)
    # Two at a time: most of the time goes into processes that import torch, Ray and MuJoCo.
    with ThreadPoolExecutor(max_workers=2) as pool:
        found = pool.map(_guarded, checks)
    return [finding for findings in found for finding in findings]


def _checks(folder: Path, redis_url: str | None) -> list[Check]:
    machine: list[Check] = [
        machine_checks.check_python,
        machine_checks.check_cores,
        machine_checks.check_memory,
        machine_checks.check_shared_memory,
        functools.partial(machine_checks.check_disk, folder),
        functools.partial(machine_checks.check_write, folder),
        functools.partial(machine_checks.check_clock, folder),
        machine_checks.check_socket_path,
        machine_checks.check_loopback,
        machine_checks.check_open_files,
    ]
    packages: list[Check] = [functools.partial(package_checks.check_package, n) for n in MAIN_PACKAGES]
    works: list[Check] = [
        functools.partial(package_checks.check_opengl, "egl"),
        functools.partial(package_checks.check_opengl, "osmesa"),
        package_checks.check_torch,
        package_checks.check_ray,
        package_checks.check_ffmpeg,
        package_checks.check_diffusion,
        server_checks.check_embedded_server,
    ]
    url: list[Check] = [functools.partial(server_checks.check_redis_url, redis_url)] if redis_url else []
    return machine + packages + works + url


def _guarded(check: Check) -> list[Finding]:
    """A check that breaks is a finding, not the end of the others."""
    try:
        found = check()
    except Exception as error:
        function = getattr(check, "func", check)
        name = function.__name__.removeprefix("check_").replace("_", " ")
        return [fail(name, f"{type(error).__name__}: {error}", "potstill doctor --debug, and report it")]
    return found if isinstance(found, list) else [found]
