"""Behaviour cloning of the expert's actions from pixels (Ross et al. 2011: DAgger's learning step)."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.episode_dataset import Batch, EpisodeDataset
from potstill.experience.errors import ArrayFileError
from potstill.learners.bc.augmentation import RandomShift
from potstill.learners.bc.config import BcConfig
from potstill.learners.bc.errors import TrainingDivergedError
from potstill.learners.bc.metrics import BcMetrics, BcResult
from potstill.learners.bc.optimisation import Optimisation
from potstill.learners.bc.privileged_readout import PrivilegedReadout
from potstill.policies.observation_shape import ObservationShape
from potstill.policies.pixel_policy import PixelPolicy
from potstill.policies.pixel_policy_config import PixelPolicyConfig
from potstill.policies.policy_checkpoint import load_policy, save_policy

#: Name of the file to resume from, beside the policy.
STATE_FILE = "training_state.safetensors"
_KIND = "potstill.bc_state.1"
_LOG = logging.getLogger(__name__)


@dataclass(kw_only=True)
class _Progress:
    """Counters that survive a crash."""

    step: int = 0
    """Steps done."""
    first_loss: float | None = None
    seconds: float = 0.0
    train_loss: float = float("nan")
    validation_loss: float | None = None


class BcLearner:
    """Trains one round's student on the rounds of a data set.

    ::

        resume from training_state, else begin (warm start or random)
          for each step:  batch <- disk (a pure function of seed and step);  gradient step
              every report_every_steps, epoch end:  check the losses, report
              every checkpoint_every_steps:         check, then replace training_state
        write the policy

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
        on_metrics: Callable[[BcMetrics], None] = lambda metrics: None,
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
        self._device = _choose_device(config.device)
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
        with _torch_threads(self._threads):
            progress = self._resume()
            self._run(progress)
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

    def _run(self, progress: _Progress) -> None:
        """The loop: one batch, one step; look at the losses only now and then, which costs a GPU a stall."""
        self._optimisation.policy.train()
        config, pending, samples = self._config, [], 0
        before, began = progress.seconds, time.perf_counter()
        for batch in self._batches(progress.step):
            pending.append(self._optimisation.step(batch, progress.step))
            progress.step += 1
            samples += len(batch["weight"])
            done = progress.step == self._total
            epoch_ends = done or progress.step % self._per_epoch == 0
            checkpoint = done or progress.step % config.checkpoint_every_steps == 0
            if epoch_ends or checkpoint or progress.step % config.report_every_steps == 0:
                progress.train_loss = self._check(pending, progress)
                pending = []
                if epoch_ends:
                    progress.validation_loss = self._validate()
                elapsed = time.perf_counter() - began
                progress.seconds = before + elapsed
                self._report(progress, epoch_ends, samples / elapsed)
            if checkpoint:
                self._save(progress)

    def _batches(self, start: int) -> Iterator[dict[str, torch.Tensor]]:
        batches = self._dataset.training_batches(
            batch_size=self._config.batch_size,
            seed=self._seed,
            start=start,
            stop=self._total,
            transform=RandomShift(self._config.random_shift),
            allocate=self._allocate,
        )
        return self._on_device(batches)

    def _on_device(self, batches: Iterable[Batch]) -> Iterator[dict[str, torch.Tensor]]:
        """Batches as tensors; a buffer goes back to the reading thread only when its copy has landed."""
        for batch in batches:
            tensors = {
                name: torch.from_numpy(array).to(self._device, non_blocking=True)
                for name, array in batch.items()
            }
            landed = torch.cuda.Event() if self._device.type == "cuda" else None
            if landed:
                landed.record()
            yield tensors
            if landed:
                landed.synchronize()

    def _allocate(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        if self._device.type != "cuda":
            return np.empty(shape, dtype)
        kind = torch.from_numpy(np.empty(0, dtype)).dtype
        return torch.empty(shape, dtype=kind, pin_memory=True).numpy()

    @torch.no_grad()
    def _validate(self) -> float | None:
        total, weight = 0.0, 0
        batches = self._dataset.validation_batches(
            batch_size=self._config.batch_size, allocate=self._allocate
        )
        with self._optimisation.averaged() as policy:
            policy.eval()
            for batch in self._on_device(batches):
                size = len(batch["weight"])
                total += self._optimisation.loss(batch).item() * size
                weight += size
            policy.train()
        return total / weight if weight else None

    def _check(self, pending: list[torch.Tensor], progress: _Progress) -> float:
        """Mean of the losses since the last look; raises TrainingDivergedError at the first bad one."""
        losses = torch.stack(pending).double().cpu().numpy()
        if progress.first_loss is None:
            progress.first_loss = float(losses[0])
        limit = self._config.explosion_ratio * max(abs(progress.first_loss), 1.0)
        for offset, loss in enumerate(losses):
            if not math.isfinite(loss) or loss > limit:
                step = progress.step - len(losses) + offset
                raise TrainingDivergedError(step=step, value=float(loss), limit=limit)
        return float(losses.mean())

    def _report(self, progress: _Progress, epoch_ends: bool, samples_per_second: float) -> None:
        self._on_metrics(
            BcMetrics(
                step=progress.step,
                total_steps=self._total,
                epoch=progress.step / self._per_epoch,
                loss=progress.train_loss,
                validation_loss=progress.validation_loss if epoch_ends else None,
                learning_rate=self._optimisation.learning_rate(progress.step - 1),
                samples_per_second=samples_per_second,
            )
        )

    def _save(self, progress: _Progress) -> None:
        arrays, facts = self._optimisation.state()
        facts |= {"fingerprint": self._fingerprint, "progress": asdict(progress)}
        write_array_file(self._folder / STATE_FILE, arrays, facts, kind=_KIND)

    def _resume(self) -> _Progress:
        path = self._folder / STATE_FILE
        if not path.exists():
            return _Progress()
        try:
            arrays, facts, _ = read_array_file(path, kind=_KIND)
        except ArrayFileError as error:
            _LOG.warning("beginning anew: %s", error)
            return _Progress()
        if facts["fingerprint"] != self._fingerprint:
            _LOG.warning("beginning anew: %s is of other settings, data or weights", path)
            return _Progress()
        self._optimisation.restore(arrays, facts)
        return _Progress(**facts["progress"])

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


def _choose_device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be auto or cpu on this machine: got 'cuda', but torch finds no GPU")
    return torch.device(name)


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
