"""``potstill prompts show``: a contact sheet of what the procedural painter makes of a collection."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np

from potstill.envs.task_names import check_task_name
from potstill.experience.errors import PromptFileError
from potstill.experience.prompt_collection import PromptCollection
from potstill.launch.errors import BadInputError
from potstill.launch.graphics_check import check_graphics

_MAX_TILES = 400
_MIN_SIZE, _MAX_SIZE = 32, 512


def run(arguments: Namespace) -> int:
    """Draw prompts spread evenly over the collection, and say what the collection holds."""
    try:
        collection = PromptCollection.find(arguments.collection)
        check_task_name(arguments.task)
    except (PromptFileError, ValueError) as error:
        raise BadInputError(str(error)) from None
    count = _integer("--count", arguments.count, 1, _MAX_TILES)
    size = _integer("--size", arguments.size, _MIN_SIZE, _MAX_SIZE)
    out = Path(arguments.out)
    if out.suffix != ".png" or not out.parent.is_dir():
        raise BadInputError(f"--out must be a .png file in a folder that exists: got {out}")
    check_graphics()
    from potstill.envs.rendering.open_scene_renderer import open_scene_renderer  # takes seconds to import
    from potstill.envs.rendering.render_config import RenderConfig
    from potstill.launch.prompt_sheet import draw_prompt_sheet

    places = np.linspace(0, len(collection.prompts) - 1, min(count, len(collection.prompts)))
    prompts = [collection.prompts[int(place)] for place in places]
    renderer = open_scene_renderer(RenderConfig().renderer)
    try:
        draw_prompt_sheet(prompts, task=arguments.task, renderer=renderer, size=size).save(out, optimize=True)
    finally:
        renderer.close()
    train, held_out = (len(collection.of_split(split)) for split in ("train", "held_out"))
    print(f"{collection.name}: {train} prompts to train, {held_out} held out, sha256 {collection.sha256}")
    print(f"{out}: {len(prompts)} of them")
    return 0


def _integer(name: str, text: str, low: int, high: int) -> int:
    if not text.isdecimal() or not low <= int(text) <= high:
        raise BadInputError(f"{name} must be an integer in {low}..{high}: got {text!r}")
    return int(text)
