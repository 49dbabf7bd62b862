"""A tiny Stable Diffusion and a tiny SDXL with random weights, and the painter over them."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is first imported: nothing may ask the network

import pytest

from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.envs.rendering.open_scene_renderer import open_scene_renderer
from potstill.experience.prompt_collection import PromptCollection


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """Folders of both families by name."""
    from potstill.envs.rendering.diffusion.tiny_model import write_tiny_model

    root = tmp_path_factory.mktemp("models")
    return {family: write_tiny_model(root / family, family) for family in ("sd", "sdxl")}


@pytest.fixture(scope="session")
def tiny_config(tiny_models):
    """``tiny_config(family, ...)``: settings for one of the tiny models."""

    def build(family="sd", **changes):
        folder = tiny_models[family]
        settings = dict(
            model=str(folder / "model"), controlnet=str(folder / "controlnet"), size=32, steps=2, batch=4
        )
        return DiffusionConfig(**(settings | changes))

    return build


@pytest.fixture(scope="session")
def open_painting(tiny_config):
    """``open_painting(family, ...)``: a renderer with that painter; the same settings give the same one."""
    opened = {}

    def build(family="sd", **changes):
        config = tiny_config(family, **changes)
        if config not in opened:
            opened[config] = open_scene_renderer("batch", diffusion=config)
        return opened[config]

    yield build
    for one in opened.values():
        one.close()


@pytest.fixture(scope="session")
def prompts():
    """The texts of the collection's prompts."""
    return [prompt.texts() for prompt in PromptCollection.find("tabletop-v1").prompts]


@pytest.fixture
def painted_request(request_for, prompts):
    """``painted_request(...)``: a request of painter ``diffusion``."""

    def build(**settings):
        return request_for(
            **{"painter": "diffusion", "size": 32, "seed": 1, "prompt": prompts[0], **settings}
        )

    return build


@pytest.fixture
def shown_at(renderer):
    """``shown_at(request)``: (H, W) index into ``REGIONS`` of what each pixel of the first camera shows."""
    from dataclasses import replace

    from potstill.envs.rendering.diffusion.region_weights import regions_shown

    def look(request):
        plain = replace(request, painter="mujoco", prompt={}, paint=False, geometry=True)
        return regions_shown(renderer.render([plain])[0], request)[0]

    return look
