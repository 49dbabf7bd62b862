"""How a model looks at one moment: everything a scene painter may edit, copied."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from potstill.envs.rendering.batch_texture_pages import FLAT_TEXTURE, NO_TEXTURE, BatchTexturePages
from potstill.envs.rendering.batch_visuals import BatchVisuals
from potstill.envs.rendering.rotation_matrices import rotation_matrices

#: Every light is code of its own in the shader.
_MAX_LIGHTS = 16
#: Kinds of light, as ``shaders/batch.vert`` numbers them.
CAMERA_LIGHT, FAR_AWAY_LIGHT, LIGHT_IN_THE_SCENE = range(3)
_RGB = int(mujoco.mjtTextureRole.mjTEXROLE_RGB)
#: OpenGL's exponent at shininess 1.
_SHININESS_SCALE = 128.0
#: Gloss of what has no material; most of what is drawn has this exponent, and ``shaders/batch.vert`` knows it.
_PLAIN_SPECULAR, PLAIN_SHININESS = 0.5, 64.0


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchLook:
    """Colours, gloss, textures, lights and cameras. Legend: V visuals, L lights, C cameras."""

    rgba: np.ndarray
    """(V, 4) float32."""
    gloss: np.ndarray
    """(V, 3) float32: specular, exponent of the shininess, emission."""
    texture: np.ndarray
    """(V, 5) float32: scale of the texture coordinates, first page, kind."""
    light_body: np.ndarray
    """(L,) int: the body each light is fixed to. The first light is the headlight."""
    light_place: np.ndarray
    """(L, 4): position in the frame of its body, m; kind."""
    light_beam: np.ndarray
    """(L, 4): direction in the frame of its body; cosine of the cutoff."""
    light_fading: np.ndarray
    """(L, 4): attenuation (constant, linear, quadratic), exponent of the beam."""
    light_colours: np.ndarray
    """(3, L, 3): ambient, diffuse, specular."""
    camera_pos: np.ndarray
    """(C, 3) m in the frame of its body."""
    camera_rotation: np.ndarray
    """(C, 3, 3)."""
    camera_fovy: np.ndarray
    """(C,) degrees."""

    @staticmethod
    def of(model: mujoco.MjModel, visuals: BatchVisuals, pages: BatchTexturePages) -> BatchLook:
        """The model as it is now.

        Raises:
            ValueError: more lights than can be drawn.
        """
        shining = np.flatnonzero(model.light_active)
        if len(shining) >= _MAX_LIGHTS:
            raise ValueError(f"the batch renderer draws up to {_MAX_LIGHTS - 1} lights: got {len(shining)}")
        return BatchLook(
            rgba=visuals.colours(model),
            gloss=_gloss(model, visuals),
            texture=_texture(model, visuals, pages),
            light_body=np.concatenate([[0], model.light_bodyid[shining]]),
            light_place=_light_place(model, shining),
            light_beam=_light_beam(model, shining),
            light_fading=_light_fading(model, shining),
            light_colours=_light_colours(model, shining),
            camera_pos=model.cam_pos.copy(),
            camera_rotation=rotation_matrices(model.cam_quat),
            camera_fovy=model.cam_fovy.copy(),
        )


def _gloss(model: mujoco.MjModel, visuals: BatchVisuals) -> np.ndarray:
    material = visuals.of("matid", model)
    gloss = np.full((len(material), 3), (_PLAIN_SPECULAR, PLAIN_SHININESS, 0.0), np.float32)
    used = material >= 0
    of_material = [model.mat_specular, model.mat_shininess * _SHININESS_SCALE, model.mat_emission]
    gloss[used] = np.column_stack(of_material)[material[used]]
    return gloss


def _texture(model: mujoco.MjModel, visuals: BatchVisuals, pages: BatchTexturePages) -> np.ndarray:
    material = visuals.of("matid", model)
    columns = np.zeros((len(material), 5), np.float32)
    columns[:, 4] = NO_TEXTURE
    for visual in np.flatnonzero(material >= 0):
        texture = model.mat_texid[material[visual], _RGB]
        if texture < 0:
            continue
        uniform, size = model.mat_texuniform[material[visual]], visuals.sizes[visual]
        kind = pages.kinds[texture]
        if kind != FLAT_TEXTURE:  # looked up by direction, in metres if uniform
            scale = size if uniform else np.ones(3)
        elif visuals.surfaces[visual].unwrapped:
            scale = np.ones(3)
        else:
            scale = np.array([0.5, -0.5, 0.0])
            scale[:2] *= model.mat_texrepeat[material[visual]] * (
                np.where(size[:2] > 0, size[:2], 1.0) if uniform else 1.0
            )
        columns[visual] = (*scale, pages.first_pages[texture], kind)
    return columns


def _light_place(model: mujoco.MjModel, shining: np.ndarray) -> np.ndarray:
    kind = np.where(model.light_directional[shining], FAR_AWAY_LIGHT, LIGHT_IN_THE_SCENE)
    return np.concatenate(
        [[[0.0, 0.0, 0.0, CAMERA_LIGHT]], np.column_stack([model.light_pos[shining], kind])]
    )


def _light_beam(model: mujoco.MjModel, shining: np.ndarray) -> np.ndarray:
    cutoff = model.light_cutoff[shining]
    cosine = np.where(cutoff > 90.0, -2.0, np.cos(np.deg2rad(cutoff)))  # above 90 degrees: all around
    return np.concatenate([[[0.0, 0.0, -1.0, -2.0]], np.column_stack([model.light_dir[shining], cosine])])


def _light_fading(model: mujoco.MjModel, shining: np.ndarray) -> np.ndarray:
    exponent = np.where(model.light_cutoff[shining] > 90.0, 0.0, model.light_exponent[shining])
    return np.concatenate(
        [[[1.0, 0.0, 0.0, 0.0]], np.column_stack([model.light_attenuation[shining], exponent])]
    )


def _light_colours(model: mujoco.MjModel, shining: np.ndarray) -> np.ndarray:
    head = model.vis.headlight
    colours = np.empty((3, 1 + len(shining), 3))
    for row, name in zip(colours, ("ambient", "diffuse", "specular")):
        row[0] = getattr(head, name) * bool(head.active)
        row[1:] = getattr(model, f"light_{name}")[shining]
    return colours
