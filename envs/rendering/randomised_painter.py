"""Classic domain randomisation: every seed is another room, other light and a slightly moved camera."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import mujoco
import numpy as np

from potstill.envs.rendering.painter import PainterCapabilities
from potstill.envs.rendering.records import RenderRequest

_RGB = int(mujoco.mjtTextureRole.mjTEXROLE_RGB)
#: All that is edited, and put back afterwards.
_MODEL_FIELDS = (
    "geom_rgba", "mat_rgba", "mat_texid", "mat_specular", "mat_shininess",
    "light_diffuse", "light_ambient", "light_specular", "light_dir", "cam_pos", "cam_quat", "cam_fovy",
)  # fmt: skip
_HEADLIGHT_FIELDS = ("ambient", "diffuse", "specular")


@dataclass(frozen=True, kw_only=True)
class RandomisedPainterConfig:
    """How far a scene may stray from its plain look. 0 everywhere gives the plain look."""

    colour: float = 0.7
    """0..1: mixes each colour with a random one by up to this share."""
    texture_probability: float = 0.5
    """0..1: chance that a textured material wears another texture of the model, or none."""
    light: float = 0.5
    """0..1: relative change of every light's strength, and how far directions turn (1 = about 45 degrees)."""
    camera_position: float = 0.01
    """m: standard deviation of the cameras' positions, 0..0.2."""
    camera_angle: float = 1.0
    """Degrees: standard deviation of the cameras' orientations about each axis, 0..20."""
    camera_fovy: float = 0.5
    """Degrees: standard deviation of the field of view, 0..5."""

    def __post_init__(self) -> None:
        limits = {
            "colour": 1.0, "texture_probability": 1.0, "light": 1.0,
            "camera_position": 0.2, "camera_angle": 20.0, "camera_fovy": 5.0,
        }  # fmt: skip
        for name, limit in limits.items():
            if not 0.0 <= getattr(self, name) <= limit:
                raise ValueError(f"{name} must be in 0..{limit:g}: got {getattr(self, name)}")


class RandomisedPainter:
    """Random colours, textures, lights and cameras, drawn from ``request.seed`` alone.

    Sites keep their colours: they mark the goal, which the student has to find. Cameras that
    track a body stay as they are.
    """

    version = "randomised-1"
    capabilities = PainterCapabilities(seed=True, prompt=False)

    def __init__(self, config: RandomisedPainterConfig | None = None) -> None:
        self._config = config or RandomisedPainterConfig()

    @contextmanager
    def edited_scene(self, model: mujoco.MjModel, request: RenderRequest) -> Iterator[None]:
        """Randomise the model, and put everything back afterwards."""
        headlight = model.vis.headlight
        owners = [(model, name) for name in _MODEL_FIELDS] + [(headlight, name) for name in _HEADLIGHT_FIELDS]
        plain = [getattr(owner, name).copy() for owner, name in owners]
        try:
            rng = np.random.default_rng(request.seed & (2**64 - 1))  # a negative seed is a seed too
            self._randomise_surfaces(model, rng)
            self._randomise_lights(model, rng)
            self._move_cameras(model, rng)
            yield
        finally:
            for (owner, name), value in zip(owners, plain):
                getattr(owner, name)[:] = value

    def _randomise_surfaces(self, model: mujoco.MjModel, rng: np.random.Generator) -> None:
        for rgba in (model.geom_rgba, model.mat_rgba):
            share = rng.uniform(0.0, self._config.colour, (len(rgba), 1))
            rgba[:, :3] += share * (rng.uniform(0.0, 1.0, (len(rgba), 3)) - rgba[:, :3])
        for name in ("mat_specular", "mat_shininess"):
            value = getattr(model, name)
            value += rng.uniform(0.0, self._config.colour, len(value)) * (
                rng.uniform(0, 1, len(value)) - value
            )
        swapped = rng.uniform(size=model.nmat) < self._config.texture_probability
        choices = rng.uniform(size=model.nmat)
        for material in np.flatnonzero(swapped & (model.mat_texid[:, _RGB] >= 0)):
            # Texture coordinates differ between kinds: a cube texture can only stand for a cube texture.
            kind = model.tex_type[model.mat_texid[material, _RGB]]
            wardrobe = [*np.flatnonzero(model.tex_type == kind), -1]
            model.mat_texid[material, _RGB] = wardrobe[int(choices[material] * len(wardrobe))]

    def _randomise_lights(self, model: mujoco.MjModel, rng: np.random.Generator) -> None:
        strength = self._config.light
        for owner, names in (
            (model, ("light_diffuse", "light_ambient", "light_specular")),
            (model.vis.headlight, _HEADLIGHT_FIELDS),
        ):
            for name in names:
                value = getattr(owner, name)
                value *= 1.0 + strength * rng.uniform(-1.0, 1.0, value.shape)
        model.light_dir += strength * rng.uniform(-0.6, 0.6, model.light_dir.shape)
        model.light_dir /= np.linalg.norm(model.light_dir, axis=1, keepdims=True)

    def _move_cameras(self, model: mujoco.MjModel, rng: np.random.Generator) -> None:
        model.cam_pos += rng.normal(0.0, self._config.camera_position, model.cam_pos.shape)
        model.cam_fovy += rng.normal(0.0, self._config.camera_fovy, model.ncam)
        turns = np.deg2rad(rng.normal(0.0, self._config.camera_angle, (model.ncam, 3)))
        turned, turn = np.empty(4), np.empty(4)
        for camera in range(model.ncam):
            angle = float(np.linalg.norm(turns[camera]))
            mujoco.mju_axisAngle2Quat(turn, turns[camera] / max(angle, 1e-12), angle)
            mujoco.mju_mulQuat(turned, model.cam_quat[camera], turn)
            model.cam_quat[camera] = turned
