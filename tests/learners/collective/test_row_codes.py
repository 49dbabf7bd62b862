"""Codes are worked out once, are those of the live transformer, and are whole or not there."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
import torch

from potstill.experience.errors import StoreFullError
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.learners.collective import row_codes as module
from potstill.learners.collective.row_codes import row_codes
from potstill.policies.window_tensors import WindowTensors

CPU = torch.device("cpu")


@pytest.fixture
def codes_of(tmp_path):
    """``row_codes`` with its files in ``tmp_path / "codes"``."""

    def codes(table, transformer, sha256="a" * 64):
        return row_codes(table, transformer, sha256=sha256, cache=tmp_path / "codes", device=CPU)

    return codes


@pytest.fixture
def never_encode(monkeypatch):
    """From here on, encoding is an error."""

    def forbid() -> None:
        def fail(*arguments):
            raise AssertionError("encoded again")

        monkeypatch.setattr(module, "_encoded", fail)

    return forbid


def test_they_are_the_codes_that_a_live_policy_works_out(table, codes_of, make_transformer, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 7)
    transformer = make_transformer()
    codes = codes_of(table, transformer)
    assert codes.shape == (len(table), 4) and codes.dtype == np.float32
    with torch.inference_mode():
        for row in (0, 1, 19, 20, len(table) - 1):
            window = WindowTensors.of(table.windows(np.array([row]), transformer.config.window))
            assert np.allclose(codes[row], transformer.encode(window).numpy()[0], atol=1e-6)


def test_they_are_found_again_by_rows_and_transformer(
    table, codes_of, make_transformer, never_encode, tmp_path
):
    codes = codes_of(table, make_transformer())
    others = codes_of(table, make_transformer(seed=1), "b" * 64)
    assert not np.allclose(codes, others)
    never_encode()
    assert np.array_equal(codes_of(table, make_transformer()), codes)
    assert len(list((tmp_path / "codes").iterdir())) == 4
    assert not any(name.startswith(".") for name in os.listdir(tmp_path / "codes"))


def test_a_table_of_more_rounds_finds_those_of_the_rounds_before(
    table, store, codes_of, make_transformer, never_encode, tmp_path
):
    first = TrajectoryTable(store, (0,), cache=tmp_path / "cache", split_seed=5)
    both = codes_of(table, make_transformer())
    never_encode()
    assert np.array_equal(codes_of(first, make_transformer()), both[: len(first)])


def test_a_damaged_file_is_made_anew(table, codes_of, make_transformer, tmp_path):
    codes = codes_of(table, make_transformer())
    path = next((tmp_path / "codes").iterdir())
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    assert np.array_equal(codes_of(table, make_transformer()), codes)
    assert path.read_bytes() != data


def test_a_full_disk_leaves_nothing_that_counts(table, codes_of, make_transformer, monkeypatch, tmp_path):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(StoreFullError):
        patch.setattr(os, "fsync", full)
        codes_of(table, make_transformer())
    assert not list(tmp_path.glob("codes/*"))
