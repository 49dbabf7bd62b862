"""The namespace over root folders: what is declared is what exists."""

from __future__ import annotations

import ast
import configparser
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("actors", "cluster", "envs", "experience", "launch", "learners", "policies", "queues")


def _setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_folder_with_an_init_file_is_a_declared_package() -> None:
    declared = set(_setup()["options"]["packages"].split())
    found = {
        ".".join(("potstill", *path.parent.relative_to(ROOT).parts))
        for room in ROOMS
        for path in (ROOT / room).rglob("__init__.py")
    }
    assert declared == found


def test_every_python_file_of_a_room_is_in_a_package() -> None:
    orphans = [
        path
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if not (path.parent / "__init__.py").exists()
    ]
    assert not orphans


def test_lua_scripts_are_package_data() -> None:
    data = _setup()["options.package_data"]
    assert data["potstill.queues"] == "lua/*.lua"
    assert list((ROOT / "queues" / "lua").glob("*.lua"))


def test_rooms_are_imported_only_under_the_namespace() -> None:
    offenders = []
    for folder in (*ROOMS, "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    names = [node.module or ""]
                offenders += [(path, name) for name in names if name.split(".")[0] in ROOMS]
    assert not offenders


def test_tests_have_no_init_files() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))
