"""Small modules, small functions, telling names (CONTRIBUTING.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("actors", "cluster", "envs", "experience", "launch", "learners", "policies", "queues")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
MAX_MODULE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_POSITIONAL = 5
VAGUE_NAMES = {"utils", "common", "helpers", "misc", "base", "manager"}


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _module_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=_module_id)
def test_a_module_and_its_functions_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_MODULE_LINES
    for function in _functions(path):
        assert (function.end_lineno or 0) - function.lineno + 1 <= MAX_FUNCTION_LINES, function.name
        positional = [argument for argument in function.args.args if argument.arg not in ("self", "cls")]
        assert len(positional) <= MAX_POSITIONAL, function.name


def test_no_module_has_a_vague_name() -> None:
    assert not [path for path in MODULES if VAGUE_NAMES & set(path.stem.split("_"))]
