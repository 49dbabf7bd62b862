"""A trajectory transformer on disk: weights, normaliser, choices and sizes in one sealed file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.errors import ArrayFileError
from potstill.policies.representation_file import REPRESENTATION_FILE, REPRESENTATION_KIND
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig


def save_representation(folder: Path, transformer: TrajectoryTransformer) -> str:
    """Write ``folder/representation.safetensors`` atomically. Returns its sha256, the representation's version.

    Raises:
        StoreFullError: no space; the file is as it was.
    """
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in transformer.state_dict().items()}
    facts = {
        "config": asdict(transformer.config),
        "state_size": transformer.state_size,
        "action_size": transformer.action_size,
    }
    return write_array_file(folder / REPRESENTATION_FILE, arrays, facts, kind=REPRESENTATION_KIND)


def load_representation(
    folder: Path, *, expected_sha256: str | None = None
) -> tuple[TrajectoryTransformer, str]:
    """Read a checkpoint folder. Returns the transformer (on the CPU, evaluating) and its sha256.

    Raises:
        ArrayFileError: missing, corrupt, not the expected version, or weights that do not fit the network.
    """
    path = folder / REPRESENTATION_FILE
    arrays, facts, sha256 = read_array_file(path, kind=REPRESENTATION_KIND)
    if expected_sha256 is not None and sha256 != expected_sha256:
        raise ArrayFileError(f"{path}: holds representation {sha256[:12]}, wanted {expected_sha256[:12]}")
    try:
        config = TrajectoryTransformerConfig(**facts["config"])
        with torch.random.fork_rng(devices=[]):
            transformer = TrajectoryTransformer(
                config, state_size=facts["state_size"], action_size=facts["action_size"]
            )
        transformer.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())  # torch's messages have many lines
        raise ArrayFileError(f"{path}: does not fit this version's network: {reason}") from error
    return transformer.eval(), sha256
