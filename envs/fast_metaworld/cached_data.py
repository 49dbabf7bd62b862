"""A ``mujoco.MjData`` that looks each name up once."""

from __future__ import annotations

from typing import Any

import mujoco


class CachedData(mujoco.MjData):
    """Bodies, geoms, sites and joints by name, as in ``MjData``, with their arrays kept: the same live memory.

    Looking up ``data.body("hand").xpos`` costs a microsecond in MuJoCo's bindings and a tenth of that here; tasks
    do it dozens of times per step.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        super().__init__(model)
        self._elements: dict[tuple[str, str | int], _CachedElement] = {}

    def body(self, name: str | int) -> _CachedElement:
        """The body of that name or id."""
        return self._elements.get(("body", name)) or self._remember("body", name, super().body(name))

    def geom(self, name: str | int) -> _CachedElement:
        """The geom of that name or id."""
        return self._elements.get(("geom", name)) or self._remember("geom", name, super().geom(name))

    def site(self, name: str | int) -> _CachedElement:
        """The site of that name or id."""
        return self._elements.get(("site", name)) or self._remember("site", name, super().site(name))

    def joint(self, name: str | int) -> _CachedElement:
        """The joint of that name or id."""
        return self._elements.get(("joint", name)) or self._remember("joint", name, super().joint(name))

    def forget(self) -> None:
        """Let go of every view. Each holds this object in a way that the garbage collector cannot see."""
        self._elements.clear()

    def _remember(self, kind: str, name: str | int, element: Any) -> _CachedElement:
        self._elements[kind, name] = cached = _CachedElement(element)
        return cached


class _CachedElement:
    """Reads of an attribute go to MuJoCo once (it hands out a view of its memory), writes always."""

    def __init__(self, element: Any) -> None:
        vars(self)["_element"] = element

    def __getattr__(self, name: str) -> Any:
        value = getattr(vars(self)["_element"], name)
        vars(self)[name] = value
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._element, name, value)
