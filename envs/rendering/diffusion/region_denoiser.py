"""From noise to pictures whose regions follow different prompts."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.envs.rendering.diffusion.diffusion_model import DiffusionModel
from potstill.envs.rendering.diffusion.text_embeddings import TextEmbedding
from potstill.envs.rendering.diffusion.view_order import ViewOrder


@dataclass(frozen=True, kw_only=True, eq=False)
class _Row:
    """One line of a forward call: a picture under one of its prompts."""

    view: int
    """Which picture."""
    text: TextEmbedding
    control: torch.Tensor
    """(3, S, S): the picture's nearness."""
    control_scale: float


class RegionDenoiser:
    """Generates batches of pictures.

    ::

        each step:   picture x prompt of each region it shows (+ negative)  -> rows
                     rows -> ControlNet (depth) -> UNet -> one noise estimate per row
                     picture's noise = sum over regions of weight at that place x the region's estimate

    Legend: V pictures, R regions of one of them, N rows of a call, C channels, h x w the latent picture, S x S pixels.

    What else is in the batch changes no byte of a picture: every forward call has the same number of rows, random
    numbers come from each picture's own generator on the CPU, texts and finished pictures pass one at a time, and on
    a CPU one thread computes.
    """

    def __init__(self, model: DiffusionModel, config: DiffusionConfig) -> None:
        self._model, self._config = model, config
        self._latent_side = config.size // 2 ** (len(model.vae.config.block_out_channels) - 1)
        self.forward_calls = 0
        """Of the UNet, since the start."""

    def images(self, orders: Sequence[ViewOrder]) -> list[np.ndarray]:
        """(S, S, 3) uint8 for each order.

        Raises:
            FloatingPointError: the model gave NaN or infinity.
        """
        with _reproducible(self._model.device):
            latents = self._denoised(orders)
            return [self._decoded(latents[index : index + 1]) for index in range(len(orders))]

    def _denoised(self, orders: Sequence[ViewOrder]) -> torch.Tensor:
        """(V, C, h, w) float32."""
        scheduler = type(self._model.scheduler).from_config(self._model.scheduler.config)
        scheduler.set_timesteps(self._config.steps, device=self._model.device)
        generators = [torch.Generator().manual_seed(order.seed) for order in orders]
        side, channels = self._latent_side, self._model.unet.config.in_channels
        noise = [torch.randn((1, channels, side, side), generator=generator) for generator in generators]
        latents = torch.cat(noise).to(self._model.device) * scheduler.init_noise_sigma
        weights = [self._latent_weights(order) for order in orders]
        rows = [row for view, order in enumerate(orders) for row in self._rows(view, order)]
        # Samplers that add noise take it from each picture's own generator; the others have no such argument.
        adds_noise = "generator" in inspect.signature(scheduler.step).parameters
        extra = {"generator": generators} if adds_noise else {}
        for step in scheduler.timesteps:
            estimates = self._estimates(rows, scheduler.scale_model_input(latents, step), step)
            blended = [
                self._blended(
                    [estimate for row, estimate in zip(rows, estimates) if row.view == view], weight
                )
                for view, weight in enumerate(weights)
            ]
            latents = scheduler.step(torch.stack(blended), step, latents, **extra).prev_sample
        return latents

    def _rows(self, view: int, order: ViewOrder) -> list[_Row]:
        """One for each region, and last the negative prompt's where it counts."""
        texts = [*order.texts, order.negative] if self._config.guidance > 1 else order.texts
        control = torch.from_numpy(order.nearness).to(self._model.device, self._model.dtype)
        return [
            _Row(
                view=view,
                text=self._model.texts.of(text),
                control=control.expand(3, -1, -1),
                control_scale=order.control_scale,
            )
            for text in texts
        ]

    def _latent_weights(self, order: ViewOrder) -> torch.Tensor:
        """(R, h, w) float32: each latent pixel has the mean of the pixels it stands for."""
        side, factor = self._latent_side, self._config.size // self._latent_side
        cells = order.weights.reshape(-1, side, factor, side, factor)
        return torch.from_numpy(cells.mean(axis=(2, 4), dtype=np.float32)).to(self._model.device)

    def _blended(self, estimates: list[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
        """(C, h, w): the regions' estimates in their places, led away from the negative prompt's."""
        blended = torch.zeros_like(estimates[0])
        for estimate, weight in zip(estimates, weights):  # one by one: a fixed order of sums
            blended += weight * estimate
        if self._config.guidance > 1:
            blended = estimates[-1] + self._config.guidance * (blended - estimates[-1])
        return blended

    def _estimates(
        self, rows: Sequence[_Row], latents: torch.Tensor, step: torch.Tensor
    ) -> list[torch.Tensor]:
        """(C, h, w) float32 for each row."""
        count, estimates = self._config.batch, []
        for first in range(0, len(rows), count):
            chunk = rows[first : first + count]
            filled = [*chunk, *[chunk[-1]] * (count - len(chunk))]
            estimates += self._forward(filled, latents, step)[: len(chunk)]
        return estimates

    def _forward(self, rows: Sequence[_Row], latents: torch.Tensor, step: torch.Tensor) -> list[torch.Tensor]:
        dtype = self._model.dtype
        sample = torch.stack([latents[row.view] for row in rows]).to(dtype)
        prompt: dict[str, Any] = {"encoder_hidden_states": torch.stack([row.text.tokens for row in rows])}
        pooled = [row.text.pooled for row in rows if row.text.pooled is not None]
        if pooled:
            side = self._config.size  # SDXL is told size, cropping and wanted size of the picture
            times = torch.tensor(
                [[side, side, 0, 0, side, side]] * len(rows), dtype=dtype, device=sample.device
            )
            prompt["added_cond_kwargs"] = {"text_embeds": torch.stack(pooled), "time_ids": times}
        control = torch.stack([row.control for row in rows])
        down, middle = self._model.controlnet(
            sample, step, controlnet_cond=control, return_dict=False, **prompt
        )
        scales = torch.tensor([row.control_scale for row in rows], dtype=dtype, device=sample.device)
        scales = scales[:, None, None, None]
        noise = self._model.unet(
            sample,
            step,
            down_block_additional_residuals=[scales * residual for residual in down],
            mid_block_additional_residual=scales * middle,
            return_dict=False,
            **prompt,
        )[0]
        self.forward_calls += 1
        return list(noise.float())

    def _decoded(self, latent: torch.Tensor) -> np.ndarray:
        """(S, S, 3) uint8 of one (1, C, h, w)."""
        vae = self._model.vae
        pixels = vae.decode((latent / vae.config.scaling_factor).to(vae.dtype), return_dict=False)[0][0]
        if not bool(torch.isfinite(pixels).all()):
            raise FloatingPointError(
                "the diffusion model gave numbers that are not finite; render.diffusion.dtype=float32 may help"
            )
        levels = (pixels.float() * 127.5 + 127.5).clamp(0, 255).round()
        return levels.to(torch.uint8).permute(1, 2, 0).cpu().numpy()


@contextmanager
def _reproducible(device: torch.device) -> Iterator[None]:
    """No gradients, no choice of algorithms by stopwatch, and on a CPU one thread: how threads share a matrix changes
    the order of sums.
    """
    threads = torch.get_num_threads()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        stack.enter_context(torch.backends.cudnn.flags(benchmark=False, deterministic=True, allow_tf32=False))
        if device.type == "cpu" and threads != 1:
            torch.set_num_threads(1)
            stack.callback(torch.set_num_threads, threads)
        yield
