"""A calibrated score, kept in a sealed file."""

from __future__ import annotations

import numpy as np
import pytest

from potstill.experience.array_file import write_array_file
from potstill.experience.errors import ArrayFileError
from potstill.learners.representation.novelty import NOVELTY_FILE, NOVELTY_KIND, Novelty


@pytest.fixture
def novelty():
    rng = np.random.default_rng(0)
    told, held_out = rng.normal(size=(300, 3)), rng.normal(size=(200, 3))
    return Novelty.calibrated(told, held_out, seed=0, representation="abc"), held_out


def test_five_of_a_hundred_known_codes_seem_new_and_every_far_one(novelty):
    known, held_out = novelty
    assert (known.score(held_out) > 0.0).mean() == pytest.approx(0.05, abs=0.005)
    assert (known.score(held_out + 10.0) > 0.0).all()


def test_it_survives_the_disk(novelty, tmp_path):
    known, held_out = novelty
    sha256 = known.save(tmp_path)
    loaded, read = Novelty.load(tmp_path)
    assert read == sha256
    assert loaded.representation == "abc"
    np.testing.assert_array_equal(loaded.score(held_out), known.score(held_out))


def test_what_is_missing_damaged_or_something_else_is_refused_by_name(novelty, tmp_path):
    known, _ = novelty
    with pytest.raises(ArrayFileError, match=rf"{NOVELTY_FILE}: missing"):
        Novelty.load(tmp_path)
    known.save(tmp_path)
    data = bytearray((tmp_path / NOVELTY_FILE).read_bytes())
    data[-1] ^= 1
    (tmp_path / NOVELTY_FILE).write_bytes(data)
    with pytest.raises(ArrayFileError, match="corrupt"):
        Novelty.load(tmp_path)
    facts = {"threshold": 0.0, "representation": ""}
    write_array_file(tmp_path / NOVELTY_FILE, {"mean": np.zeros((1, 2))}, facts, kind=NOVELTY_KIND)
    with pytest.raises(ArrayFileError, match="does not fit this version's mixture"):
        Novelty.load(tmp_path)
