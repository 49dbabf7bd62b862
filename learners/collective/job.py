"""The payload of a distillation task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from potstill.learners.collective.config import DistillationConfig
from potstill.learners.training_config import TrainingConfig
from potstill.policies.collective_policy_config import CollectivePolicyConfig
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig


@dataclass(frozen=True, kw_only=True)
class CollectiveJob:
    """One round's distillation on the union of the rounds so far."""

    store: str
    """URL of the episode store."""
    rounds: tuple[int, ...]
    """Rounds to train on; all must be sealed."""
    policy: CollectivePolicyConfig
    learner: DistillationConfig
    transformer: TrajectoryTransformerConfig
    """Also the code's size where the context is zeros."""
    representation: str
    """Checkpoint folder of the transformer: needed by the context ``code``, where ``joint`` begins (empty: from
    random weights), empty for the others."""
    representation_sha256: str
    """Its version, or empty."""
    tasks: tuple[str, ...]
    """Names in the order of the ``id`` context; every task of the rounds is among them."""
    initial_policy: str
    """Checkpoint folder of the previous round, or empty."""
    output: str
    """Checkpoint folder to write."""
    cache: str
    """Folder of packed columns and codes, shared by all trainings on these episodes."""
    seed: int
    """Of the split, the weights and the batches."""

    def __post_init__(self) -> None:
        context = self.policy.context
        if context == "code" and not self.representation:
            raise ValueError("representation must be given with context 'code'")
        if not self.policy.reads_history and self.representation:
            raise ValueError(
                f"representation must be empty with context {context!r}: got {self.representation!r}"
            )
        if bool(self.representation) != bool(self.representation_sha256):
            raise ValueError("representation_sha256 must be given with representation, and only then")

    def to_payload(self) -> dict[str, Any]:
        """A nested dict for the queue."""
        return asdict(self)

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> CollectiveJob:
        """The inverse of ``to_payload``; tuples travel as lists."""
        policy, learner = payload["policy"], payload["learner"]
        return cls(
            **{
                **payload,
                "rounds": tuple(payload["rounds"]),
                "tasks": tuple(payload["tasks"]),
                "policy": CollectivePolicyConfig(**{**policy, "hidden": tuple(policy["hidden"])}),
                "learner": DistillationConfig(
                    **{**learner, "training": TrainingConfig(**learner["training"])}
                ),
                "transformer": TrajectoryTransformerConfig(**payload["transformer"]),
            }
        )
