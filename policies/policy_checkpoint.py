"""A student on disk: weights, network choices and shapes in one sealed file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.errors import ArrayFileError
from potstill.policies.observation_shape import ObservationShape
from potstill.policies.pixel_policy import PixelPolicy
from potstill.policies.pixel_policy_config import PixelPolicyConfig
from potstill.policies.policy_file import POLICY_FILE, POLICY_KIND


def save_policy(folder: Path, policy: PixelPolicy) -> str:
    """Write ``folder/policy.safetensors`` atomically. Returns its sha256, the policy's version."""
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in policy.state_dict().items()}
    facts = {"config": asdict(policy.config), "shape": asdict(policy.shape)}
    return write_array_file(folder / POLICY_FILE, arrays, facts, kind=POLICY_KIND)


def load_policy(folder: Path, *, expected_sha256: str | None = None) -> tuple[PixelPolicy, str]:
    """Read a checkpoint folder. Returns the policy (on the CPU, evaluating) and its sha256.

    Raises:
        ArrayFileError: missing, corrupt, not the expected version, or weights that do not fit the network.
    """
    path = folder / POLICY_FILE
    arrays, facts, sha256 = read_array_file(path, kind=POLICY_KIND)
    if expected_sha256 is not None and sha256 != expected_sha256:
        raise ArrayFileError(f"{path}: holds policy {sha256[:12]}, wanted {expected_sha256[:12]}")
    try:
        config = PixelPolicyConfig(**{**facts["config"], "hidden": tuple(facts["config"]["hidden"])})
        with torch.random.fork_rng(devices=[]):
            policy = PixelPolicy(config, ObservationShape(**facts["shape"]))
        policy.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())  # torch's messages have many lines
        raise ArrayFileError(f"{path}: does not fit this version's network: {reason}") from error
    return policy.eval(), sha256
