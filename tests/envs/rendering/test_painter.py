from __future__ import annotations

import subprocess
import sys

import pytest

from potstill.envs.rendering.painter import ImagePainter, ScenePainter, load_painter, painter_names


def test_every_named_painter_loads_and_says_what_it_can():
    painters = {name: load_painter(name) for name in painter_names()}
    assert {"mujoco", "procedural", "randomised"} <= painters.keys()
    assert all(isinstance(painter, ScenePainter | ImagePainter) for painter in painters.values())
    assert isinstance(painters["procedural"], ImagePainter) and painters["procedural"].capabilities.prompt
    assert len({painter.version for painter in painters.values()}) == len(painters)
    assert painters["randomised"].capabilities.seed and not painters["mujoco"].capabilities.seed


def test_an_unknown_painter_is_refused_with_all_names_and_the_nearest():
    with pytest.raises(
        ValueError, match="'randomized': allowed are .*mujoco, .*randomised; did you mean randomised"
    ):
        load_painter("randomized")


def test_the_painter_that_needs_a_model_says_where_it_gets_it():
    with pytest.raises(
        ValueError, match=r"'diffusion' needs a model: open_scene_renderer\(\.\.\., diffusion="
    ):
        load_painter("diffusion")


def test_names_are_known_without_a_simulator():
    script = "import sys, potstill.envs.rendering.painter; sys.exit('mujoco' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=30).returncode == 0
