from __future__ import annotations

import math

from potstill.envs.fast_metaworld.rebound_methods import rebound_methods


class Shape:
    side = 4.0

    def root(self, *, power: int = 1) -> float:
        return math.sqrt(self.side) ** power

    @property
    def half(self) -> float:
        return math.sqrt(self.side)

    @staticmethod
    def of(side: float) -> float:
        return math.sqrt(side)

    def __len__(self) -> int:
        return len("abc")


class Other:
    @staticmethod
    def sqrt(value: float) -> float:
        return -value


def test_methods_find_the_stand_in_and_the_originals_do_not() -> None:
    fast = type("Fast", (Shape,), rebound_methods(Shape, {id(math): Other}))

    assert (fast().root(), fast().root(power=2), fast().half, fast.of(9.0)) == (-4.0, 16.0, -4.0, -9.0)
    assert (Shape().root(), Shape().half, Shape.of(9.0)) == (2.0, 2.0, 3.0)


def test_other_names_and_builtins_are_found_as_ever() -> None:
    methods = rebound_methods(Shape, {})

    assert methods["__len__"](Shape()) == 3
    assert "side" not in methods
