"""The checklist and the guarantees: nothing is called done that no existing test or result proves."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECKLIST = ROOT / "docs" / "checklist.md"
GUARANTEES = ROOT / "docs" / "guarantees.md"
FAULTS = ROOT / "docs" / "faults.md"
STATES = {"done", "partly", "not yet"}
PROOF = re.compile(r"`((?:tests|docs|benchmarks)/[^`\s]+)`")


def _rows(page: Path) -> list[list[str]]:
    """The cells of every table row but the heads."""
    lines = page.read_text().splitlines()
    rules = {index for index, line in enumerate(lines) if re.fullmatch(r"\|[-|: ]+\|", line)}
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for index, line in enumerate(lines)
        if line.startswith("|") and index not in rules and index + 1 not in rules
    ]


def _tests_in(path: Path) -> set[str]:
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{item.name}" for item in node.body if isinstance(item, ast.FunctionDef)}
    return names


@pytest.mark.parametrize("page", [CHECKLIST, GUARANTEES, FAULTS], ids=lambda page: page.name)
def test_every_proof_named_exists(page: Path) -> None:
    proofs = PROOF.findall(page.read_text())
    assert proofs
    for proof in proofs:
        name, _, test = proof.partition("::")
        assert (ROOT / name).exists(), proof
        assert not test or test in _tests_in(ROOT / name), proof


def test_every_state_is_one_of_the_three() -> None:
    assert {row[2] for row in _rows(CHECKLIST)} <= STATES


def test_what_is_done_or_partly_done_names_its_proof() -> None:
    unproven = [row[0] for row in _rows(CHECKLIST) if row[2] != "not yet" and not PROOF.search(row[3])]
    assert not unproven


def test_what_is_only_partly_done_says_what_is_missing() -> None:
    silent = [row[0] for row in _rows(CHECKLIST) if row[2] == "partly" and not row[4]]
    assert not silent


def test_no_row_is_left_out_or_listed_twice() -> None:
    rows = [row[0] for row in _rows(CHECKLIST)]
    wanted = [
        *(f"D{number}" for number in range(1, 41)),
        *(f"G{number}" for number in range(1, 16)),
        *(f"F{number}" for number in range(1, 36)),
        *(f"M{number}" for number in range(1, 48)),
    ]
    assert rows == wanted


def test_every_guarantee_names_a_test_of_its_own() -> None:
    untested = [row[0] for row in _rows(GUARANTEES) if not re.search(r"`tests/[^`]+::[^`]+`", row[2])]
    assert not untested
