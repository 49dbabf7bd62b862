"""The record of one episode: what was seen, done and labelled, with shapes checked when it is built."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

#: Version of the record's fields; a file of another version is refused by name.
EPISODE_VERSION = 1
#: Columns that an episode has for all of its steps or for none.
OPTIONAL_COLUMNS = frozenset({"expert_log_std"})


@dataclass(frozen=True, kw_only=True)
class EpisodeMeta:
    """What is true of the whole episode."""

    run: str
    round: int
    """DAgger round, 0 = bootstrap."""
    index: int
    """0..N-1 within the round; the id of an episode is (run, round, index)."""
    task: str
    seed: int
    """Environment seed; disjoint between rounds and from evaluation."""
    actor: str
    """Who acted: ``oracle``, ``oracle.noise_0.5``, ``expert.1f00d5ca1e00``, ``student``."""
    expert: str
    """Whose actions are the labels."""
    policy_version: str
    """sha256 of the student's weights, or the actor's name."""
    painter: str
    painter_version: str
    keyframe_interval: int
    cameras: tuple[str, ...]
    prompt_collection: str = ""
    robot: str = "sawyer"
    """The arm."""
    model_hash: str = ""
    """Of the simulated model (task, arm and dynamics); empty in files of before it was kept."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Episode:
    """T steps; row t holds the observation *before* action t and what followed from it.

    Arrays become read-only. Legend: T steps, P proprioception, S privileged, A action, C cameras,
    H x W pixels, B bodies, G visible sites.
    """

    meta: EpisodeMeta
    proprio: np.ndarray
    """(T, P) float32: what the student may know of its own body (m, gripper opening 0..1)."""
    privileged: np.ndarray
    """(T, S) float64: the teacher's observation."""
    action: np.ndarray
    """(T, A) float32 in [-1, 1]: executed."""
    expert_action: np.ndarray
    """(T, A) float32 in [-1, 1]: the label, whoever acted."""
    expert_acted: np.ndarray
    """(T,) bool: the beta draw, True where the expert's action was executed."""
    reward: np.ndarray
    """(T,) float32."""
    terminated: np.ndarray
    """(T,) bool."""
    truncated: np.ndarray
    """(T,) bool."""
    success: np.ndarray
    """(T,) bool: the task's own success flag after action t."""
    frames: np.ndarray
    """(T, C, H, W, 3) uint8 RGB, upright."""
    keyframe: np.ndarray
    """(T,) bool: painted (True) or warped from the last keyframe (False)."""
    prompt_id: np.ndarray
    """(T,) int32; -1 without prompts."""
    render_seed: np.ndarray
    """(T,) int64: the painter's seed."""
    camera_pose: np.ndarray
    """(T, C, 12) float32: position (3, m) and row-major rotation (9) of each camera in the world."""
    body_pos: np.ndarray
    """(T, B, 3) float64 m: world positions of the bodies, enough to draw the scene again."""
    body_quat: np.ndarray
    """(T, B, 4) float64: world orientations (w, x, y, z)."""
    site_pos: np.ndarray
    """(T, G, 3) float64 m: world positions of the sites."""
    step_seconds: np.ndarray
    """(T,) float32: wall time of the step."""
    expert_log_std: np.ndarray | None = None
    """(T, A) float32: of the expert's Gaussian before the squashing, whose squashed mean is the label; None when the
    expert is none (the oracle), and in files of before it was kept."""

    def __post_init__(self) -> None:
        length = self.proprio.shape[0] if self.proprio.ndim else 0
        if length < 1:
            raise ValueError("Episode must have at least one step")
        arrays = self.arrays()
        for name, (trailing, dtype) in _LAYOUT.items():
            if name in arrays or name not in OPTIONAL_COLUMNS:
                _check_array(name, getattr(self, name), length, trailing, dtype)
        for name in ("expert_action", "expert_log_std"):
            if name in arrays and arrays[name].shape != self.action.shape:
                raise ValueError(
                    f"{name} must be shaped like action {self.action.shape}: got {arrays[name].shape}"
                )
        if (
            self.camera_pose.shape[1] != self.frames.shape[1]
            or len(self.meta.cameras) != self.frames.shape[1]
        ):
            raise ValueError(
                f"frames have {self.frames.shape[1]} cameras, camera_pose {self.camera_pose.shape[1]}, "
                f"meta.cameras {len(self.meta.cameras)}"
            )

    def __len__(self) -> int:
        return int(self.proprio.shape[0])

    @property
    def succeeded(self) -> bool:
        """Whether the success flag was raised at any step (Meta-World's own criterion)."""
        return bool(self.success.any())

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays by field name; of the optional ones those that are there."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "meta"}
        return {name: value for name, value in values.items() if value is not None}


#: Trailing shape (None = any length) and dtype of every array.
_LAYOUT: dict[str, tuple[tuple[int | None, ...], type]] = {
    "proprio": ((None,), np.float32),
    "privileged": ((None,), np.float64),
    "action": ((None,), np.float32),
    "expert_action": ((None,), np.float32),
    "expert_acted": ((), np.bool_),
    "reward": ((), np.float32),
    "terminated": ((), np.bool_),
    "truncated": ((), np.bool_),
    "success": ((), np.bool_),
    "frames": ((None, None, None, 3), np.uint8),
    "keyframe": ((), np.bool_),
    "prompt_id": ((), np.int32),
    "render_seed": ((), np.int64),
    "camera_pose": ((None, 12), np.float32),
    "body_pos": ((None, 3), np.float64),
    "body_quat": ((None, 4), np.float64),
    "site_pos": ((None, 3), np.float64),
    "step_seconds": ((), np.float32),
    "expert_log_std": ((None,), np.float32),
}


def _check_array(
    name: str, array: np.ndarray, length: int, trailing: tuple[int | None, ...], dtype: type
) -> None:
    wanted = (length, *trailing)
    fits = array.ndim == len(wanted) and all(w is None or w == got for w, got in zip(wanted, array.shape))
    if not fits or array.dtype != dtype:
        shape = "(" + ", ".join("any" if w is None else str(w) for w in wanted) + ")"
        raise ValueError(
            f"{name} must be {shape} {np.dtype(dtype).name}: got {array.shape} {array.dtype} for T={length}"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        step = int(np.argwhere(~np.isfinite(array))[0][0])
        raise ValueError(f"{name} holds NaN or Inf at step {step}")
    array.flags.writeable = False
