"""Behaviour cloning of the expert's actions from pixels (Ross et al. 2011: DAgger's learning step)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from potstill.experience.episode_dataset import EpisodeDataset
from potstill.experience.errors import ArrayFileError
from potstill.learners.bc.config import BcConfig
from potstill.learners.bc.optimisation import Optimisation
from potstill.learners.bc.privileged_readout import PrivilegedReadout
from potstill.learners.bc.result import BcResult
from potstill.learners.bc.trainee import BcTrainee
from potstill.learners.torch_device import choose_device, torch_threads
from potstill.learners.training_loop import TrainingLoop
from potstill.learners.training_metrics import TrainingMetrics
from potstill.policies.observation_shape import ObservationShape
from potstill.policies.pixel_policy import PixelPolicy
from potstill.policies.pixel_policy_config import PixelPolicyConfig
from potstill.policies.policy_checkpoint import load_policy, save_policy

_KIND = "potstill.bc_state.1"


class BcLearner:
    """Trains one round's student on the rounds of a data set.

    The loop is ``TrainingLoop``; the batches are streamed from disk; in the end the policy is written.
    On a CPU the weights are a pure function of configuration, data, seed and thread count: a training that
    was killed and resumed ends in the same bits as one that was not.
    """

    def __init__(
        self,
        config: BcConfig,
        policy_config: PixelPolicyConfig,
        dataset: EpisodeDataset,
        folder: Path,
        *,
        seed: int,
        threads: int = 1,
        start_from: Path | None = None,
        on_metrics: Callable[[TrainingMetrics], None] = lambda metrics: None,
    ) -> None:
        """``folder`` is the round's checkpoint folder; ``start_from`` the previous round's, if there was one.

        Raises:
            ValueError: settings that do not fit each other or this machine.
            ArrayFileError: ``start_from`` is unreadable or holds another network.
        """
        if dataset.frame_stack != policy_config.frame_stack:
            raise ValueError(
                f"frame_stack of policy ({policy_config.frame_stack}) and data ({dataset.frame_stack}) differ"
            )
        self._config, self._dataset, self._folder = config, dataset, folder
        self._seed, self._threads, self._on_metrics = seed, threads, on_metrics
        self._device = choose_device(config.device)
        self._per_epoch = dataset.batches_per_epoch(config.batch_size)
        self._total = config.gradient_steps or (config.epochs or 1) * self._per_epoch
        policy, origin = self._first_policy(policy_config, start_from if config.start == "warm" else None)
        memory = torch.channels_last if self._device.type == "cuda" else torch.preserve_format
        # torch's stubs lack this argument.
        policy = policy.to(self._device, memory_format=memory)  # type: ignore[call-overload]
        readout = self._first_readout(policy)
        self._optimisation = Optimisation(
            policy, config, total_steps=self._total, device=self._device, readout=readout
        )
        facts = [asdict(config), asdict(policy_config), dataset.fingerprint, seed, origin]
        self._fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def train(self) -> BcResult:
        """Train to the end, from where an earlier attempt stopped. A finished training is not repeated.

        Raises:
            TrainingDivergedError: the loss left its bounds; the last good state stays.
            EpisodeFileError: an episode became unreadable.
            StoreFullError: no space for a checkpoint; the last good one stays.
        """
        with torch_threads(self._threads):
            progress = self._loop().run(self._trainee())
            with self._optimisation.averaged() as policy:
                sha256 = save_policy(self._folder, policy)
        return BcResult(
            folder=self._folder,
            sha256=sha256,
            steps=progress.step,
            epochs=progress.step / self._per_epoch,
            train_loss=progress.train_loss,
            validation_loss=progress.validation_loss,
            train_samples=self._dataset.samples("train"),
            validation_samples=self._dataset.samples("validation"),
            seconds=progress.seconds,
        )

    def _loop(self) -> TrainingLoop:
        return TrainingLoop(
            folder=self._folder,
            kind=_KIND,
            fingerprint=self._fingerprint,
            total_steps=self._total,
            steps_per_epoch=self._per_epoch,
            report_every_steps=self._config.report_every_steps,
            checkpoint_every_steps=self._config.checkpoint_every_steps,
            explosion_ratio=self._config.explosion_ratio,
            on_metrics=self._on_metrics,
        )

    def _trainee(self) -> BcTrainee:
        return BcTrainee(
            self._optimisation,
            self._dataset,
            self._config,
            seed=self._seed,
            total_steps=self._total,
            device=self._device,
        )

    def _first_policy(self, config: PixelPolicyConfig, start_from: Path | None) -> tuple[PixelPolicy, str]:
        """The weights to begin with, and where they are from."""
        sizes = self._dataset.sample_shapes
        _, cameras, height, width, _ = sizes["frames"]
        shape = ObservationShape(
            cameras=cameras,
            height=height,
            width=width,
            proprio=sizes["proprio"][1],
            actions=sizes["expert_action"][0],
        )
        if start_from is not None:
            policy, sha256 = load_policy(start_from)
            if (policy.config, policy.shape) != (config, shape):
                raise ArrayFileError(
                    f"{start_from}: holds {policy.config} {policy.shape}, wanted {config} {shape}"
                )
            return policy, sha256
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            policy = PixelPolicy(config, shape)
        mean, std = self._dataset.statistics("proprio")
        policy.set_normaliser(torch.from_numpy(mean), torch.from_numpy(std))
        return policy, "random"

    def _first_readout(self, policy: PixelPolicy) -> PrivilegedReadout | None:
        """A new one each round: it is linear, and found again within some hundred steps."""
        if self._config.privileged_weight == 0.0:
            return None
        if "privileged" not in self._dataset.targets:
            raise ValueError("privileged_weight needs a data set with privileged=True")
        mean, std = map(torch.from_numpy, self._dataset.statistics("privileged"))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            features = len(policy.encoders) * policy.config.features
            return PrivilegedReadout(features, mean, std).to(self._device)
