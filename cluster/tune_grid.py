"""Trials on Ray Tune: each one a process of its own, retried when it dies, stopped when it falls behind, resumable."""

from __future__ import annotations

import logging
import pickle
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal, Protocol, cast

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler

from potstill.cluster.ray_session import ray_session

#: Ray's accounts of a death are long.
_REASON_LENGTH = 200

TrialState = Literal["waiting", "running", "finished", "stopped", "failed"]

#: What Tune reads when it starts; for the launcher to put into the environment.
TUNE_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing leaves the machine unasked
    "RAY_AIR_NEW_OUTPUT": "0",  # progress is told in our own words
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # a trial keeps its own events
    "TUNE_FORCE_TRIAL_CLEANUP_S": "60",  # a stopped trial writes its checkpoint before its process is ended
}


class TrialSession(Protocol):
    """One trial at work, in its own process. It keeps its progress in a folder of its own: opening goes on."""

    def advance(self) -> dict[str, Any]:
        """Work for some seconds; returns figures, among them ``finished`` (bool) and what the scheduler compares."""

    def close(self) -> None:
        """Write a checkpoint and give back what is held; no other call follows."""


#: Opens a trial from its parameters; must be importable by name in the trial's process.
OpenTrial = Callable[[Mapping[str, Any]], TrialSession]


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """One trial."""

    name: str
    """Unique in its grid; a folder name."""
    parameters: Mapping[str, Any]
    """JSON values for ``OpenTrial``."""


@dataclass(frozen=True, kw_only=True)
class AshaConfig:
    """Asynchronous successive halving: at rungs of ``time`` only the best of the trials go on."""

    metric: str
    """Figure to compare."""
    mode: Literal["max", "min"]
    """Which of two figures is better."""
    time: str
    """Figure that says how far a trial is."""
    first: int
    """``time`` of the first rung."""
    last: int
    """``time`` after which nothing is stopped any more."""
    factor: int = 3
    """One of so many goes on at each rung."""


@dataclass(frozen=True, kw_only=True)
class GridConfig:
    """How trials share a machine or a cluster."""

    concurrent: int
    """Trials at a time, >= 1."""
    cpus: float = 1.0
    """Cores each trial reserves."""
    gpus: float = 0.0
    """GPUs each trial reserves."""
    retries: int = 3
    """Starts of a trial after its process died or raised, before it is given up."""
    asha: AshaConfig | None = None
    """None: every trial runs to its own end."""

    def __post_init__(self) -> None:
        if self.concurrent < 1:
            raise ValueError(f"concurrent must be at least 1: got {self.concurrent}")


class TuneGrid:
    """``run`` does all trials; after an interruption another ``TuneGrid`` on the same folder goes on.

    Args:
        folder: Of Tune's own records. A trial's results are in the folder that its session chooses.
        open_trial: Makes a session in the trial's process.
        listen: Called in this process with (trial's name, its state, its newest figures) at every change; after a
            failure the figures hold ``error``.
    """

    def __init__(
        self,
        folder: Path,
        config: GridConfig,
        *,
        open_trial: OpenTrial,
        listen: Callable[[str, TrialState, Mapping[str, Any]], None],
    ) -> None:
        self._folder = folder.resolve()
        self._config = config
        self._open_trial = open_trial
        self._listen = listen

    def run(self, trials: Sequence[TrialSpec], *, address: str | None = None) -> dict[str, TrialState]:
        """Every trial's last state by name. Trials that ended in an earlier ``run`` on the folder are not redone.

        Args:
            trials: The same in every ``run`` on a folder.
            address: Of a running Ray cluster; None starts a local Ray that ends with this call.

        Raises:
            KeyboardInterrupt: SIGINT or SIGTERM; running trials wrote a checkpoint.
        """
        states = _States(self._listen)
        cores = self._config.concurrent * self._config.cpus
        gpus = self._config.concurrent * self._config.gpus
        # What goes wrong with a trial is told in our own words.
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
        with ray_session(cpus=cores, gpus=gpus, address=address), _terminate_as_interrupt():
            for trial in self._fit(trials, states):
                states.settle(trial)
        ended = {name: state for name, state in states.last.items() if state not in ("waiting", "running")}
        if len(ended) < len(trials):
            raise KeyboardInterrupt
        return ended

    def _fit(self, trials: Sequence[TrialSpec], states: _States) -> list[Trial]:
        trainable = tune.with_resources(
            tune.with_parameters(_SessionTrainable, open_trial=self._open_trial),
            {"cpu": self._config.cpus, "gpu": self._config.gpus},
        )
        # A grid of whole trials, not of single settings: each is named by what it is, in every session.
        space = {"trial": tune.grid_search([{"name": t.name, **t.parameters} for t in trials])}
        tuner = self._restored(trainable, space) or tune.Tuner(
            trainable,
            param_space=space,
            tune_config=tune.TuneConfig(
                scheduler=_scheduler(self._config.asha),
                max_concurrent_trials=self._config.concurrent,
                trial_name_creator=_name,
                trial_dirname_creator=_name,
            ),
            run_config=self._run_config(),
        )
        # Callbacks of ours, also where Tune restored what it knew of the trials.
        cast(Any, tuner)._local_tuner.get_run_config().callbacks = [states]
        return list(tuner.fit()._experiment_analysis.trials)

    def _restored(self, trainable: Any, space: dict[str, Any]) -> tune.Tuner | None:
        """What Tune remembers of an earlier run; None when there was none, or it was killed while remembering."""
        if not tune.Tuner.can_restore(str(self._folder)):
            return None
        try:
            return tune.Tuner.restore(
                str(self._folder), trainable, resume_unfinished=True, resume_errored=True, param_space=space
            )
        except (EOFError, pickle.UnpicklingError):
            # No loss: a trial's progress is in its own folder, and one that has finished says so at once.
            shutil.rmtree(self._folder)
            return None

    def _run_config(self) -> tune.RunConfig:
        return tune.RunConfig(
            storage_path=str(self._folder.parent),
            name=self._folder.name,
            failure_config=tune.FailureConfig(max_failures=self._config.retries),
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
            verbose=0,
        )


class _SessionTrainable(tune.Trainable):
    """A session in Tune's words. Checkpoints are the session's own: setting up is resuming."""

    def setup(self, config: dict[str, Any], open_trial: OpenTrial | None = None) -> None:
        assert open_trial is not None, "tune.with_parameters gives it"
        self._session = open_trial({k: v for k, v in config["trial"].items() if k != "name"})

    def step(self) -> dict[str, Any]:
        figures = self._session.advance()
        return {**figures, "done": bool(figures["finished"])}

    def cleanup(self) -> None:
        self._session.close()


class _States(tune.Callback):
    """What is known of every trial."""

    def __init__(self, listen: Callable[[str, TrialState, Mapping[str, Any]], None]) -> None:
        self._listen = listen
        self.last: dict[str, TrialState] = {}
        self._figures: dict[str, Mapping[str, Any]] = {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._tell(trial, "running")

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        self._figures[_name(trial)] = result
        self._tell(trial, "running")

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._tell(trial, "waiting", error=_reason(trial))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._end(trial)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._tell(trial, "failed", error=_reason(trial))

    def settle(self, trial: Trial) -> None:
        """Tell how a trial ended, if nobody was told: it ended in an earlier run."""
        if _name(trial) in self.last or trial.status not in (Trial.TERMINATED, Trial.ERROR):
            return
        self._figures[_name(trial)] = trial.last_result or {}
        if trial.status == Trial.ERROR:
            self._tell(trial, "failed", error=_reason(trial))
        else:
            self._end(trial)

    def _end(self, trial: Trial) -> None:
        figures = self._figures.get(_name(trial), {})
        self._tell(trial, "finished" if figures.get("finished") else "stopped")

    def _tell(self, trial: Trial, state: TrialState, **more: Any) -> None:
        name = _name(trial)
        self.last[name] = state
        self._listen(name, state, {**self._figures.get(name, {}), **more})


def _name(trial: Trial) -> str:
    return str(trial.config["trial"]["name"])


def _reason(trial: Trial) -> str:
    """The last line of what Tune knows of a trial's failure."""
    lines = Path(trial.error_file).read_text().strip().splitlines() if trial.error_file else []
    return lines[-1].strip()[:_REASON_LENGTH] if lines else "its process died"


def _scheduler(asha: AshaConfig | None) -> TrialScheduler:
    if asha is None:
        return FIFOScheduler()
    return ASHAScheduler(
        time_attr=asha.time,
        metric=asha.metric,
        mode=asha.mode,
        grace_period=asha.first,
        max_t=asha.last,
        reduction_factor=asha.factor,
    )


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does: Tune stops the trials in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
