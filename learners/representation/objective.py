"""What the transformer is trained for: all losses of one batch, weighted."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from potstill.learners.representation.config import Negatives, RepresentationConfig
from potstill.learners.representation.dynamics_head import DynamicsHead
from potstill.learners.representation.losses import (
    contrastive_loss,
    decoupling_loss,
    dynamics_loss,
    reconstruction_loss,
)
from potstill.learners.representation.masking import mask_windows
from potstill.learners.representation.representation_data import RepresentationBatch
from potstill.learners.representation.robot_head import RobotHead
from potstill.policies.trajectory_transformer import TrajectoryTransformer, TransformerOutput
from potstill.policies.window_tensors import WindowTensors


class Objective(nn.Module):
    """The transformer, and what is trained with it and then thrown away.

    ::

        windows -> normalised -> two maskings -> transformer (2N rows at once) -> reconstruction at what was hidden
                                                              codes z1, z2     -> contrast, dynamics
                                                              whole -> codes of robots -> contrast or names, decoupling
    """

    def __init__(
        self, transformer: TrajectoryTransformer, config: RepresentationConfig, *, robots: int
    ) -> None:
        """Take over ``transformer``; the heads that are asked for get random weights from torch's global generator.

        Args:
            transformer: To be trained.
            config: Weights of the losses; a head whose weight is 0 does not exist.
            robots: How many there are to tell apart.
        """
        super().__init__()
        self.transformer, self._config = transformer, config
        code_size = transformer.config.code_size
        self.dynamics: DynamicsHead | None = None
        if config.dynamics_weight > 0.0:
            self.dynamics = DynamicsHead(transformer.state_size, transformer.action_size, code_size)
        self.robot: RobotHead | None = None
        if config.robot_weight > 0.0:
            width, classify = transformer.config.width, config.robot_loss == "names"
            self.robot = RobotHead(width, code_size, robots, classify=classify)

    def forward(self, batch: RepresentationBatch, *, mask_seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to minimise, and its parts before they are weighted.

        These are ``reconstruction`` and ``contrast``, and where they were asked for ``dynamics``, ``robot`` and
        ``decoupling``.
        """
        config = self._config
        original = self.transformer.normalise(batch.windows).twice()
        masked = mask_windows(original, probability=config.mask_probability, seed=mask_seed)
        output = self.transformer(masked.shown)
        reconstruction, _ = reconstruction_loss(output, original, masked)
        terms = {
            "reconstruction": (config.reconstruction_weight, reconstruction),
            "contrast": (
                config.contrastive_weight,
                self._contrast(output.code, batch.task, config.negatives),
            ),
        }
        if self.dynamics is not None:
            terms["dynamics"] = (
                config.dynamics_weight,
                self._dynamics_error(self.dynamics, original, output),
            )
        if self.robot is not None:
            terms |= self._robot_terms(self.robot, batch.robot, output)
        loss = torch.stack([weight * part for weight, part in terms.values()]).sum()
        return loss, {name: part.detach() for name, (_, part) in terms.items()}

    @torch.no_grad()
    def codes(self, batch: RepresentationBatch) -> Tensor:
        """The codes (B, Z) of whole windows."""
        return self.transformer.encode(batch.windows)

    def _contrast(self, code: Tensor, label: Tensor, negatives: Negatives) -> Tensor:
        first, second = code.chunk(2)
        return contrastive_loss(
            first,
            second,
            label,
            temperature=self._config.temperature,
            negatives=negatives,
            positives=self._config.positives,
        )

    def _dynamics_error(
        self, head: DynamicsHead, original: WindowTensors, output: TransformerOutput
    ) -> Tensor:
        predicted = head(original.states[:, :-1], original.actions, output.code)
        std = self.transformer.state_std
        return dynamics_loss(predicted * std, original.states[:, 1:] * std, original.valid_transitions)

    def _robot_terms(
        self, head: RobotHead, robot: Tensor, output: TransformerOutput
    ) -> dict[str, tuple[float, Tensor]]:
        code, scores = head(output.whole)
        if scores is None:
            # Against windows of any robot, the robot could not be learned: nothing else would say which is which.
            told_apart = self._contrast(code, robot, "other_tasks")
        else:
            told_apart = functional.cross_entropy(scores, robot.repeat(2))
        terms = {"robot": (self._config.robot_weight, told_apart)}
        if self._config.decoupling_weight > 0.0:
            terms["decoupling"] = (self._config.decoupling_weight, decoupling_loss(output.code, code))
        return terms
