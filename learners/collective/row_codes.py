"""The task codes of all rows of a table, worked out once per round and transformer."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
import torch

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.errors import ArrayFileError
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.window_tensors import WindowTensors

_KIND = "potstill.codes.1"
#: Windows that are encoded together; more are not quicker.
_CHUNK = 256
#: What a code depends on, beside the transformer; ``step`` tells where episodes begin.
_COLUMNS = ("state", "action", "reward", "step")
_LOG = logging.getLogger(__name__)


def row_codes(
    table: TrajectoryTable,
    transformer: TrajectoryTransformer,
    *,
    sha256: str,
    cache: Path,
    device: torch.device,
) -> np.ndarray:
    """The code (R, Z) float32 of the window that ends at each row, as ``transformer.encode`` gives it.

    Each round's codes lie in a file of their own, named by all they depend on: the next learner finds them, also in
    a table of more rounds, whole or not at all. A damaged file is made anew.

    Args:
        table: Its rows, of both splits.
        transformer: Frozen and evaluating, on ``device``.
        sha256: The transformer's version.
        cache: Folder of the files.
        device: Where to encode.

    Raises:
        StoreFullError: no space for a file.
    """
    codes = np.empty((len(table), transformer.config.code_size), np.float32)
    round_of_row = np.array([episode.round for episode in table.episodes])[table.columns["episode"]]
    for round in np.unique(round_of_row):
        rows = np.flatnonzero(round_of_row == round)
        name = _name(table, rows, sha256)
        path = cache / f"{name}.safetensors"
        try:
            arrays, _, _ = read_array_file(path, kind=_KIND)
        except ArrayFileError as error:
            _LOG.info("encoding the %d windows of round %d: %s", len(rows), round, error)
            arrays = {"codes": _encoded(table, rows, transformer, device)}
            write_array_file(path, arrays, {}, kind=_KIND)
        codes[rows] = arrays["codes"]
    return codes


def _name(table: TrajectoryTable, rows: np.ndarray, sha256: str) -> str:
    digest = hashlib.sha256(sha256.encode())
    for column in _COLUMNS:
        digest.update(table.columns[column][rows].tobytes())
    return digest.hexdigest()


@torch.inference_mode()
def _encoded(
    table: TrajectoryTable, rows: np.ndarray, transformer: TrajectoryTransformer, device: torch.device
) -> np.ndarray:
    codes = np.empty((len(rows), transformer.config.code_size), np.float32)
    for first in range(0, len(rows), _CHUNK):
        some = rows[first : first + _CHUNK]
        windows = WindowTensors.of(table.windows(some, transformer.config.window)).to(device)
        codes[first : first + len(some)] = transformer.encode(windows).cpu().numpy()
    return codes
