"""The stages of a collective run and what each depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from potstill.launch.collective.config import CollectiveConfig
from potstill.launch.collective.expert_table import ExpertTable
from potstill.launch.engine.stage import Stage
from potstill.policies.collective_policy_config import ContextName


def collection_stage(experts: ExpertTable, round_index: int, policy_sha256: str) -> Stage:
    """Collecting a round. Depends on the policy only when it acts."""
    config, collection = experts.config, experts.config.collection
    # Not the batch: how many share a forward pass changes no episode.
    inputs: dict[str, Any] = {
        **_cells(config),
        "seed": config.seed,
        "episodes": config.episodes_of(round_index),
        "max_steps": collection.max_steps,
        "hold_steps": collection.hold_steps,
        "experts": [experts.expert_of(*cell) for cell in config.cells],
    }
    if round_index:
        inputs |= {"policy": policy_sha256, "beta": config.beta.beta(round_index)}
    else:
        inputs |= {
            "random_fraction": collection.random_fraction,
            "noisy_fraction": collection.noisy_fraction,
            "noise": collection.noise,
        }
    return Stage(name=f"round_{round_index:02d}.rollout", inputs=inputs)


def representation_stage(config: CollectiveConfig, manifest: str) -> Stage:
    """Training the transformer on the bootstrap round."""
    inputs = {
        "seed": config.seed,
        "manifest": manifest,
        "transformer": asdict(config.transformer),
        "learner": asdict(config.representation),
    }
    return Stage(name="representation", inputs=inputs)


def distillation_stage(
    config: CollectiveConfig,
    name: str,
    *,
    context: ContextName,
    manifests: Sequence[str],
    representation_sha256: str,
    initial_sha256: str,
) -> Stage:
    """Training a policy on rounds so far; ``name`` is ``round_XX`` or ``final.CONTEXT``."""
    inputs: dict[str, Any] = {
        "seed": config.seed,
        "tasks": config.tasks,
        "manifests": list(manifests),
        "representation": representation_sha256 if context == "code" else "",
        "initial_policy": initial_sha256,
        "transformer": asdict(config.transformer) if context in ("code", "joint") else None,
        "policy": asdict(replace(config.policy, context=context)),
        "learner": asdict(config.learner),
    }
    if context == "zeros":
        inputs["code_size"] = config.transformer.code_size  # of so many zeros
    return Stage(name=f"{name}.distillation", inputs=inputs)


def matrix_stage(config: CollectiveConfig, name: str, policy_sha256: str) -> Stage:
    """Closed-loop evaluation of a policy, cell by cell; ``name`` is ``round_XX`` or ``final.CONTEXT``."""
    final = name.startswith("final")
    inputs = {
        **_cells(config),
        "policy": policy_sha256,
        "episodes": config.evaluation.final_episodes if final else config.evaluation.episodes,
        "max_steps": config.evaluation.max_steps,
    }
    if final:
        inputs["unseen_robots"] = config.unseen_robots
    return Stage(name=f"{name}.evaluation", inputs=inputs)


def _cells(config: CollectiveConfig) -> dict[str, Any]:
    return {"tasks": config.tasks, "robots": config.robots}
