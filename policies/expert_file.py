"""The file of an expert, read and written without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.errors import ArrayFileError
from potstill.policies.actor_form import ActorForm
from potstill.policies.expert_facts import ExpertFacts

#: Name of the file in an expert's folder.
EXPERT_FILE = "expert.safetensors"
#: What its seal says it is; see ``array_file.py``.
EXPERT_KIND = "potstill.expert.1"
#: The actor's linear layers, in order: ``actor.0.weight`` (in, out), ``actor.0.bias`` (out,), ``actor.1.weight`` ...
ACTOR_WEIGHT, ACTOR_BIAS = "actor.{}.weight", "actor.{}.bias"


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpertFile:
    """One expert as arrays and facts."""

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    """The actor: weight (in, out) and bias (out,) float32 of each layer; the last one gives mean and log std (2A)."""
    form: ActorForm
    facts: ExpertFacts
    others: Mapping[str, np.ndarray]
    """Critics and temperature by name; empty for an actor alone."""

    def __post_init__(self) -> None:
        width = self.observation_size
        for index, (weight, bias) in enumerate(self.layers):
            if weight.shape != (width, *bias.shape) or weight.dtype != np.float32:
                raise ValueError(f"layer {index} of the actor is {weight.dtype} {weight.shape} after {width}")
            if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
                raise ValueError(f"layer {index} of the actor holds NaN or Inf")
            width = bias.size
        hidden = tuple(bias.size for _, bias in self.layers[:-1])
        if hidden != self.facts.hidden or width != 2 * self.facts.action_size:
            raise ValueError(
                f"the actor has hidden layers {hidden} and {width} outputs, the facts say "
                f"{self.facts.hidden} and {2 * self.facts.action_size}"
            )

    @property
    def observation_size(self) -> int:
        """S."""
        return int(self.layers[0][0].shape[0])

    def write(self, folder: Path) -> str:
        """Write ``folder/expert.safetensors`` atomically. Returns its sha256, the expert's version."""
        arrays = dict(self.others)
        for index, (weight, bias) in enumerate(self.layers):
            arrays |= {ACTOR_WEIGHT.format(index): weight, ACTOR_BIAS.format(index): bias}
        facts = {"facts": self.facts.to_mapping(), "form": asdict(self.form), "layers": len(self.layers)}
        return write_array_file(folder / EXPERT_FILE, arrays, facts, kind=EXPERT_KIND)


def read_expert_file(folder: Path, *, expected_sha256: str | None = None) -> tuple[ExpertFile, str]:
    """Read the expert of a folder. Returns it and its sha256.

    Raises:
        ArrayFileError: missing, corrupt, not the expected version, or not an expert of this version.
    """
    path = folder / EXPERT_FILE
    arrays, header, sha256 = read_array_file(path, kind=EXPERT_KIND)
    if expected_sha256 is not None and sha256 != expected_sha256:
        raise ArrayFileError(f"{path}: holds expert {sha256[:12]}, wanted {expected_sha256[:12]}")
    try:
        layers = tuple(
            (arrays.pop(ACTOR_WEIGHT.format(index)), arrays.pop(ACTOR_BIAS.format(index)))
            for index in range(header["layers"])
        )
        facts, form = ExpertFacts.from_mapping(header["facts"]), ActorForm(**header["form"])
        return ExpertFile(layers=layers, form=form, facts=facts, others=arrays), sha256
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ArrayFileError(f"{path}: is not an expert of this version: {error}") from error
