"""TensorBoard scalars of a run, written from the same events as everything else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill.launch.reporting.report import success_of

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

#: Scalars by event; the step is the round, except for training where it is the optimiser's step.
_SCALARS = {
    "rollouts_progress": ("frames_per_second", "waiting", "leased"),
    "rollouts_finished": (
        "frames",
        "render_calls",
        "rollout_seconds",
        "actor_success_rate",
        "duplicates",
        "lost",
    ),
    "training_progress": ("loss", "validation_loss", "samples_per_second"),
    "training_finished": ("train_seconds", "loss", "validation_loss"),
}


class TensorboardSink:
    """Writes event files into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: SummaryWriter | None = None
        self._ticks = 0

    def show(self, event: Mapping[str, Any]) -> None:
        """Write the event's scalars, if it has any."""
        name = event["event"]
        if name.endswith("evaluation_finished"):
            success = success_of(event)
            tag = name.removesuffix("_finished") + (f"/{event['look']}" if "look" in event else "")
            self._add(f"{tag}/success_rate", success.rate, event["round"], event["time"])
            self._add(f"{tag}/success_low", success.ci95[0], event["round"], event["time"])
            self._add(f"{tag}/success_high", success.ci95[1], event["round"], event["time"])
        self._ticks += name == "rollouts_progress"
        for key in _SCALARS.get(name, ()):
            self._add(f"{name}/{key}", event.get(key), self._step(event), event["time"])

    def close(self) -> None:
        """Flush and close the event file."""
        if self._writer is not None:
            self._writer.close()

    def _step(self, event: Mapping[str, Any]) -> int:
        if event["event"] == "training_progress":
            return int(event.get("step") or 0)
        return self._ticks if event["event"] == "rollouts_progress" else int(event["round"])

    def _add(self, tag: str, value: Any, step: int, time: float) -> None:
        if not isinstance(value, (int, float)):
            return
        if self._writer is None:
            # Only now: the import takes two seconds, and the first line of progress comes before it.
            # tensorboardX, not torch.utils.tensorboard: the runner has no need of torch.
            from tensorboardX import SummaryWriter

            self._writer = SummaryWriter(logdir=str(self._folder))
        self._writer.add_scalar(tag, value, step, walltime=time)
