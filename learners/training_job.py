"""The payload of a training task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from potstill.experience.aggregation_config import AggregationConfig
from potstill.learners.bc.config import BcConfig
from potstill.policies.pixel_policy_config import PixelPolicyConfig


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """One round's training on the union of the rounds so far."""

    store: str
    """URL of the episode store."""
    rounds: tuple[int, ...]
    """Rounds to train on; all must be sealed."""
    policy: PixelPolicyConfig
    learner: BcConfig
    initial_policy: str
    """Checkpoint folder of the previous round, or empty."""
    output: str
    """Checkpoint folder to write."""
    seed: int

    def to_payload(self) -> dict[str, Any]:
        """A nested dict for the queue."""
        return asdict(self)

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> TrainingJob:
        """The inverse of ``to_payload``; tuples travel as lists."""
        policy, learner = payload["policy"], payload["learner"]
        aggregation = AggregationConfig(**learner["aggregation"])
        return cls(
            **{
                **payload,
                "rounds": tuple(payload["rounds"]),
                "policy": PixelPolicyConfig(**{**policy, "hidden": tuple(policy["hidden"])}),
                "learner": BcConfig(**{**learner, "aggregation": aggregation}),
            }
        )
