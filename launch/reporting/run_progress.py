"""What is known of a run from its events so far: the state behind every display of progress."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from potstill.launch.reporting.report import success_of
from potstill.launch.reporting.success_rate import SuccessRate

Stage = Literal["starting", "rollouts", "training", "evaluation", "finished"]


@dataclass(kw_only=True)
class RoundProgress:
    """One round so far; None where nothing is known yet."""

    round: int
    phase: str = ""
    rollouts_done: int = 0
    rollouts_requested: int = 0
    frames: int = 0
    loss: float | None = None
    validation_loss: float | None = None
    success: SuccessRate | None = None


@dataclass(kw_only=True)
class StageProgress:
    """How far the current stage is, in its own unit (episodes, or a share of the training)."""

    done: float = 0.0
    requested: float = 0.0
    started: float = 0.0
    """Unix time of the stage's first event."""

    @property
    def fraction(self) -> float:
        """In [0, 1]."""
        return min(1.0, self.done / self.requested) if self.requested else 0.0


@dataclass(kw_only=True)
class RunProgress:
    """Folds events, in their order, into the state of the run."""

    recipe: str = ""
    task: str = ""
    last_round: int = 0
    """Index of the last round; the run has ``last_round + 1`` rounds."""
    stage: Stage = "starting"
    current_round: int = 0
    current: StageProgress = field(default_factory=StageProgress)
    rounds: dict[int, RoundProgress] = field(default_factory=dict)
    frames_per_second: float = 0.0
    samples_per_second: float = 0.0
    waiting: int = 0
    """Tasks in the queue."""
    leased: int = 0
    """Tasks in the hands of workers."""
    dashboard_url: str = ""
    """Where this session's Ray dashboard answers; empty without one."""
    worker_restarts: int = 0
    warnings: list[str] = field(default_factory=list)
    final: SuccessRate | None = None
    final_looks: dict[str, SuccessRate] = field(default_factory=dict)
    _rollouts: list[int] = field(default_factory=list)
    _seconds_per_rollout: float | None = None
    _seconds_per_training: float | None = None
    _seconds_per_evaluation: float | None = None

    def update(self, event: Mapping[str, Any]) -> None:
        """Take in the next event; unknown ones are ignored."""
        handler = getattr(self, f"_on_{event['event']}", None)
        if handler is not None:
            handler(event)

    def update_all(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take in a history."""
        for event in events:
            self.update(event)

    def eta_seconds(self, now: float) -> float | None:
        """Seconds left at unix time ``now``; None before each kind of stage was seen once."""
        if self.stage == "finished":
            return 0.0
        rollout, training, evaluation = (
            self._seconds_per_rollout,
            self._seconds_per_training,
            self._seconds_per_evaluation,
        )
        if rollout is None or training is None or evaluation is None:
            return None
        later = range(self.current_round + 1, self.last_round + 1)
        left = sum(self._requested(index) * rollout + training + evaluation for index in later)
        # One more evaluation: the best checkpoint on fresh seeds.
        left += evaluation
        stages: dict[str, float] = {
            "rollouts": self._requested(self.current_round) * rollout,
            "training": training,
            "evaluation": evaluation,
        }
        if self.stage in stages:
            order = list(stages)
            left += sum(stages[name] for name in order[order.index(self.stage) + 1 :])
            left += self._stage_seconds_left(stages[self.stage], now)
        return left

    def _stage_seconds_left(self, usual_seconds: float, now: float) -> float:
        """From the stage's own pace once a tenth of it is done, before that from the last one like it."""
        elapsed, fraction = max(0.0, now - self.current.started), self.current.fraction
        if fraction >= 0.1:
            return elapsed * (1.0 - fraction) / fraction
        return max(0.0, usual_seconds - elapsed)

    def _on_run_started(self, event: Mapping[str, Any]) -> None:
        self.recipe, self.task, self.last_round = event["recipe"], event["task"], event["rounds"]
        self._rollouts = list(event.get("rollouts", []))
        self.dashboard_url = ""
        self.stage = "starting"

    def _on_round_started(self, event: Mapping[str, Any]) -> None:
        known = self._round(event)
        known.phase, known.rollouts_requested = event["phase"], event["rollouts_requested"]
        self._enter("rollouts", event, requested=event["rollouts_requested"])

    def _on_rollouts_progress(self, event: Mapping[str, Any]) -> None:
        known = self._round(event)
        known.rollouts_done, known.rollouts_requested = event["done"], event["requested"]
        known.frames = event["frames"]
        self.frames_per_second = event["frames_per_second"] or 0.0
        self.waiting, self.leased = event["waiting"], event["leased"]
        self._advance("rollouts", event, done=event["done"], requested=event["requested"])

    def _on_rollouts_finished(self, event: Mapping[str, Any]) -> None:
        known = self._round(event)
        known.rollouts_done, known.frames = event["rollouts_committed"], event["frames"]
        self.waiting = self.leased = 0
        self._seconds_per_rollout = event["rollout_seconds"] / max(1, event["rollouts_committed"])
        self._enter("training", event, requested=1.0)

    def _on_training_progress(self, event: Mapping[str, Any]) -> None:
        known = self._round(event)
        known.loss = event.get("loss", known.loss)
        known.validation_loss = event.get("validation_loss", known.validation_loss)
        self.samples_per_second = event.get("samples_per_second") or 0.0
        done, requested = (event.get("step"), event.get("steps")) if "steps" in event else _epochs(event)
        self._advance("training", event, done=done or 0.0, requested=requested or 1.0)

    def _on_training_finished(self, event: Mapping[str, Any]) -> None:
        known = self._round(event)
        known.loss, known.validation_loss = event.get("loss"), event.get("validation_loss")
        self._seconds_per_training = event["train_seconds"]
        self._enter("evaluation", event)

    def _on_evaluation_progress(self, event: Mapping[str, Any]) -> None:
        self._advance("evaluation", event, done=event["done"], requested=event["requested"])

    def _on_evaluation_finished(self, event: Mapping[str, Any]) -> None:
        self._round(event).success = success_of(event)
        self._seconds_per_evaluation = event["evaluation_seconds"]

    def _on_final_evaluation_finished(self, event: Mapping[str, Any]) -> None:
        self.final = success_of(event)

    def _on_look_evaluation_finished(self, event: Mapping[str, Any]) -> None:
        self.final_looks[event["look"]] = success_of(event)

    def _on_worker_restarted(self, event: Mapping[str, Any]) -> None:
        self.worker_restarts += 1

    def _on_dashboard_started(self, event: Mapping[str, Any]) -> None:
        self.dashboard_url = event["url"]

    def _on_warning(self, event: Mapping[str, Any]) -> None:
        self.warnings.append(str(event["message"]))

    def _on_run_finished(self, event: Mapping[str, Any]) -> None:
        self.stage = "finished"

    def _round(self, event: Mapping[str, Any]) -> RoundProgress:
        index = event["round"]
        return self.rounds.setdefault(index, RoundProgress(round=index))

    def _requested(self, index: int) -> int:
        return self._rollouts[index] if index < len(self._rollouts) else 0

    def _enter(self, stage: Stage, event: Mapping[str, Any], *, requested: float = 0.0) -> None:
        self.stage, self.current_round = stage, event["round"]
        self.current = StageProgress(requested=requested, started=event["time"])

    def _advance(self, stage: Stage, event: Mapping[str, Any], *, done: float, requested: float) -> None:
        if (self.stage, self.current_round) != (stage, event["round"]):
            self._enter(stage, event)
        self.current.done, self.current.requested = done, requested


def _epochs(event: Mapping[str, Any]) -> tuple[float, float]:
    return event.get("epoch") or 0.0, event.get("epochs") or 1.0
