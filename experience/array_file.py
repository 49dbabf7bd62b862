"""Arrays and a few facts in one sealed file: the form of every checkpoint. Nothing in it can be executed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from potstill.experience.atomic_write import write_atomically
from potstill.experience.errors import ArrayFileError

_METADATA_KEY = "potstill"


def write_array_file(
    path: Path, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any], *, kind: str
) -> str:
    """Write atomically (safetensors, JSON facts in its header). Returns the sha256 of arrays and facts.

    Args:
        path: Replaced when it exists; its folder is created.
        arrays: By name; any dtype safetensors holds.
        facts: JSON values.
        kind: Says what the file is, e.g. ``potstill.policy.1``; reading asks for the same.

    Raises:
        StoreFullError: no space; the file is as it was.
    """
    solid = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    text = json.dumps(facts, sort_keys=True)
    digest = _digest(solid, text, kind)
    # One key: safetensors writes several in random order, and equal contents would differ in their bytes.
    seal = json.dumps({"kind": kind, "facts": text, "sha256": digest})
    write_atomically(path, save(solid, metadata={_METADATA_KEY: seal}))
    return digest


def read_array_file(path: Path, *, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any], str]:
    """Read a whole file and check its seal. Returns arrays, facts and the sha256.

    Raises:
        ArrayFileError: missing, corrupt, truncated, or of another kind; the message names the file.
    """
    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = json.loads((file.metadata() or {}).get(_METADATA_KEY, "{}"))
            if metadata.get("kind") != kind:
                raise ArrayFileError(f"{path}: is {metadata.get('kind')!r}, wanted {kind!r}")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        text, digest = metadata["facts"], metadata["sha256"]
        if _digest(arrays, text, kind) != digest:
            raise ArrayFileError(f"{path}: corrupt: its content does not match its sha256")
        return arrays, json.loads(text), digest
    except FileNotFoundError as error:
        raise ArrayFileError(f"{path}: missing") from error
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ArrayFileError(f"{path}: unreadable: {error}") from error


def _digest(arrays: Mapping[str, np.ndarray], facts: str, kind: str) -> str:
    digest = hashlib.sha256(f"{kind}\n{facts}\n".encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
