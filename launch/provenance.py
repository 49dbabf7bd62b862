"""Where the numbers of a run come from: code, packages, seed and machine."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from potstill.launch.installed_versions import DIFFUSION_PACKAGES, MAIN_PACKAGES, installed_versions


def collect_provenance(seed: int) -> dict[str, Any]:
    """Git commit and changes, package versions, the run's seed and the hardware, as JSON values."""
    source = Path(__file__).parent
    return {
        "git_commit": _git(source, "rev-parse", "HEAD"),
        "git_changes": _git(source, "status", "--porcelain", "--untracked-files=no"),
        "versions": {"python": platform.python_version(), **_versions()},
        "seed": seed,
        "hardware": {
            "machine": platform.machine(),
            "cpu": _cpu_model(),
            "cores": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
            "system": platform.platform(),
        },
    }


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _versions() -> dict[str, str]:
    versions = installed_versions(("potstill", *MAIN_PACKAGES, *DIFFUSION_PACKAGES))
    return {name: version or "missing" for name, version in versions.items()}


def _cpu_model() -> str:
    try:
        match = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        match = None
    return match.group(1) if match else platform.processor()
