from __future__ import annotations

import pytest

from potstill.cluster.search_space import draw_samples

SPACE = {
    "a": ("choice", [1, 2, 3]),
    "b": ("uniform", [0.0, 1.0]),
    "c": ("loguniform", [1e-4, 1e-2]),
    "d": ("randint", [3, 6]),
}


def test_every_draw_lies_in_its_space_and_is_a_plain_value():
    for point in draw_samples(SPACE, samples=50, seed=0):
        assert list(point) == list(SPACE)
        assert point["a"] in (1, 2, 3) and 0.0 <= point["b"] <= 1.0
        assert 1e-4 <= point["c"] <= 1e-2 and point["d"] in (3, 4, 5)
        assert {type(value) for value in point.values()} <= {int, float}


def test_the_seed_decides_the_draws():
    assert draw_samples(SPACE, samples=5, seed=1) == draw_samples(SPACE, samples=5, seed=1)
    assert draw_samples(SPACE, samples=5, seed=1) != draw_samples(SPACE, samples=5, seed=2)


def test_loguniform_draws_are_even_in_the_logarithm():
    points = draw_samples({"c": SPACE["c"]}, samples=400, seed=0)
    assert 140 < sum(point["c"] < 1e-3 for point in points) < 260


def test_a_grid_is_tried_whole_with_draws_for_each_combination():
    space = {"x": ("grid", [1, 2]), "y": ("grid", ["p", "q"]), "b": SPACE["b"]}
    points = draw_samples(space, samples=3, seed=0)
    assert len(points) == 12
    assert {(point["x"], point["y"]) for point in points} == {(1, "p"), (1, "q"), (2, "p"), (2, "q")}
    assert len(draw_samples({"x": ("grid", [1, 2])}, samples=3, seed=0)) == 2


@pytest.mark.parametrize(
    "asked",
    [("uniform", [1.0]), ("loguniform", [0.0, 1.0]), ("randint", [0.5, "x"]), ("uniform", [0.0, 1.0, 2.0])],
)
def test_arguments_that_a_distribution_does_not_take_are_refused_by_key(asked):
    with pytest.raises(ValueError, match=f"b: {asked[0]} does not take"):
        draw_samples({"b": asked}, samples=1, seed=0)
