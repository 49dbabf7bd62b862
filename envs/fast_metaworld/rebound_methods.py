"""A class's methods once more, with other modules behind the names that they use."""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import Any

from potstill.envs.fast_metaworld.undecorated import undecorated


def rebound_methods(cls: type, replacements: Mapping[int, Any]) -> dict[str, Any]:
    """Functions and properties that ``cls`` itself defines, reading ``replacements`` instead of their globals.

    The originals, and whoever else uses them, are left alone: this patches nobody's module.

    Args:
        cls: The class; its bases are not looked at.
        replacements: From the ``id`` of an object that a module knows by some global name to its stand-in.

    Returns:
        New functions and properties by name. Whatever else the class defines is left out.
    """
    methods: dict[str, Any] = {}
    for name, attribute in vars(cls).items():
        if isinstance(attribute, FunctionType):
            methods[name] = _rebound(attribute, replacements)
        elif isinstance(attribute, staticmethod) and isinstance(attribute.__func__, FunctionType):
            methods[name] = staticmethod(_rebound(attribute.__func__, replacements))
        elif isinstance(attribute, property) and isinstance(attribute.fget, FunctionType):
            methods[name] = property(_rebound(attribute.fget, replacements), attribute.fset, attribute.fdel)
    return methods


def _rebound(function: FunctionType, replacements: Mapping[int, Any]) -> FunctionType:
    function = undecorated(function)
    names = {name: replacements.get(id(value), value) for name, value in function.__globals__.items()}
    copied = FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    copied.__kwdefaults__ = function.__kwdefaults__
    return copied
