"""The diffusion painter: pictures by a Stable Diffusion model that keeps to depth and to each region's prompt."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import ClassVar

import diffusers
import numpy as np
import torch
from PIL import Image

from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.envs.rendering.diffusion.diffusion_model import DiffusionModel
from potstill.envs.rendering.diffusion.model_folders import ModelFolders, ModelUnavailableError
from potstill.envs.rendering.diffusion.region_denoiser import RegionDenoiser
from potstill.envs.rendering.diffusion.view_order import ViewOrder
from potstill.envs.rendering.painter import PainterCapabilities
from potstill.envs.rendering.records import RenderReply, RenderRequest


class DiffusionPainter:
    """Paints whole batches: several scenes and all their cameras share the forward calls.

    A picture is a pure function of its request and of ``version``, which stands for the model's files, the settings,
    the libraries and the kind of device: on another device the same request gives other bytes.

    Args:
        config: which model, and how. Its files are read and hashed here.

    Raises:
        ModelUnavailableError: see ``ModelFolders.find`` and ``DiffusionModel.load``; or other files than were pinned.
    """

    capabilities: ClassVar = PainterCapabilities(seed=True, prompt=True)

    def __init__(self, config: DiffusionConfig) -> None:
        folders = ModelFolders.find(config)
        sha256 = folders.sha256()
        if config.pinned not in ("", sha256):
            raise ModelUnavailableError(
                f"model {config.model} with {config.controlnet} has other files (sha256 {sha256[:12]}...) than those "
                f"that the run began with ({config.pinned[:12]}...)"
            )
        self._config = config
        model = DiffusionModel.load(folders, config)
        self._denoiser = RegionDenoiser(model, config)
        self.version = f"diffusion-1.{_digest(config, sha256, model)}"
        """Names the painter and its behaviour."""

    @property
    def forward_calls(self) -> int:
        """Of the UNet, since the start."""
        return self._denoiser.forward_calls

    def paint_images(
        self, geometries: Sequence[RenderReply], requests: Sequence[RenderRequest]
    ) -> list[np.ndarray]:
        """(C, H, W, 3) uint8 for each request, at the request's size.

        Args:
            geometries: depth and segmentation of each request's scene at ``DiffusionConfig.size`` pixels.
            requests: as many.

        Raises:
            ValueError: see ``ViewOrder.of``.
            FloatingPointError: the model gave NaN or infinity.
        """
        orders = [
            list(ViewOrder.of(geometry, request, self._config))
            for geometry, request in zip(geometries, requests)
        ]
        images = iter(self._denoiser.images([order for views in orders for order in views]))
        return [
            np.stack([_resized(next(images), request.size) for _ in views])
            for views, request in zip(orders, requests)
        ]


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    """(size, size, 3) uint8: each pixel is the mean of those it covers."""
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BOX))


def _digest(config: DiffusionConfig, sha256: str, model: DiffusionModel) -> str:
    """12 hex digits of all that the bytes of a picture depend on."""
    settings = asdict(config)
    for name in ("model", "controlnet", "device", "dtype", "pinned"):
        settings.pop(name)
    on_gpu = model.device.type == "cuda"
    # What a processor can do decides which of torch's kernels it runs.
    processor = torch.cuda.get_device_name() if on_gpu else torch.backends.cpu.get_cpu_capability()
    facts = [settings, sha256, str(model.dtype), processor, torch.__version__, diffusers.__version__]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
