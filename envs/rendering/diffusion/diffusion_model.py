"""A loaded diffusion model: the parts of a diffusers pipeline, without the pipeline."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.envs.rendering.diffusion.model_folders import ModelFolders, ModelUnavailableError
from potstill.envs.rendering.diffusion.text_embeddings import TextEmbeddings


@dataclass(frozen=True, kw_only=True, eq=False)
class DiffusionModel:
    """Networks in evaluation mode on one device. The blending of regions takes a denoising loop of our own, so the
    pipeline classes, which own theirs, are not used.
    """

    unet: Any
    """UNet2DConditionModel."""
    controlnet: Any
    """ControlNetModel."""
    vae: Any
    """AutoencoderKL."""
    texts: TextEmbeddings
    scheduler: Any
    """Its settings count; each batch of pictures takes a fresh one."""
    device: torch.device
    dtype: torch.dtype

    @classmethod
    def load(cls, folders: ModelFolders, config: DiffusionConfig) -> DiffusionModel:
        """Read the weights, from safetensors only.

        Raises:
            ModelUnavailableError: no GPU where one is asked for, or files that cannot be loaded.
        """
        device = _device(config.device)
        half = config.dtype == "float16" or (config.dtype == "auto" and device.type == "cuda")
        if half and device.type == "cpu":
            raise ModelUnavailableError("dtype must be float32 on a CPU: got float16, and no GPU is visible")
        dtype = torch.float16 if half else torch.float32
        try:
            return _load(folders, config, device, dtype)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            raise ModelUnavailableError(f"{folders.model} cannot be loaded: {error}") from error


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise ModelUnavailableError("device cuda: this process sees no GPU; give each render worker one, "
                                    "e.g. --set pools.render_gpus=1")  # fmt: skip
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def _load(
    folders: ModelFolders, config: DiffusionConfig, device: torch.device, dtype: torch.dtype
) -> DiffusionModel:
    def network(kind: Any, folder: Path, precision: torch.dtype = dtype) -> Any:
        loaded = kind.from_pretrained(
            folder,
            variant=folders.variant(folder),
            use_safetensors=True,
            local_files_only=True,
            **{"dtype" if kind.__module__.startswith("transformers") else "torch_dtype": precision},
        )
        return loaded.to(device).eval().requires_grad_(False)

    transformers.utils.logging.disable_progress_bar()  # a worker's log is no terminal
    model = folders.model
    encoders = [network(transformers.CLIPTextModel, model / "text_encoder")]
    tokenizers = [transformers.CLIPTokenizer.from_pretrained(model / "tokenizer", local_files_only=True)]
    if folders.is_xl:
        encoders.append(network(transformers.CLIPTextModelWithProjection, model / "text_encoder_2"))
        tokenizers.append(
            transformers.CLIPTokenizer.from_pretrained(model / "tokenizer_2", local_files_only=True)
        )
    vae = network(diffusers.AutoencoderKL, model / "vae")
    if vae.config.force_upcast:
        vae = vae.float()  # this one overflows in half precision
    return DiffusionModel(
        unet=network(diffusers.UNet2DConditionModel, model / "unet"),
        controlnet=network(diffusers.ControlNetModel, folders.controlnet),
        vae=vae,
        texts=TextEmbeddings(tokenizers, encoders),
        scheduler=_scheduler(model / "scheduler", config.sampler),
        device=device,
        dtype=dtype,
    )


def _scheduler(folder: Path, sampler: str) -> Any:
    settings = json.loads((folder / "scheduler_config.json").read_text(encoding="utf-8"))
    if sampler == "lcm":
        return diffusers.LCMScheduler.from_config(settings)
    kind = getattr(diffusers, settings["_class_name"], None)
    if not (isinstance(kind, type) and issubclass(kind, diffusers.SchedulerMixin)):
        raise ValueError(f"{folder} names no scheduler of diffusers: {settings['_class_name']!r}")
    return kind.from_config(settings)
