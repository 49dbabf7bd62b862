from __future__ import annotations

import re

import numpy as np
import pytest

from potstill.envs.rendering.noise_tables import NoiseTables
from potstill.envs.rendering.procedural_lexicon import Lexicon
from potstill.envs.rendering.procedural_light import ProceduralLight
from potstill.envs.rendering.procedural_patterns import PATTERN_FAMILIES, paint_pattern

TABLES = NoiseTables.shared()


def plane(side=64, features=6.0):
    x, y = np.meshgrid(*(np.linspace(0, features, side, dtype=np.float32),) * 2)
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, 0.3, np.float32)]) + np.float32(512)


@pytest.mark.parametrize("family", PATTERN_FAMILIES)
def test_every_pattern_is_a_shade_with_contrast_that_fades_when_too_fine(family):
    near = paint_pattern(family, plane(), 0.05, 1.0, TABLES)
    far = paint_pattern(family, plane(), 2.0, 1.0, TABLES)
    assert near.shape == (64 * 64,) and near.dtype == np.float32
    assert 0 <= near.min() and near.max() <= 1
    assert near.std() > 0.02 and far.std() < 0.4 * near.std()


@pytest.mark.parametrize("family", PATTERN_FAMILIES)
def test_neighbouring_pixels_are_alike(family):
    shade = paint_pattern(family, plane(side=240), 6 / 240, 1.0, TABLES).reshape(240, 240)
    assert np.abs(np.diff(shade, axis=1)).mean() < 0.06


def test_patterns_all_differ():
    shades = np.stack([paint_pattern(family, plane(), 0.05, 1.0, TABLES) for family in PATTERN_FAMILIES])
    distances = np.abs(shades[:, None] - shades[None]).mean(axis=-1) + np.eye(len(shades))
    assert distances.min() > 0.02


def test_noise_is_periodic_and_fills_its_range():
    points = plane()
    assert np.array_equal(TABLES.rough(points), TABLES.rough(points + np.float32(4)))
    for values in (TABLES.rough(points), TABLES.smooth(points), *TABLES.cells(points)):
        assert 0 <= values.min() < 0.2 and 0.8 < values.max() <= 1


def test_every_word_of_the_lexicon_is_one_word_with_a_known_family_and_real_colours():
    lexicon = Lexicon.standard()
    for table in (lexicon.colours, lexicon.materials, lexicon.lights, lexicon.wear):
        assert all(re.fullmatch("[a-z]+", word) for word in table)
    for material in lexicon.materials.values():
        assert material.family in PATTERN_FAMILIES and 0 <= material.gloss <= 1 and material.scale > 0
        assert all(re.fullmatch("[0-9a-f]{6}", colour) for colour in material.colours)
    assert {material.family for material in lexicon.materials.values()} == set(PATTERN_FAMILIES)
    assert all(0 <= light.haze_share < 0.8 for light in lexicon.lights.values())


def light(words, **prompt):
    return ProceduralLight.of({"light": words, **prompt}, seed=3)


def test_light_words_set_colour_strength_and_air():
    assert light("night").key.sum() < 0.5 * light("noon").key.sum()
    dusk = light("a red dusk").key
    assert dusk[0] > 1.5 * dusk[2]
    assert light("fog").haze_per_metre > 3 * light("mist-free noon").haze_per_metre
    assert light("neon signs").fill.sum() > 0 == light("noon").fill.sum()
    assert light("midnight").grain > light("studio").grain


def test_light_words_mix_and_fall_back_on_the_background():
    both = light("neon, rain").key
    assert np.allclose(both * 2, light("neon").key + light("rain").key)
    assert np.allclose(light("", background="brick wall at dusk").key, light("dusk").key)


@pytest.mark.parametrize("words", ["", "splendour", "xyzzy"])
def test_unknown_light_is_some_light(words):
    found = light(words)
    assert found.key.sum() > 0 and np.isclose(np.linalg.norm(found.key_direction), 1)
    assert found.key_direction[2] > 0
