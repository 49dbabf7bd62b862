"""A run's generator of images: found on this machine, checked, and named by the hash of its files."""

from __future__ import annotations

from dataclasses import replace

from potstill.envs.rendering.diffusion.model_folders import ModelFolders, ModelUnavailableError
from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.errors import BadInputError

#: Where the settings of a generator are.
_GROUP = "render.diffusion"


def pinned_generator(config: DaggerConfig) -> DaggerConfig:
    """As given; where a diffusion model paints, with its hash, so that other files are another input of every stage.

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
    render = replace(config.render, diffusion=replace(generator, pinned=sha256))
    return replace(config, render=render)
