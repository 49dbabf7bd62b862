"""The payload of a representation task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from potstill.learners.representation.config import RepresentationConfig
from potstill.learners.training_config import TrainingConfig
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig


@dataclass(frozen=True, kw_only=True)
class RepresentationJob:
    """The training of one trajectory transformer on sealed rounds."""

    store: str
    """URL of the episode store."""
    rounds: tuple[int, ...]
    """Rounds to train on; all must be sealed."""
    transformer: TrajectoryTransformerConfig
    learner: RepresentationConfig
    output: str
    """Checkpoint folder to write."""
    cache: str
    """Folder of packed columns, shared by all trainings on these episodes."""
    seed: int
    """Of the split, the weights, the batches and the masks."""

    def to_payload(self) -> dict[str, Any]:
        """A nested dict for the queue."""
        return asdict(self)

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> RepresentationJob:
        """The inverse of ``to_payload``; tuples travel as lists."""
        learner = payload["learner"]
        return cls(
            **{
                **payload,
                "rounds": tuple(payload["rounds"]),
                "transformer": TrajectoryTransformerConfig(**payload["transformer"]),
                "learner": RepresentationConfig(
                    **{**learner, "training": TrainingConfig(**learner["training"])}
                ),
            }
        )
