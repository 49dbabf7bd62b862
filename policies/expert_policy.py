"""An expert as a teacher: the actor alone, in numpy, with the same bits in any batch and worker."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.expert_file import ExpertFile, read_expert_file


class ExpertPolicy:
    """A ``Teacher`` (envs/teachers.py): stateless, so a label can be recomputed exactly at any time.

    Sums run in double precision and in one fixed order (``einsum``, which no BLAS and no thread divides), so a
    row depends on nothing but itself.
    """

    name: str
    """``expert.`` and the first 12 digits of its sha256."""
    facts: ExpertFacts
    sha256: str

    def __init__(self, file: ExpertFile, *, sha256: str) -> None:
        self.facts, self.sha256 = file.facts, sha256
        self.name = f"expert.{sha256[:12]}"
        self._form = file.form
        self._layers = [(weight.astype(np.float64), bias.astype(np.float64)) for weight, bias in file.layers]

    @classmethod
    def load(cls, folder: Path, *, expected_sha256: str | None = None) -> ExpertPolicy:
        """From an expert's folder; raises ArrayFileError when it is missing, corrupt or another version."""
        file, sha256 = read_expert_file(folder, expected_sha256=expected_sha256)
        return cls(file, sha256=sha256)

    def act(self, privileged: np.ndarray) -> np.ndarray:
        """The deterministic action (A,) float32 in [-1, 1] for one observation (S,)."""
        return self._forward(privileged[None])[0][0]

    def act_batch(self, privileged: np.ndarray) -> np.ndarray:
        """Deterministic actions (N, A) float32 in [-1, 1] for observations (N, S)."""
        return self._forward(privileged)[0]

    def distribution(self, privileged: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The policy at observations (N, S).

        Returns:
            mu (N, A) float32, the deterministic action (the squashed mean), and log_std (N, A) float32 of the
            Gaussian before the squashing.
        """
        return self._forward(privileged)

    def _forward(self, privileged: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # Through float32: what the actor saw in training.
        values = privileged.astype(np.float32).astype(np.float64)
        activate = np.tanh if self._form.activation == "tanh" else _relu
        for index, (weight, bias) in enumerate(self._layers):
            values = np.einsum("ni,ij->nj", values, weight) + bias
            if index < len(self._layers) - 1:
                values = activate(values)
        mean, raw = np.split(values, 2, axis=1)
        squashed = np.tanh(mean) if self._form.squash == "tanh" else np.clip(mean, -1.0, 1.0)
        return squashed.astype(np.float32), self._log_std(raw).astype(np.float32)

    def _log_std(self, raw: np.ndarray) -> np.ndarray:
        low, high = self._form.log_std_min, self._form.log_std_max
        if self._form.log_std == "clipped":
            return np.clip(raw, low, high)
        return low + 0.5 * (high - low) * (np.tanh(raw) + 1.0)


def _relu(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0.0)
