"""RLlib's learner around ``SacUpdater``: many updates per call, nothing of RLlib between two of them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import torch
import torch.distributed
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.utils.metrics import ALL_MODULES, NUM_ENV_STEPS_TRAINED_LIFETIME
from ray.rllib.utils.numpy import convert_to_numpy
from ray.rllib.utils.torch_utils import convert_to_torch_tensor
from torch import Tensor

from potstill.learners.sac.errors import DivergedError
from potstill.learners.sac.sac_updater import SacUpdater

#: Beyond this a critic's loss only grows (the reference raises there too).
_MAX_CRITIC_LOSS = 1e8
#: Separates the noise inside the losses from every other use of the run's seed.
_NOISE_STREAM = 0x5AC


class SacLearner(TorchLearner):
    """Trains on stacks of minibatches: arrays (K, B, ...) by name, K updates of B transitions each.

    With several learners each gets B / n of every minibatch, and gradients are averaged before every optimiser step.
    """

    updater: SacUpdater
    config: Any  # a SacAlgorithmConfig

    def build(self) -> None:
        """Build networks and optimisers on this learner's device."""
        torch.set_num_threads(self.config.torch_threads)
        super().build()

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """Register the updater's three optimisers."""
        module: Any = self.module[module_id]
        sac, shaping = self.config.sac, self.config.shaping
        self.updater = SacUpdater(
            module.networks,
            sac,
            seed=self._noise_seed(0),
            potential_weight=sac.reward_scale * shaping.weight,
        )
        for name, optimizer in (
            ("actor", self.updater.actor_optimizer),
            ("critic", self.updater.critic_optimizer),
            ("alpha", self.updater.alpha_optimizer),
        ):
            parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            self.register_optimizer(
                module_id=module_id, optimizer_name=name, optimizer=optimizer, params=parameters
            )
            if self.distributed:
                optimizer.register_step_pre_hook(_average_gradients)

    def update(  # type: ignore[override]  # the learner group gives nothing else
        self, training_data: TrainingData, *, timesteps: dict[str, Any] | None = None, **_: Any
    ) -> dict[str, Any]:
        """One update per minibatch of the stack.

        Args:
            training_data: The stack, alone in ``batches`` or in ``batch``.
            timesteps: Lifetime counters, for RLlib's hooks.

        Raises:
            DivergedError: a loss is not finite, or the critic's is above 1e8.
        """
        self.before_gradient_based_update(timesteps=timesteps or {})
        stack: Any = training_data.batch if training_data.batches is None else training_data.batches[0]
        tensors = {name: torch.tensor(array, device=self.device) for name, array in stack.items()}
        before, measured = self.updater.updates, defaultdict(list)
        for index in range(len(tensors["reward"])):
            scalars = self.updater.update({name: tensor[index] for name, tensor in tensors.items()})
            for name, scalar in scalars.items():
                measured[name].append(scalar)
        self._log({name: torch.stack(scalars).cpu().numpy() for name, scalars in measured.items()}, before)
        self.metrics.log_value(
            (ALL_MODULES, NUM_ENV_STEPS_TRAINED_LIFETIME),
            tensors["reward"].numel(),
            reduce="lifetime_sum",
            with_throughput=True,
        )
        self.after_gradient_based_update(timesteps=timesteps or {})
        return self.metrics.reduce()

    def compute_loss_for_module(self, **_: Any) -> Tensor:
        """SAC has three losses with an optimiser each and no sum of them; ``update`` runs them.

        Raises:
            TypeError: always.
        """
        raise TypeError("SacLearner has no single loss: call update()")

    def _log(self, measured: dict[str, np.ndarray], before: int) -> None:
        # Only the critic is updated every time, but a bad actor shows in the critic's next target.
        losses = measured["critic_loss"]
        bad = np.flatnonzero(~(losses <= _MAX_CRITIC_LOSS))
        if len(bad):
            raise DivergedError(before + int(bad[0]) + 1, "critic_loss", float(losses[bad[0]]))
        for name, values in measured.items():
            if not np.isfinite(values).all():
                raise DivergedError(self.updater.updates, name, float(values[~np.isfinite(values)][0]))
            self.metrics.log_value((DEFAULT_MODULE_ID, name), float(values.mean()), reduce="mean")
        self.metrics.log_value(
            (DEFAULT_MODULE_ID, "num_updates_lifetime"), self.updater.updates, reduce="max"
        )

    def _get_optimizer_state(self) -> dict[str, Any]:
        state: Any = convert_to_numpy(self.updater.state_dict(), reduce_type=False)
        return state

    def _set_optimizer_state(self, state: dict[str, Any]) -> None:
        loaded = dict(state)
        for name in ("actor", "critic", "alpha"):
            buffers = convert_to_torch_tensor(state[name]["state"], device=self.device)
            loaded[name] = {**state[name], "state": buffers}
        loaded["generator"] = self._generator_state(state["generator"], state["updates"])
        self.updater.load_state_dict(loaded)

    def _generator_state(self, saved: np.ndarray, updates: int) -> Tensor:
        """The saved state where it fits; it is the first learner's, and CPU and CUDA generators differ."""
        present = self.updater.state_dict()["generator"]
        if self._learner_index == 0 and len(saved) == len(present):
            return torch.tensor(saved)
        return torch.Generator(self.device).manual_seed(self._noise_seed(updates)).get_state()

    def _noise_seed(self, updates: int) -> int:
        entropy = (self.config.run_seed, _NOISE_STREAM, self._learner_index, updates)
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])

    def _make_modules_ddp_if_necessary(self) -> None:
        # No wrapper: a DDP module averages in its own backward(), and the updater takes gradients by autograd.grad.
        if self.distributed:
            module: Any = self.module[DEFAULT_MODULE_ID]
            for tensor in module.state_dict().values():
                torch.distributed.broadcast(tensor, src=0)


def _average_gradients(optimizer: torch.optim.Optimizer, *_: Any) -> None:
    """The mean over all learners, in one message."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    flat = torch.cat([parameter.grad.flatten() for parameter in parameters])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    parts = flat.split([parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = part.view_as(parameter)
