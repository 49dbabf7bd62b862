"""The types a setting may have: how a value is checked, how text is read, how both are named in an error."""

from __future__ import annotations

import difflib
import math
import re
import types
from typing import Any, Literal, Union, get_args, get_origin

from potstill.launch.errors import BadInputError

#: YAML 1.1 reads ``1e-3`` as text (it wants ``1.0e-3``); people mean a number.
_EXPONENT = re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$")
_NONE_WORDS = ("none", "null", "~")
_BOOL_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def convert(value: Any, kind: Any, *, key: str) -> Any:
    """The value as the type ``kind``, strictly: text is not a number, a bool is not an int.

    Raises:
        BadInputError: one line with the key, what was given and what is allowed.
    """
    optional, kind = _split_optional(kind)
    if value is None and optional:
        return None
    if get_origin(kind) is Literal:
        return _chosen(value, get_args(kind), key=key, optional=optional)
    if get_origin(kind) is tuple:
        if not isinstance(value, (list, tuple)):
            raise _wrong_type(value, kind, key, optional)
        kinds = _element_types(kind, len(value), key=key)
        return tuple(convert(item, k, key=f"{key}[{i}]") for i, (item, k) in enumerate(zip(value, kinds)))
    if kind is float and isinstance(value, str) and _EXPONENT.match(value):
        value = float(value)
    if not _is_a(value, kind):
        raise _wrong_type(value, kind, key, optional)
    if kind is not float:
        return value
    if not math.isfinite(value):
        raise BadInputError(f"{key}: expected a finite number: got {value}")
    return float(value)


def parse_text(text: str | list[Any], kind: Any, *, key: str) -> Any:
    """What ``--set key=text`` means for a field of type ``kind``: bool, number, text, choice or list.

    Raises:
        BadInputError: one line with the key, what was given and what is allowed.
    """
    optional, kind = _split_optional(kind)
    if optional and isinstance(text, str) and text.lower() in _NONE_WORDS:
        return None
    if get_origin(kind) is tuple:
        items = text if isinstance(text, list) else _split_list(text, kind, key=key)
        kinds = _element_types(kind, len(items), key=key)
        return [parse_text(item, k, key=f"{key}[{i}]") for i, (item, k) in enumerate(zip(items, kinds))]
    if not isinstance(text, str):
        raise _wrong_type(text, kind, key, optional)
    if get_origin(kind) is Literal:
        named = {str(choice): choice for choice in get_args(kind)}
        return convert(named.get(text, text), kind, key=key)
    if kind is bool:
        return convert(_BOOL_WORDS.get(text.lower(), text), kind, key=key)
    if kind in (int, float):
        try:
            return convert(kind(text), kind, key=key)
        except (ValueError, OverflowError):
            raise _wrong_type(text, kind, key, optional) from None
    return text


def choices_of(kind: Any) -> tuple[Any, ...] | None:
    """The allowed values of a Literal (also an optional one), None for every other type."""
    kind = _split_optional(kind)[1]
    return get_args(kind) if get_origin(kind) is Literal else None


def type_name(kind: Any, *, optional: bool = False) -> str:
    """The type as an error names it, e.g. ``int``, ``list of str``, ``one of 'a', 'b'``."""
    was_optional, kind = _split_optional(kind)
    if get_origin(kind) is Literal:
        name = f"one of {', '.join(map(repr, get_args(kind)))}"
    elif get_origin(kind) is tuple:
        arguments = get_args(kind)
        inner = [type_name(argument) for argument in arguments if argument is not Ellipsis]
        name = (
            f"list of {inner[0]}" if Ellipsis in arguments else f"list of {len(inner)} ({', '.join(inner)})"
        )
    else:
        name = {bool: "true or false", int: "int", float: "number", str: "text"}.get(
            kind, getattr(kind, "__name__", kind)
        )
    return f"{name} or none" if optional or was_optional else str(name)


def shown(value: Any) -> str:
    """The value as an error quotes it: one line, at most 60 characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _split_optional(kind: Any) -> tuple[bool, Any]:
    if get_origin(kind) not in (Union, types.UnionType):
        return False, kind
    others = [argument for argument in get_args(kind) if argument is not types.NoneType]
    if len(others) != 1 or len(others) == len(get_args(kind)):
        raise TypeError(f"a setting may be X or X | None, not {kind}")
    return True, others[0]


def _chosen(value: Any, choices: tuple[Any, ...], *, key: str, optional: bool) -> Any:
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return choice
    near = difflib.get_close_matches(str(value), [str(choice) for choice in choices], n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    allowed = ", ".join(map(str, choices)) + (", none" if optional else "")
    raise BadInputError(f"{key}: {shown(value)} is not allowed; choose from {allowed}{hint}")


def _element_types(kind: Any, count: int, *, key: str) -> list[Any]:
    arguments = get_args(kind)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return [arguments[0]] * count
    if len(arguments) != count:
        raise BadInputError(f"{key}: expected {type_name(kind)}: got {count} values")
    return list(arguments)


def _split_list(text: str, kind: Any, *, key: str) -> list[Any]:
    import yaml  # only for lists: the command line starts without it

    inner = text if text.startswith("[") else f"[{text}]"
    try:
        # BaseLoader leaves every scalar as text, so that each element is read as the field's own type.
        items = yaml.load(inner, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        items = None
    if not isinstance(items, list):
        raise BadInputError(f"{key}: expected {type_name(kind)}, e.g. [a, b]: got {shown(text)}")
    return items


def _is_a(value: Any, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in (bool, str):
        return isinstance(value, kind)
    raise TypeError(f"a setting cannot have the type {kind}")


def _wrong_type(value: Any, kind: Any, key: str, optional: bool) -> BadInputError:
    return BadInputError(f"{key}: expected {type_name(kind, optional=optional)}: got {shown(value)}")
