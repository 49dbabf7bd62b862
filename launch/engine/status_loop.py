"""Prints where a run stands, once or until it has ended, for people or for scripts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

#: Seconds between two looks of ``--watch``.
WATCH_SECONDS = 2.0


def print_status(read: Callable[[], dict[str, Any]], *, as_json: bool, watch: bool) -> None:
    """Print what ``read`` tells, with ``watch`` again whenever it has changed, until it says ``finished``."""
    shown = _show(read(), as_json=as_json)
    while watch and not shown.get("finished"):
        time.sleep(WATCH_SECONDS)
        shown = _show(_read_changed(read, shown), as_json=as_json)


def _read_changed(read: Callable[[], dict[str, Any]], last: dict[str, Any]) -> dict[str, Any]:
    while (status := read()) == last:
        time.sleep(WATCH_SECONDS)
    return status


def _show(status: dict[str, Any], *, as_json: bool) -> dict[str, Any]:
    if as_json:
        print(json.dumps(status), flush=True)
    else:
        print("\n".join(_lines(status, indent="")), flush=True)
    return status


def _lines(facts: dict[str, Any], *, indent: str) -> list[str]:
    lines = []
    for key, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_lines(value, indent=indent + "  ")]
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            lines += [f"{indent}{key}:", *(f"{indent}  {_row(item)}" for item in value)]
        else:
            lines.append(f"{indent}{key}: {value}")
    return lines


def _row(facts: dict[str, Any]) -> str:
    return "  ".join(f"{key}={value}" for key, value in facts.items())
