from __future__ import annotations

import numpy as np
import pytest

from potstill.envs.rendering.oklab import linear_rgb, oklab_of_hex
from potstill.envs.rendering.procedural_surface import ProceduralSurface


def surface(text, region="table", **settings):
    return ProceduralSurface.of(text, region, **{"seed": 1, **settings})


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("old oak planks", "wood"),
        ("Brick wall with ivy", "brick"),
        ("blue and white tiles", "tile"),
        ("striped linen", "stripe"),
        ("red gingham tablecloth", "check"),
        ("moss green velvet", "plain"),  # a colour here
        ("moss", "grass"),  # the thing itself here
        ("wet cobblestones", "ice"),
        ("a rusty iron plate", "rust"),
    ],
)
def test_material_words_choose_the_pattern(text, family):
    assert surface(text).family == family


def test_colour_words_tint_the_material():
    lightness, a, b = surface("red plastic").mean
    assert a > 0.1 and surface("green plastic").mean[1] < -0.05 and surface("blue plastic").mean[2] < -0.08
    assert surface("white oak").mean[0] > surface("oak").mean[0] > surface("black oak").mean[0]


def test_wear_changes_lightness_colour_and_gloss():
    assert surface("dark red paint").mean[0] < surface("red paint").mean[0]
    faded, fresh = (np.hypot(*surface(f"{word} red paint").mean[1:]) for word in ("faded", "vivid"))
    assert faded < 0.6 * fresh
    assert surface("matte steel").gloss < surface("polished steel").gloss <= 1.0


def test_unknown_words_always_mean_the_same_and_differ_from_each_other():
    assert surface("zork").family == surface("zork", seed=9).family
    means = [surface(word, seed=1).mean for word in ("zork", "quux", "frob", "wibble")]
    assert min(np.linalg.norm(p - q) for i, p in enumerate(means) for q in means[:i]) > 0.02


def test_fillers_and_case_do_not_matter_but_seeds_do():
    assert surface("oak").family == surface("a piece of OAK").family
    one, other = surface("oak", seed=1), surface("oak", seed=2)
    assert not np.allclose(one.offset, other.offset) and np.linalg.norm(one.mean - other.mean) < 0.1


def test_parts_of_a_region_can_be_told_apart():
    means = [surface("white paint", "object", variant=variant).mean for variant in range(4)]
    assert min(np.linalg.norm(p - q) for i, p in enumerate(means) for q in means[:i]) > 0.04


def test_looseness_lets_colours_stray():
    strict, loose = (
        np.std([surface("red paint", seed=seed, looseness=looseness).mean for seed in range(30)], axis=0)
        for looseness in (0.0, 1.0)
    )
    assert (loose > 2 * strict).all()


def test_a_ramp_goes_from_dark_to_light_within_what_a_screen_shows():
    ramp = surface("oak").ramp()
    assert ramp.shape == (3, 256) and ramp.dtype == np.float32
    assert 0 <= ramp.min() and ramp.max() <= 1 and (np.diff(ramp.sum(axis=0)) >= -1e-6).all()


@pytest.mark.parametrize("colour", ["000000", "ffffff", "c4262e", "2f64b5"])
def test_oklab_comes_back_to_the_colour(colour):
    srgb = np.array([int(colour[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    assert np.allclose(linear_rgb(oklab_of_hex(colour)), linear, atol=1e-3)
