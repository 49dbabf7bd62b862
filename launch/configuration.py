"""Typed configuration from frozen dataclasses: built strictly from mappings, overridden by ``key=value``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from potstill.launch.errors import BadInputError
from potstill.launch.field_types import choices_of, convert, parse_text, shown, type_name

Config = TypeVar("Config")


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One setting of a configuration class."""

    key: str
    """Dotted, e.g. ``learner.learning_rate``."""
    type: Any
    """The annotation: bool, int, float, str, a Literal, a tuple or one of them ``| None``."""
    choices: tuple[Any, ...] | None
    """The allowed values of a Literal, None for other types."""
    default: Any
    """``dataclasses.MISSING`` where the setting must be given."""


def build(cls: type[Config], mapping: Mapping[str, Any]) -> Config:
    """An instance of the dataclass ``cls`` from nested mappings (e.g. a parsed YAML file).

    Raises:
        BadInputError: an unknown or missing key, a wrong type, a value that is not allowed.
    """
    if not isinstance(mapping, Mapping):
        raise BadInputError(f"{cls.__name__} must be a mapping of settings: got {shown(mapping)}")
    return _build(cls, mapping, path="", root=cls)


def override(instance: Config, assignments: Sequence[str]) -> Config:
    """A copy with ``a.b=value`` assignments applied, each value read as its field's type.

    Tuples are written ``[1, 2]`` or ``1,2``; ``none`` clears an optional field. All assignments are applied
    before the result is checked, so that settings that belong together may change together.

    Raises:
        BadInputError: not ``key=value``, an unknown key, a wrong type, a value that is not allowed.
    """
    types = {leaf.key: leaf.type for leaf in leaves(type(instance))}
    mapping = to_mapping(instance)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        key = key.strip()
        if not equals:
            raise BadInputError(f"--set {shown(assignment)}: expected KEY=VALUE, e.g. --set seed=1")
        if key not in types:
            raise BadInputError(_unknown_override(key, list(types)))
        *groups, name = key.split(".")
        target = mapping
        for group in groups:
            target = target[group]
        target[name] = parse_text(text.strip(), types[key], key=key)
    return build(type(instance), mapping)


def to_mapping(instance: Any) -> dict[str, Any]:
    """Nested dicts, lists and scalars, ready for YAML or JSON; ``build`` is the inverse."""
    return {field.name: _plain(getattr(instance, field.name)) for field in fields(instance)}


def leaves(cls: type) -> list[Leaf]:
    """Every setting of a configuration class, nested ones by dotted key, in the order of declaration."""
    return _leaves(cls, prefix="")


def flatten(instance: Any) -> dict[str, Any]:
    """Every setting's value by dotted key."""
    values: dict[str, Any] = {}
    for leaf in leaves(type(instance)):
        value = instance
        for name in leaf.key.split("."):
            value = getattr(value, name)
        values[leaf.key] = value
    return values


def _leaves(cls: Any, *, prefix: str) -> list[Leaf]:
    hints = get_type_hints(cls)
    found: list[Leaf] = []
    for field in fields(cls):
        kind, key = hints[field.name], prefix + field.name
        if is_dataclass(kind):
            found += _leaves(kind, prefix=f"{key}.")
            continue
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        found.append(Leaf(key=key, type=kind, choices=choices_of(kind), default=default))
    return found


def _build(cls: Any, mapping: Mapping[str, Any], *, path: str, root: type) -> Any:
    hints = get_type_hints(cls)
    own = {field.name: field for field in fields(cls)}
    for name in mapping:
        if name not in own:
            raise BadInputError(_unknown_key(f"{path}{name}", list(own), path, root))
    arguments: dict[str, Any] = {}
    for name, field in own.items():
        key, kind = f"{path}{name}", hints[name]
        if name in mapping:
            arguments[name] = _value(mapping[name], kind, key=key, root=root)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise BadInputError(f"{key}: missing; expected {type_name(kind)}")
    try:
        return cls(**arguments)
    except ValueError as error:
        raise BadInputError(_located(str(error), path, list(own))) from None


def _value(value: Any, kind: Any, *, key: str, root: type) -> Any:
    if not is_dataclass(kind):
        return convert(value, kind, key=key)
    if not isinstance(value, Mapping):
        names = ", ".join(field.name for field in fields(kind))
        raise BadInputError(f"{key}: expected a mapping with the keys {names}: got {shown(value)}")
    return _build(kind, value, path=f"{key}.", root=root)


def _located(message: str, path: str, names: Sequence[str]) -> str:
    """A dataclass's own complaint, with the dotted path of the field it starts with."""
    message = " ".join(message.split())
    first = message.split(" ", 1)[0].rstrip(":,")
    if first in names:
        return f"{path}{message}"
    return f"{path[:-1]}: {message}" if path else message


def _unknown_key(key: str, names: Sequence[str], path: str, root: type) -> str:
    """Names the nearest key: a sibling by preference, else any setting of the configuration."""
    near = difflib.get_close_matches(key.rpartition(".")[2], names, n=1)
    if near:
        return f"{key}: unknown key; did you mean {path}{near[0]}?{_allowed(names)}"
    return _unknown_override(key, [leaf.key for leaf in leaves(root)]) + ("" if not path else _allowed(names))


def _unknown_override(key: str, keys: Sequence[str]) -> str:
    inside = [known for known in keys if known.startswith(f"{key}.")]
    if inside:
        return f"{key}: is a group of settings; set one of {', '.join(inside)}"
    by_name = {known.rpartition(".")[2]: known for known in keys}
    near = difflib.get_close_matches(key, keys, n=1, cutoff=0.7)
    near = near or [by_name[name] for name in difflib.get_close_matches(key.rpartition(".")[2], by_name, n=1)]
    if near:
        return f"{key}: unknown key; did you mean {near[0]}?"
    group = next((part for part in _groups(key) if any(known.startswith(f"{part}.") for known in keys)), "")
    allowed = dict.fromkeys(k[len(group) :].lstrip(".").split(".")[0] for k in keys if k.startswith(group))
    return f"{key}: unknown key{_allowed(list(allowed), of=group)}"


def _groups(key: str) -> list[str]:
    parts = key.split(".")[:-1]
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _allowed(names: Sequence[str], *, of: str = "") -> str:
    return f"; allowed{f' in {of}' if of else ''}: {', '.join(names)}"


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return to_mapping(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
