"""``potstill dagger status``: where a run stands, for people and for scripts."""

from __future__ import annotations

import functools
import json
import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from potstill.launch.run_directory import open_run_directory
from potstill.launch.server_check import check_server

#: Seconds between two looks of ``--watch``.
WATCH_SECONDS = 2.0


def run(arguments: Namespace) -> int:
    """Print the status once, or again and again until the run has finished."""
    from potstill.launch.dagger.status import read_status

    root = open_run_directory(arguments.run_dir).root
    if arguments.redis:
        check_server(arguments.redis)
    read = functools.partial(read_status, root, redis_url=arguments.redis)
    shown = _show(read(), as_json=arguments.json)
    while arguments.watch and not shown.get("finished"):
        time.sleep(WATCH_SECONDS)
        shown = _show(_read_changed(read, shown), as_json=arguments.json)
    return 0


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
