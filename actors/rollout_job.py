"""The payload of a rollout or evaluation task: everything a worker needs to know, and nothing it must look up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from potstill.actors.rollout_config import StudentState
from potstill.actors.teacher_source import TeacherSource
from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.envs.rendering.render_config import RenderConfig


@dataclass(frozen=True, kw_only=True)
class RolloutJob:
    """One episode to act, label and (unless it is an evaluation) commit to the store."""

    purpose: Literal["rollout", "evaluation"]
    """An evaluation is acted by the student alone, ends at the first success and is not stored."""
    run: str
    round: int
    index: int
    """0..N-1 within its group."""
    task: str
    seed: int
    """Environment seed; also seeds the beta draws, the teacher's noise and the painter."""
    sigma: float
    """Noise of the acting teacher; 0 = none. Unused when a student acts."""
    checkpoint: str
    """Folder of the acting student's policy; empty = the teacher acts."""
    checkpoint_sha256: str
    """Expected hash of the student's weights."""
    beta: float
    """Probability per step that the expert's action is executed."""
    max_steps: int
    hold_steps: int
    """Steps recorded after the first success."""
    store: str
    """URL of the episode store."""
    render: RenderConfig
    robot: str = "sawyer"
    """The arm."""
    state: StudentState = "hand"
    """What the student is told beside its pictures."""
    prompt_id: int = -1
    """Of the episode's prompt in its collection; -1 without prompts."""
    prompt: Mapping[str, str] = field(default_factory=dict)
    """What the painter is told to paint."""
    prompt_file: str = ""
    """Pinned collection of which every look has another prompt; empty = ``prompt`` for the whole episode."""
    expert: TeacherSource = field(default_factory=TeacherSource)
    """Whose actions are the labels."""
    teacher: TeacherSource = field(default_factory=TeacherSource)
    """Who acts when no student does: the expert itself, or a step of its ladder."""

    def to_payload(self) -> dict[str, Any]:
        """A nested dict for the queue."""
        return asdict(self)

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> RolloutJob:
        """The inverse of ``to_payload``."""
        render = {**payload["render"], "cameras": tuple(payload["render"]["cameras"])}
        render["diffusion"] = DiffusionConfig(**render["diffusion"])
        teachers = {name: TeacherSource(**payload[name]) for name in ("expert", "teacher")}
        return cls(**{**payload, **teachers, "render": RenderConfig(**render)})

    @property
    def student_acts(self) -> bool:
        """Whether a student's network is in the loop."""
        return bool(self.checkpoint)
