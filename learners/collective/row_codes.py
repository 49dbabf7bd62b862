"""The task codes of all rows of a table, worked out once per data and transformer."""

from __future__ import annotations

import logging

import numpy as np
import torch

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.errors import ArrayFileError
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.window_tensors import WindowTensors

_KIND = "potstill.codes.1"
#: Windows that are encoded together: 7 MB of tokens.
_CHUNK = 1024
_LOG = logging.getLogger(__name__)


def row_codes(
    table: TrajectoryTable, transformer: TrajectoryTransformer, *, sha256: str, device: torch.device
) -> np.ndarray:
    """The code (R, Z) float32 of the window that ends at each row, as ``transformer.encode`` gives it.

    They lie in one file beside the packed columns, under the names of both: found again by the next learner of
    these rounds, whole or not at all. A damaged file is made anew.

    Args:
        table: Its rows, of both splits.
        transformer: Frozen and evaluating, on ``device``.
        sha256: The transformer's version.
        device: Where to encode.

    Raises:
        StoreFullError: no space for the file.
    """
    names = {"rows": table.folder.name, "representation": sha256}
    path = table.folder.with_name(f"{table.folder.name}.codes.{sha256[:16]}.safetensors")
    try:
        arrays, facts, _ = read_array_file(path, kind=_KIND)
        if facts == names:
            return arrays["codes"]
    except ArrayFileError as error:
        _LOG.info("encoding %d windows: %s", len(table), error)
    codes = _encoded(table, transformer, device)
    write_array_file(path, {"codes": codes}, names, kind=_KIND)
    return codes


@torch.inference_mode()
def _encoded(table: TrajectoryTable, transformer: TrajectoryTransformer, device: torch.device) -> np.ndarray:
    codes = np.empty((len(table), transformer.config.code_size), np.float32)
    for first in range(0, len(table), _CHUNK):
        rows = np.arange(first, min(first + _CHUNK, len(table)))
        windows = WindowTensors.of(table.windows(rows, transformer.config.window)).to(device)
        codes[rows] = transformer.encode(windows).cpu().numpy()
    return codes
