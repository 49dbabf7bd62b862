"""A tiny Stable Diffusion and a tiny SDXL with random weights, written as diffusers writes them."""

from __future__ import annotations

import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is first imported: nothing may ask the network

import pytest

from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig

SIZE = 64


def write_tokenizer(folder):
    """CLIP's form with a vocabulary of single letters."""
    from transformers import CLIPTokenizer

    folder.mkdir(parents=True)
    letters = [chr(code) for code in range(33, 127)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)
    tokenizer.save_pretrained(folder)
    return len(words)


def write_model(folder, *, xl, seed=0):
    """``folder/model`` and ``folder/controlnet``; the layers are real ones, only few and narrow."""
    import torch
    from diffusers import (
        AutoencoderKL,
        ControlNetModel,
        EulerAncestralDiscreteScheduler,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(seed)
    model, widths = folder / "model", (32, 64)
    words = write_tokenizer(model / "tokenizer")
    text = CLIPTextConfig(
        vocab_size=words, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        projection_dim=32, bos_token_id=words - 2, eos_token_id=words - 1, pad_token_id=words - 1,
    )  # fmt: skip
    CLIPTextModel(text).save_pretrained(model / "text_encoder")
    attention = {"cross_attention_dim": 64 if xl else 32, "attention_head_dim": 4}
    if xl:
        write_tokenizer(model / "tokenizer_2")
        CLIPTextModelWithProjection(text).save_pretrained(model / "text_encoder_2")
        attention |= {"addition_embed_type": "text_time", "addition_time_embed_dim": 8,
                      "projection_class_embeddings_input_dim": 32 + 6 * 8, "use_linear_projection": True}  # fmt: skip
    blocks = ("DownBlock2D", "CrossAttnDownBlock2D")
    unet = UNet2DConditionModel(
        block_out_channels=widths, layers_per_block=1, sample_size=32, down_block_types=blocks,
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), norm_num_groups=8, **attention,
    )  # fmt: skip
    unet.save_pretrained(model / "unet")
    controlnet = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 16))
    for parameter in controlnet.parameters():  # a new ControlNet says nothing: its last layers are zeros
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    controlnet.save_pretrained(folder / "controlnet")
    AutoencoderKL(
        block_out_channels=(16, 32), down_block_types=("DownEncoderBlock2D",) * 2, latent_channels=4,
        up_block_types=("UpDecoderBlock2D",) * 2, norm_num_groups=8, sample_size=SIZE,
    ).save_pretrained(model / "vae")  # fmt: skip
    scheduler = EulerAncestralDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="trailing"
    )
    scheduler.save_pretrained(model / "scheduler")
    return folder


@pytest.fixture(scope="session")
def write_diffusion_model():
    return write_model


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """Folders of both families by name."""
    root = tmp_path_factory.mktemp("models")
    return {name: write_model(root / name, xl=name == "sdxl") for name in ("sd", "sdxl")}


@pytest.fixture(scope="session")
def tiny_config(tiny_models):
    """``tiny_config(family, ...)``: settings for one of the tiny models."""

    def build(family="sd", **changes):
        folder = tiny_models[family]
        settings = dict(
            model=str(folder / "model"), controlnet=str(folder / "controlnet"), size=SIZE, steps=2, batch=4
        )
        return DiffusionConfig(**(settings | changes))

    return build
