"""A collective policy on disk: transformer, normalisers, actor and task names in one sealed file.

It is all that serving needs; the history of an episode is the caller's (``experience/context_history.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.errors import ArrayFileError
from potstill.policies.collective_file import COLLECTIVE_FILE, COLLECTIVE_KIND
from potstill.policies.collective_policy import CollectivePolicy
from potstill.policies.collective_policy_config import CollectivePolicyConfig
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig


def save_collective(folder: Path, policy: CollectivePolicy) -> str:
    """Write ``folder/collective.safetensors`` atomically. Returns its sha256, the policy's version.

    Raises:
        StoreFullError: no space; the file is as it was.
    """
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in policy.state_dict().items()}
    facts = {
        "config": asdict(policy.config),
        "transformer": None if policy.transformer is None else asdict(policy.transformer.config),
        "state_size": policy.state_size,
        "action_size": policy.action_size,
        "tasks": list(policy.tasks),
        "code_size": policy.code_size,
    }
    return write_array_file(folder / COLLECTIVE_FILE, arrays, facts, kind=COLLECTIVE_KIND)


def load_collective(folder: Path, *, expected_sha256: str | None = None) -> tuple[CollectivePolicy, str]:
    """Read a checkpoint folder. Returns the policy (on the CPU, evaluating) and its sha256.

    Raises:
        ArrayFileError: missing, corrupt, not the expected version, or weights that do not fit the network.
    """
    path = folder / COLLECTIVE_FILE
    arrays, facts, sha256 = read_array_file(path, kind=COLLECTIVE_KIND)
    if expected_sha256 is not None and sha256 != expected_sha256:
        raise ArrayFileError(f"{path}: holds policy {sha256[:12]}, wanted {expected_sha256[:12]}")
    try:
        with torch.random.fork_rng(devices=[]):
            policy = _empty_policy(facts)
        policy.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())  # torch's messages have many lines
        raise ArrayFileError(f"{path}: does not fit this version's network: {reason}") from error
    return policy.eval(), sha256


def _empty_policy(facts: Mapping[str, Any]) -> CollectivePolicy:
    sizes = {"state_size": facts["state_size"], "action_size": facts["action_size"]}
    transformer = None
    if facts["transformer"] is not None:
        transformer = TrajectoryTransformer(TrajectoryTransformerConfig(**facts["transformer"]), **sizes)
    config = CollectivePolicyConfig(**{**facts["config"], "hidden": tuple(facts["config"]["hidden"])})
    return CollectivePolicy(
        config, transformer=transformer, tasks=tuple(facts["tasks"]), code_size=facts["code_size"], **sizes
    )
