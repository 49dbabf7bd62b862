"""The documents: every command they tell people to type exists, every page they point to is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from potstill.launch.arguments import build_parser
from potstill.launch.configuration import override
from potstill.launch.dagger.recipes import load_recipe

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def _lines(page: Path, first_word: str) -> list[str]:
    lines = "".join(BLOCK.findall(page.read_text())).splitlines()
    return [line for line in lines if line.startswith(f"{first_word} ")]


def _commands() -> list[str]:
    return [line for page in PAGES for line in _lines(page, "potstill")]


def test_the_readme_shows_commands() -> None:
    assert len(_lines(ROOT / "README.md", "potstill")) >= 10
    assert len(_lines(ROOT / "README.md", "make")) >= 2


@pytest.mark.parametrize("command", _commands())
def test_a_potstill_command_in_the_documents_is_one_that_the_parser_takes(command: str) -> None:
    arguments = build_parser().parse_args(shlex.split(command, comments=True)[1:])
    if arguments.command == "dagger_run":
        override(load_recipe(arguments.recipe), arguments.set)


def test_a_make_target_in_the_documents_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for line in _lines(page, "make"):
            assert set(shlex.split(line, comments=True)[1:]) <= targets, (page, line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if "://" not in link:
            assert (page.parent / link).exists(), link
