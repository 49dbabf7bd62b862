from __future__ import annotations

import pytest

from potstill.envs.rendering.render_config import CAMERA_NAMES, RenderConfig
from potstill.envs.rendering.render_model import RenderModel, RenderModelConfig


@pytest.mark.parametrize("task", ["reach-v3", "bin-picking-v3"])
def test_the_list_of_cameras_is_the_models_own(task: str) -> None:
    model = RenderModel(task, RenderModelConfig()).model
    assert {model.camera(index).name for index in range(model.ncam)} == set(CAMERA_NAMES)


def test_an_unknown_camera_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="did you mean potstill_left"):
        RenderConfig(cameras=("potstil_left",))


def test_an_unknown_renderer_is_refused() -> None:
    with pytest.raises(ValueError, match="renderer must be batch or mujoco: got 'raytracer'"):
        RenderConfig(renderer="raytracer")
