"""The stages of a run and what each depends on: a finished stage is never redone, a changed input redoes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from potstill.envs.rendering.render_config import RenderConfig
from potstill.experience.atomic_write import write_atomically
from potstill.launch.dagger.config import DaggerConfig, Look
from potstill.launch.errors import BadInputError
from potstill.learners.bc.config import BcConfig


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of the run with everything its result depends on."""

    name: str
    """``round_01.rollout``, ``round_01.training``, ``round_01.evaluation``, ``final.evaluation`` or
    ``final.held_out.evaluation``."""
    inputs: Mapping[str, Any]
    """JSON values: settings and hashes of earlier outputs."""

    @property
    def key(self) -> str:
        """First 8 hex digits of the inputs' hash; part of the stage's task ids."""
        text = json.dumps(self.inputs, sort_keys=True, default=list)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def group(self) -> str:
        """The stage's group in the queue's ledger."""
        return f"{self.name}.{self.key}"


class StageLog:
    """One JSON file per finished stage under ``run_dir/stages``: its inputs and outputs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def outputs(self, stage: Stage) -> dict[str, Any] | None:
        """Outputs of this very stage (same inputs), or None when it has to be done."""
        record = self._read(stage.name)
        return record["outputs"] if record is not None and record["key"] == stage.key else None

    def why_redo(self, stage: Stage) -> str:
        """``not done yet``, or which input changed since it was done."""
        record = self._read(stage.name)
        if record is None:
            return "not done yet"
        fresh = json.loads(json.dumps(stage.inputs, default=list))
        changed = [
            key for key in sorted({*fresh, *record["inputs"]}) if fresh.get(key) != record["inputs"].get(key)
        ]
        return "changed: " + ", ".join(changed)

    def latest_outputs(self, name: str) -> dict[str, Any] | None:
        """Outputs of the stage of that name, whatever its inputs were; None when it was never finished."""
        record = self._read(name)
        return None if record is None else record["outputs"]

    def finish(self, stage: Stage, outputs: Mapping[str, Any]) -> None:
        """Record the outputs; atomic and durable."""
        record = {"name": stage.name, "key": stage.key, "inputs": stage.inputs, "outputs": outputs}
        write_atomically(self._path(stage.name), json.dumps(record, indent=1, default=list).encode())

    def forget(self, name: str) -> None:
        """The outputs of the stage of that name are gone: it has to be done again, whatever its inputs."""
        self._path(name).unlink(missing_ok=True)

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self._path(name)
        if not path.exists():
            return None
        try:
            record = json.loads(path.read_bytes())
            return {key: record[key] for key in ("key", "inputs", "outputs")}
        except (ValueError, KeyError, TypeError):
            raise BadInputError(f"{path}: is damaged; remove it to do that stage again") from None

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"


def rollout_stage(config: DaggerConfig, round_index: int, student_sha256: str) -> Stage:
    """Collecting a round. Depends on the student only when it acts."""
    on_policy = config.phase_of(round_index) == "on_policy"
    inputs = {
        "task": config.task,
        "seed": config.seed,
        "rollouts": config.rollouts_of(round_index),
        "max_steps": config.rollout.max_steps,
        "hold_steps": config.rollout.hold_steps,
        "render": _render_inputs(config.render),
        "expert": config.teacher.expert,
    }  # a pinned expert is named by its hash: another one is another input
    inputs |= _other_world(config)
    if on_policy:
        inputs |= {"student": student_sha256, "beta": config.beta.beta(round_index)}
    else:
        teacher = asdict(config.teacher)
        if not config.teacher.ladder_experts:  # a run of before there were any goes on as it began
            teacher.pop("ladder_experts")
        inputs |= {"collection": config.collection, "teacher": teacher}
    return Stage(name=f"round_{round_index:02d}.rollout", inputs=inputs)


def training_stage(
    config: DaggerConfig, round_index: int, manifests: list[str], initial_sha256: str
) -> Stage:
    """Training on the union of all rounds so far."""
    inputs = {
        "seed": config.seed,
        "manifests": manifests,
        "initial_policy": initial_sha256,
        "policy": asdict(config.policy),
        "learner": _learner_inputs(config.learner),
    }
    return Stage(name=f"round_{round_index:02d}.training", inputs=inputs)


def evaluation_stage(
    config: DaggerConfig, round_index: int | None, policy_sha256: str, *, look: Look | None = None
) -> Stage:
    """Closed-loop evaluation of a round's policy, or (None) of the best one on seeds of its own.

    Args:
        config: The run's.
        round_index: None for the final evaluations.
        policy_sha256: Empty: the expert itself acts.
        look: One of ``evaluation.final_looks``; None for the look by which the best round is chosen.
    """
    final = round_index is None
    inputs = {
        "task": config.task,
        "policy": policy_sha256,
        "episodes": config.evaluation.final_episodes if final else config.evaluation.episodes,
        "max_steps": config.evaluation.max_steps,
        "render": _render_inputs(evaluation_render(config, look)),
    }
    if (look or config.evaluation.look) != "seen":
        inputs["look"] = look or config.evaluation.look
    if not policy_sha256:
        inputs["expert"] = config.teacher.expert
    inputs |= _other_world(config)
    name = "final" if final else f"round_{round_index:02d}"
    return Stage(name=f"{name}.{look}.evaluation" if look else f"{name}.evaluation", inputs=inputs)


def evaluation_render(config: DaggerConfig, look: Look | None = None) -> RenderConfig:
    """What the student is shown while it is evaluated on one of the final looks, or (None) as in training."""
    if look is None:
        plain = config.evaluation.look == "plain"
        return replace(config.render, painter="mujoco") if plain else config.render
    # Painted at every step, as a camera takes pictures: warping is a thrift of training.
    every_step = replace(config.render, keyframe_interval=1)
    if look == "plain":
        return replace(every_step, painter="mujoco")
    return every_step if every_step.takes_prompts else replace(every_step, painter="procedural")


def _learner_inputs(learner: BcConfig) -> dict[str, Any]:
    """Without a setting that is as it was before there was one, as for pictures."""
    inputs = asdict(learner)
    if inputs["privileged_weight"] == 0.0:
        inputs.pop("privileged_weight")
    return inputs


def _render_inputs(render: RenderConfig) -> dict[str, Any]:
    """Without settings that are as they were before there were any: a run of then goes on as it began."""
    inputs = asdict(render)
    for name, before in (("between", "warp"), ("look_steps", 0)):
        if inputs[name] == before:
            inputs.pop(name)
    if not render.takes_prompts:
        for name in ("prompt_collection", "prompt_strength"):
            inputs.pop(name)
    if render.painter != "diffusion":
        inputs.pop("diffusion")
    else:  # its files are known by their hash, wherever they lie
        for name in ("model", "controlnet"):
            inputs["diffusion"].pop(name)
    return inputs


def _other_world(config: DaggerConfig) -> dict[str, str]:
    """Arm and state, unless they are what they were before there were others: such a run goes on as it began."""
    arm = {} if config.robot == "sawyer" else {"robot": config.robot}
    return arm if config.rollout.state == "hand" else arm | {"state": config.rollout.state}


def best_round(successes: Sequence[float]) -> int:
    """The round whose policy succeeded most often; of equals the latest, which has seen most data."""
    return max(range(len(successes)), key=lambda index: (successes[index], index))
