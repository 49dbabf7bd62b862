"""A contact sheet: what a painter makes of prompts, one tile each, with their titles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.rendering.records import RenderRequest
from potstill.envs.rendering.render_config import DEFAULT_CAMERAS
from potstill.envs.rendering.scene_renderer import SceneRenderer
from potstill.experience.prompt_collection import Prompt

_COLUMNS = 4
_TITLE_HEIGHT = 14
_MARGIN = 4
#: Held-out prompts carry this mark.
_HELD_OUT = " (held out)"


def draw_prompt_sheet(
    prompts: Sequence[Prompt], *, task: str, renderer: SceneRenderer, size: int
) -> Image.Image:
    """Each prompt's look of the task's first scene (environment seed 0, the prompt's id as the painter's seed).

    Args:
        prompts: at least one.
        task: a Meta-World task.
        renderer: draws with the procedural painter.
        size: pixels of a tile's side.
    """
    env = MetaWorldEnv(task)
    env.reset(seed=0)
    requests = [
        RenderRequest(
            task=task,
            scene=env.scene_state(),
            cameras=DEFAULT_CAMERAS[:1],
            size=size,
            painter="procedural",
            seed=prompt.id,
            prompt=prompt.texts(),
        )
        for prompt in prompts
    ]
    pictures = [reply.rgb for reply in renderer.render(requests)]
    columns = min(_COLUMNS, len(prompts))
    rows = -(-len(prompts) // columns)
    width, height = size + _MARGIN, size + _TITLE_HEIGHT + _MARGIN
    sheet = Image.new("RGB", (columns * width + _MARGIN, rows * height + _MARGIN), "white")
    for index, (prompt, picture) in enumerate(zip(prompts, pictures)):
        assert picture is not None
        corner = (_MARGIN + index % columns * width, _MARGIN + index // columns * height)
        _paste_tile(sheet, corner, picture[0], prompt)
    return sheet


def _paste_tile(sheet: Image.Image, corner: tuple[int, int], picture: np.ndarray, prompt: Prompt) -> None:
    left, top = corner
    title = prompt.title + (_HELD_OUT if prompt.split == "held_out" else "")
    font = ImageFont.load_default(size=10)
    while font.getlength(title) > picture.shape[1]:
        title = title.removesuffix("…")[:-1] + "…"
    ImageDraw.Draw(sheet).text((left, top), title, fill="black", font=font)
    sheet.paste(Image.fromarray(picture), (left, top + _TITLE_HEIGHT))
