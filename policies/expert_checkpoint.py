"""An expert on disk and as torch networks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from potstill.experience.errors import ArrayFileError
from potstill.policies.actor_form import ActorForm
from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.expert_file import ExpertFile, read_expert_file
from potstill.policies.sac_networks import SacNetworks

#: How the critics are kept: half of two 256-wide layers makes a file of 0.93 MB instead of 1.54.
Critics = Literal["full", "half", "none"]


def save_expert(folder: Path, networks: SacNetworks, facts: ExpertFacts, *, critics: Critics = "full") -> str:
    """Write ``folder/expert.safetensors`` atomically. Returns its sha256, the expert's version.

    Args:
        folder: Created when missing; an expert there is replaced.
        networks: On any device.
        facts: ``hidden`` and ``action_size`` must be the networks'.
        critics: In float32, in float16, or left out (acting needs the actor alone). Actors are always float32.

    Raises:
        ValueError: the facts are not the networks', or weights hold NaN or Inf.
        StoreFullError: no space; the file is as it was.
    """
    state = {name: tensor.detach().cpu().numpy() for name, tensor in networks.state_dict().items()}
    others = {name: array for name, array in state.items() if not name.startswith("actor.")}
    if not all(np.isfinite(array).all() for array in others.values()):
        raise ValueError("the critics or the temperature hold NaN or Inf")
    if critics == "half":
        others = {name: array.astype(np.float16) for name, array in others.items()}
    layers = tuple(
        (layer.weight.detach().cpu().numpy().T, layer.bias.detach().cpu().numpy())
        for layer in _linear_layers(networks)
    )
    form = ActorForm(log_std_min=networks.actor.log_std_min)
    file = ExpertFile(layers=layers, form=form, facts=facts, others={} if critics == "none" else others)
    return file.write(folder)


def load_expert(
    folder: Path, *, expected_sha256: str | None = None, expected_model_hash: str | None = None
) -> tuple[SacNetworks, ExpertFacts, str]:
    """Networks (on the CPU, float32), facts and sha256 of an expert's folder.

    Raises:
        ArrayFileError: missing, corrupt, not the expected version or model, an actor alone, or trained by another
            algorithm.
    """
    file, sha256 = read_expert_file(folder, expected_sha256=expected_sha256)
    facts = file.facts
    if expected_model_hash is not None and facts.model_hash != expected_model_hash:
        raise ArrayFileError(
            f"{folder}: is an expert of {facts.task} with {facts.robot} (model {facts.model_hash[:12]}), "
            f"wanted one of model {expected_model_hash[:12]}"
        )
    if not file.others:
        raise ArrayFileError(f"{folder}: holds an actor without critics: it can act, but not value")
    try:
        return _networks(file), facts, sha256
    except (RuntimeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())  # torch's messages have many lines
        raise ArrayFileError(f"{folder}: does not fit this version's networks: {reason}") from error


def _networks(file: ExpertFile) -> SacNetworks:
    if file.form != ActorForm(log_std_min=file.form.log_std_min):
        raise ValueError(f"its actor has another form: {file.form}")
    with torch.random.fork_rng(devices=[]):
        networks = SacNetworks(
            file.observation_size,
            file.facts.action_size,
            hidden=file.facts.hidden,
            layer_norm=any(name.startswith("critic.scales") for name in file.others),
            log_std_min=file.form.log_std_min,
            initial_alpha=1.0,
        )
    state = {name: torch.from_numpy(array.astype(np.float32)) for name, array in file.others.items()}
    for index, (weight, bias) in zip(_linear_indices(networks), file.layers, strict=True):
        state[f"actor.trunk.{index}.weight"] = torch.from_numpy(np.ascontiguousarray(weight.T))
        state[f"actor.trunk.{index}.bias"] = torch.from_numpy(bias)
    networks.load_state_dict(state)
    return networks.eval()


def _linear_layers(networks: SacNetworks) -> list[nn.Linear]:
    return [layer for layer in networks.actor.trunk if isinstance(layer, nn.Linear)]


def _linear_indices(networks: SacNetworks) -> list[int]:
    return [index for index, layer in enumerate(networks.actor.trunk) if isinstance(layer, nn.Linear)]
