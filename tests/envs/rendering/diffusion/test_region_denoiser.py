from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.envs.rendering.diffusion.diffusion_model import DiffusionModel
from potstill.envs.rendering.diffusion.model_folders import ModelFolders
from potstill.envs.rendering.diffusion.region_denoiser import RegionDenoiser
from potstill.envs.rendering.diffusion.view_order import ViewOrder

SIZE = 32


def order(texts=("an oak table",), weights=None, **changes):
    slope = np.tile(np.linspace(0, 1, SIZE, dtype=np.float32), (SIZE, 1))
    if weights is None:
        weights = np.full((len(texts), SIZE, SIZE), 1 / len(texts), np.float32)
    settings = dict(nearness=slope, negative="fog", control_scale=0.8, seed=3)
    return ViewOrder(texts=tuple(texts), weights=weights, **(settings | changes))


@pytest.fixture(scope="module")
def load(tiny_config):
    """``load(family, ...)``: the settings and the loaded model."""

    def build(family="sd", **changes):
        config = tiny_config(family, **changes)
        return config, DiffusionModel.load(ModelFolders.find(config), config)

    return build


def pipeline_picture(model, config, family, view):
    """The same picture by diffusers' own pipeline."""
    from diffusers import StableDiffusionControlNetPipeline, StableDiffusionXLControlNetPipeline

    tokenizers, encoders = zip(*model.texts._pairs)
    parts = dict(vae=model.vae, unet=model.unet, controlnet=model.controlnet, scheduler=model.scheduler,
                 tokenizer=tokenizers[0], text_encoder=encoders[0])  # fmt: skip
    if family == "sdxl":
        pipeline = StableDiffusionXLControlNetPipeline(
            **parts, tokenizer_2=tokenizers[1], text_encoder_2=encoders[1], add_watermarker=False
        )
    else:
        pipeline = StableDiffusionControlNetPipeline(
            **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        view.texts[0],
        image=torch.from_numpy(view.nearness).expand(1, 3, -1, -1),
        negative_prompt=view.negative,
        num_inference_steps=config.steps,
        guidance_scale=config.guidance,
        controlnet_conditioning_scale=view.control_scale,
        generator=torch.Generator().manual_seed(view.seed),
        output_type="np",
    )
    return np.round(made.images[0] * 255).astype(int)


@pytest.mark.parametrize("family", ["sd", "sdxl"])
@pytest.mark.parametrize("guidance", [1.0, 5.0])
def test_with_one_region_the_picture_is_that_of_diffusers_pipeline(load, family, guidance):
    config, model = load(family, guidance=guidance, sampler="model", steps=3)
    ours = RegionDenoiser(model, config).images([order()])[0]
    theirs = pipeline_picture(model, config, family, order())
    assert np.abs(ours.astype(int) - theirs).max() <= 1
    assert ours.std() > 5


def test_equal_prompts_in_all_regions_are_one_prompt(load):
    config, model = load(batch=2)
    denoiser = RegionDenoiser(model, config)
    halves = np.zeros((2, SIZE, SIZE), np.float32)
    halves[0, :, :12], halves[1, :, 12:] = 1, 1
    one, two = denoiser.images([order(["oak"]), order(["oak", "oak"], halves)])
    assert np.abs(one.astype(int) - two.astype(int)).max() <= 1


@pytest.mark.parametrize(
    "scheduler", ["PNDMScheduler", "DDIMScheduler", "EulerDiscreteScheduler", "UniPCMultistepScheduler"]
)
def test_schedulers_of_the_usual_models_work(load, scheduler, monkeypatch):
    import diffusers

    config, model = load(sampler="model", steps=3)
    other = getattr(diffusers, scheduler).from_config(model.scheduler.config, skip_prk_steps=True)
    object.__setattr__(model, "scheduler", other)
    denoiser = RegionDenoiser(model, config)
    together = denoiser.images([order(), order(["slate"], seed=9)])
    assert np.array_equal(together[1], denoiser.images([order(["slate"], seed=9)])[0])
    assert not np.array_equal(*together)
