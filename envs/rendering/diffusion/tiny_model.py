"""A Stable Diffusion model of a few megabytes with random weights: all of the machinery, none of the pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import AutoencoderKL, ControlNetModel, EulerAncestralDiscreteScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

#: Side of the pictures it is made for, pixels.
_SIZE = 32
_WORD_WIDTH, _TIME_WIDTH = 32, 8
#: Untrained layers hardly hear the prompt: factor on what they take from it.
_LOUDNESS = 20.0


def write_tiny_model(folder: Path, family: Literal["sd", "sdxl"] = "sd", *, seed: int = 0) -> Path:
    """Write ``folder/model`` and ``folder/controlnet`` as diffusers writes its own; returns ``folder``.

    Real layers, only few and narrow; the words of its vocabulary are letters. Another seed gives other weights.
    """
    model, encoders = folder / "model", [CLIPTextModel, CLIPTextModelWithProjection]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for kind, suffix in zip(encoders, ("", "_2") if family == "sdxl" else ("",)):
            words = _write_tokenizer(model / f"tokenizer{suffix}")
            kind(_text_config(words)).save_pretrained(model / f"text_encoder{suffix}")
        unet = _unet(xl=family == "sdxl")
        unet.save_pretrained(model / "unet")
        _controlnet(unet).save_pretrained(folder / "controlnet")
        _autoencoder().save_pretrained(model / "vae")
    scheduler: Any = EulerAncestralDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="trailing"
    )
    scheduler.save_pretrained(model / "scheduler")
    return folder


def _write_tokenizer(folder: Path) -> int:
    """CLIP's own kind of tokenizer; returns the size of its vocabulary."""
    folder.mkdir(parents=True)
    letters = [chr(code) for code in range(33, 127)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    vocabulary.write_text(json.dumps({word: number for number, word in enumerate(words)}), encoding="utf-8")
    merges.write_text("#version: 0.2\n", encoding="utf-8")
    CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77).save_pretrained(folder)
    return len(words)


def _text_config(words: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=words,
        hidden_size=_WORD_WIDTH,
        intermediate_size=2 * _WORD_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=_WORD_WIDTH,
        bos_token_id=words - 2,
        eos_token_id=words - 1,
        pad_token_id=words - 1,
    )


def _unet(*, xl: bool) -> Any:
    conditioning: dict[str, Any] = {"cross_attention_dim": _WORD_WIDTH}
    if xl:
        conditioning = {
            "cross_attention_dim": 2 * _WORD_WIDTH,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": _TIME_WIDTH,
            "projection_class_embeddings_input_dim": _WORD_WIDTH + 6 * _TIME_WIDTH,
        }
    unet: Any = UNet2DConditionModel(
        sample_size=_SIZE // 2,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=4,
        norm_num_groups=8,
        **conditioning,
    )
    for name, parameter in unet.named_parameters():
        if name.endswith("attn2.to_v.weight"):
            parameter.data *= _LOUDNESS
    return unet


def _controlnet(unet: Any) -> Any:
    controlnet = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 16))
    for parameter in controlnet.parameters():
        if not parameter.any():  # a new ControlNet is silent: its last layers are zeros
            torch.nn.init.normal_(parameter, std=0.1)
    return controlnet


def _autoencoder() -> Any:
    return AutoencoderKL(
        sample_size=_SIZE,
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=8,
    )
