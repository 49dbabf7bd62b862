"""What the transformer is trained for: all losses of one batch, weighted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from potstill.learners.representation.config import RepresentationConfig
from potstill.learners.representation.dynamics_head import DynamicsHead
from potstill.learners.representation.losses import contrastive_loss, dynamics_loss, reconstruction_loss
from potstill.learners.representation.masking import mask_windows
from potstill.learners.representation.representation_data import RepresentationBatch
from potstill.policies.trajectory_transformer import TrajectoryTransformer


class Objective(nn.Module):
    """The transformer, and what is trained with it and then thrown away.

    ::

        windows -> normalised -> two maskings -> transformer (2N rows at once) -> reconstruction at what was hidden
                                                              codes z1, z2     -> contrast, dynamics
    """

    def __init__(self, transformer: TrajectoryTransformer, config: RepresentationConfig) -> None:
        """Take over ``transformer``; a dynamics head gets random weights from torch's global generator."""
        super().__init__()
        self.transformer, self._config = transformer, config
        self.dynamics: DynamicsHead | None = None
        if config.dynamics_weight > 0.0:
            self.dynamics = DynamicsHead(
                transformer.state_size, transformer.action_size, transformer.config.code_size
            )

    def forward(self, batch: RepresentationBatch, *, mask_seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to minimise, and its parts before they are weighted: reconstruction, contrast, dynamics."""
        config = self._config
        original = self.transformer.normalise(batch.windows).twice()
        masked = mask_windows(original, probability=config.mask_probability, seed=mask_seed)
        output = self.transformer(masked.shown)
        reconstruction, _ = reconstruction_loss(output, original, masked)
        first, second = output.code.chunk(2)
        contrast = contrastive_loss(
            first,
            second,
            batch.task,
            temperature=config.temperature,
            negatives=config.negatives,
            positives=config.positives,
        )
        loss = config.reconstruction_weight * reconstruction + config.contrastive_weight * contrast
        parts = {"reconstruction": reconstruction.detach(), "contrast": contrast.detach()}
        if self.dynamics is not None:
            predicted = self.dynamics(original.states[:, :-1], original.actions, output.code)
            std = self.transformer.state_std
            dynamics = dynamics_loss(
                predicted * std, original.states[:, 1:] * std, original.valid_transitions
            )
            loss = loss + config.dynamics_weight * dynamics
            parts["dynamics"] = dynamics.detach()
        return loss, parts

    @torch.no_grad()
    def codes(self, batch: RepresentationBatch) -> Tensor:
        """The codes (B, Z) of whole windows."""
        return self.transformer.encode(batch.windows)
