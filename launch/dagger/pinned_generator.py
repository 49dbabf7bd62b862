"""A run's generator of images: found on this machine, checked, and named by the hash of its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from potstill.envs.rendering.diffusion.model_folders import ModelFolders, ModelUnavailableError
from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.errors import BadInputError

#: Where the settings of a generator are.
_GROUP = "render.diffusion"


def pinned_generator(config: DaggerConfig) -> DaggerConfig:
    """As given; where a diffusion model paints, with its hash, so that other files are another input of every stage,
    and with its folders by their full paths.

    Reads all its files once: seconds for gigabytes.

    Raises:
        BadInputError: the extra is not installed; no such model; files that do not fit together; other files than
            those that the run began with; a GPU is asked for and none reserved.
    """
    generator = config.render.generator
    if generator is None:
        return config
    if generator.device == "cuda" and config.pools.render_gpus == 0:
        raise BadInputError(
            f"{_GROUP}.device: cuda needs a GPU for each render worker, e.g. --set pools.render_gpus=1"
        )
    try:
        sha256 = ModelFolders.find(generator).sha256()
    except (ModelUnavailableError, OSError) as error:
        raise BadInputError(f"{_GROUP}: {error}") from None
    if generator.pinned not in ("", sha256):
        raise BadInputError(
            f"{_GROUP}.model: the files of {generator.model} and {generator.controlnet} are not those that the run "
            "began with; restore them, or start another run"
        )
    model, controlnet = _absolute(generator.model), _absolute(generator.controlnet)
    pinned = replace(generator, model=model, controlnet=controlnet, pinned=sha256)
    return replace(config, render=replace(config.render, diffusion=pinned))


def _absolute(spec: str) -> str:
    """A folder may be named from where the command was given; workers and ``resume`` start elsewhere."""
    return str(Path(spec).resolve()) if Path(spec).is_dir() else spec
