"""Is a window's task one that the representation was trained on?"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.errors import ArrayFileError
from potstill.learners.representation.code_mixture import CodeMixture

#: In a representation's checkpoint folder, beside the transformer.
NOVELTY_FILE = "novelty.safetensors"
NOVELTY_KIND = "potstill.novelty.1"
#: Share of windows of known tasks that may be taken for new ones.
FALSE_ALARMS = 0.05


class Novelty:
    """How odd codes are to the mixture of known ones, on a scale whose zero is calibrated.

    ::

        novelty, sha256 = Novelty.load(Path("runs/c/checkpoints/representation"))
        novelty.score(codes) > 0.0      # (N,) bool: not like the tasks of the training
    """

    def __init__(self, mixture: CodeMixture, *, threshold: float, representation: str) -> None:
        """Put together what ``calibrated`` or ``load`` knows.

        Args:
            mixture: Of codes of known tasks.
            threshold: The mixture's novelty (nats) that is 0 on the scale.
            representation: sha256 of the transformer whose codes they are; those of another mean nothing here.
        """
        self.mixture, self.threshold, self.representation = mixture, threshold, representation

    @classmethod
    def calibrated(
        cls, told_NZ: np.ndarray, held_out_MZ: np.ndarray, *, seed: int, representation: str
    ) -> Self:
        """Know ``told_NZ``, so that of ``held_out_MZ``, from other episodes of the same tasks, 5 of 100 seem new."""
        mixture = CodeMixture.fit(told_NZ, seed=seed)
        threshold = float(np.quantile(mixture.novelty(held_out_MZ), 1.0 - FALSE_ALARMS))
        return cls(mixture, threshold=threshold, representation=representation)

    def score(self, codes_NZ: np.ndarray) -> np.ndarray:
        """(N,) float64 nats; above 0 a code is odder than 95 of 100 codes of known tasks."""
        return self.mixture.novelty(codes_NZ) - self.threshold

    def save(self, folder: Path) -> str:
        """Write ``folder/novelty.safetensors`` atomically. Returns its sha256.

        Raises:
            StoreFullError: no space; the file is as it was.
        """
        facts = {"threshold": self.threshold, "representation": self.representation}
        return write_array_file(folder / NOVELTY_FILE, self.mixture.arrays, facts, kind=NOVELTY_KIND)

    @classmethod
    def load(cls, folder: Path) -> tuple[Self, str]:
        """Read what ``save`` wrote. Returns it and its sha256.

        Raises:
            ArrayFileError: missing, corrupt, or arrays that are no mixture.
        """
        path = folder / NOVELTY_FILE
        arrays, facts, sha256 = read_array_file(path, kind=NOVELTY_KIND)
        try:
            return cls(CodeMixture(arrays), **facts), sha256
        except (KeyError, TypeError) as error:
            raise ArrayFileError(f"{path}: does not fit this version's mixture: {error}") from error
