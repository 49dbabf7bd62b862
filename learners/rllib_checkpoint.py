"""Reads the actor out of an RLlib checkpoint. The only place where something from a disk is unpickled."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from ray.rllib.core.distribution.torch.torch_distribution import TorchDiagGaussian, TorchSquashedGaussian
from ray.rllib.core.rl_module.rl_module import RLModule
from ray.rllib.utils.numpy import MAX_LOG_NN_OUTPUT, MIN_LOG_NN_OUTPUT
from torch import nn

from potstill.learners.sac.algorithm_config import SacAlgorithmConfig
from potstill.learners.sac.rl_module import SacRLModule
from potstill.policies.actor_form import ActorForm
from potstill.policies.sac_networks import SacNetworks

#: Where the module lies within an algorithm's checkpoint.
_MODULE = "learner_group/learner/rl_module/default_policy"
#: Arguments of the class that wrote a checkpoint, pickled by RLlib.
_ARGUMENTS = "class_and_ctor_args.pkl"
Layers = tuple[tuple[np.ndarray, np.ndarray], ...]
Activation = Literal["relu", "tanh"]


@dataclass(frozen=True, kw_only=True, eq=False)
class RllibCheckpoint:
    """The deterministic policy of a checkpoint of Box(S,) -> Box(-1, 1, (A,))."""

    module_class: str
    """Name of the module's class."""
    networks: SacNetworks | None
    """Of our own SAC, critics included."""
    layers: Layers = ()
    """Of any other actor: weight (in, out) and bias (out,) float32 of each layer."""
    form: ActorForm = field(default_factory=ActorForm)
    """How ``layers`` become an action."""
    settings: SacAlgorithmConfig | None = None
    """Of our own SAC, when the checkpoint is an algorithm's."""

    @classmethod
    def read(cls, folder: Path, *, trust_pickle: bool) -> RllibCheckpoint:
        """Load the checkpoint of an algorithm, or of a single module.

        Takes our SAC, and RLlib's own SAC and PPO with linear layers and ReLU or tanh. The action is the trained
        policy's own mode: tanh of the mean for SAC, the clipped mean for PPO. (RLlib 2.60 itself acts with SAC's
        mean *without* tanh when it does not explore.)

        Args:
            folder: Written by ``save_to_path``.
            trust_pickle: Whoever wrote the checkpoint may run any program here: loading it unpickles its files.

        Raises:
            PermissionError: ``trust_pickle`` is false; nothing was read.
            ValueError: no checkpoint, or one that holds no such policy; says what it holds.
        """
        if not trust_pickle:
            raise PermissionError(
                "an RLlib checkpoint is a pickle: reading it runs whatever its writer put into it"
            )
        module = _load_module(folder)
        if isinstance(module, SacRLModule):
            return cls(
                module_class=type(module).__name__, networks=module.networks, settings=_settings(folder)
            )
        layers, activation = _actor(module)
        return cls(
            module_class=type(module).__name__, networks=None, layers=layers, form=_form(module, activation)
        )


def _load_module(folder: Path) -> RLModule:
    if list(folder.rglob("*mean_std*")):
        raise ValueError("its observations went through a running mean-std filter, which a teacher has not")
    place = folder / _MODULE if (folder / _MODULE).is_dir() else folder
    if not (place / _ARGUMENTS).is_file():
        raise ValueError(f"is not the checkpoint of an RLlib algorithm or module (no {_MODULE}/{_ARGUMENTS})")
    try:
        return RLModule.from_checkpoint(str(place.resolve()))
    except Exception as error:  # unpickling may raise anything
        raise ValueError(f"RLlib cannot load it: {type(error).__name__}: {error}") from error


def _settings(folder: Path) -> SacAlgorithmConfig | None:
    if not (folder / _MODULE).is_dir():
        return None
    with open(folder / _ARGUMENTS, "rb") as file:
        (state, *_), _ = pickle.load(file)["ctor_args_and_kwargs"]
    return SacAlgorithmConfig.from_state(state)


def _actor(module: RLModule) -> tuple[Layers, Activation]:
    """Encoder and head of the policy as one chain of layers, and the activation between them."""
    encoder = getattr(module, "pi_encoder", None)
    if encoder is None:
        shared = getattr(module, "encoder", None)
        encoder = getattr(shared, "actor_encoder", None) or getattr(shared, "encoder", None)
    head = getattr(module, "pi", None)
    chains = [getattr(getattr(part, "net", None), "mlp", None) for part in (encoder, head)]
    parts: list[nn.Module] = [part for chain in chains if chain is not None for part in chain]
    if None in chains:
        raise ValueError(f"{type(module).__name__} has no plain MLP as its policy")
    others = [part for part in parts if not isinstance(part, nn.Linear | nn.ReLU | nn.Tanh)]
    kinds = {type(part) for part in parts} - {nn.Linear}
    if others or len(kinds) > 1 or not _alternates(parts):
        names = ", ".join(type(part).__name__ for part in parts)
        raise ValueError(f"its policy must be linear layers with ReLU or tanh between them: got {names}")
    layers = tuple(_arrays(part) for part in parts if isinstance(part, nn.Linear))
    return layers, "tanh" if nn.Tanh in kinds else "relu"


def _alternates(parts: list[nn.Module]) -> bool:
    return len(parts) % 2 == 1 and all(
        isinstance(part, nn.Linear) == (index % 2 == 0) for index, part in enumerate(parts)
    )


def _arrays(layer: nn.Linear) -> tuple[np.ndarray, np.ndarray]:
    bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias
    return layer.weight.detach().cpu().float().numpy().T, bias.detach().cpu().float().numpy()


def _form(module: Any, activation: Activation) -> ActorForm:
    _check_actions(module)
    distribution = module.get_inference_action_dist_cls()
    if issubclass(distribution, TorchSquashedGaussian):
        return ActorForm(
            activation=activation,
            squash="tanh",
            log_std="clipped",
            log_std_min=float(MIN_LOG_NN_OUTPUT),
            log_std_max=float(MAX_LOG_NN_OUTPUT),
        )
    if issubclass(distribution, TorchDiagGaussian):
        bound = float(module.pi.log_std_clip_param_const)
        return ActorForm(
            activation=activation, squash="clip", log_std="clipped", log_std_min=-bound, log_std_max=bound
        )
    raise ValueError(f"its actions must be Gaussian: got {distribution.__name__}")


def _check_actions(module: RLModule) -> None:
    low, high = (getattr(module.action_space, name, None) for name in ("low", "high"))
    if low is None:
        raise ValueError(f"its actions must be Gaussian: got those of {module.action_space}")
    if not (np.all(low == -1.0) and np.all(high == 1.0)):
        raise ValueError(f"its actions must lie in [-1, 1]: got {module.action_space}")
