"""Codes are worked out once, are those of the live transformer, and are whole or not there."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
import torch

from potstill.experience.errors import StoreFullError
from potstill.learners.collective import row_codes as module
from potstill.learners.collective.row_codes import row_codes
from potstill.policies.window_tensors import WindowTensors

CPU = torch.device("cpu")


def code_files(table):
    return sorted(table.folder.parent.glob("*.codes.*"))


@pytest.fixture
def never_encode(monkeypatch):
    """From here on, encoding is an error."""

    def forbid() -> None:
        def fail(*arguments):
            raise AssertionError("encoded again")

        monkeypatch.setattr(module, "_encoded", fail)

    return forbid


def test_they_are_the_codes_that_a_live_policy_works_out(table, make_transformer, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 7)
    transformer = make_transformer()
    codes = row_codes(table, transformer, sha256="a" * 64, device=CPU)
    assert codes.shape == (len(table), 4) and codes.dtype == np.float32
    with torch.inference_mode():
        for row in (0, 1, 19, 20, len(table) - 1):
            window = WindowTensors.of(table.windows(np.array([row]), transformer.config.window))
            assert np.allclose(codes[row], transformer.encode(window).numpy()[0], atol=1e-6)


def test_they_are_found_again_by_rows_and_transformer(table, make_transformer, never_encode):
    codes = row_codes(table, make_transformer(), sha256="a" * 64, device=CPU)
    others = row_codes(table, make_transformer(seed=1), sha256="b" * 64, device=CPU)
    assert not np.allclose(codes, others)
    never_encode()
    assert np.array_equal(row_codes(table, make_transformer(), sha256="a" * 64, device=CPU), codes)
    assert len(code_files(table)) == 2


def test_a_damaged_file_is_made_anew(table, make_transformer):
    codes = row_codes(table, make_transformer(), sha256="a" * 64, device=CPU)
    (path,) = code_files(table)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    assert np.array_equal(row_codes(table, make_transformer(), sha256="a" * 64, device=CPU), codes)
    assert path.read_bytes() != data


def test_a_full_disk_leaves_nothing_that_counts(table, make_transformer, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(StoreFullError):
        patch.setattr(os, "fsync", full)
        row_codes(table, make_transformer(), sha256="a" * 64, device=CPU)
    assert not code_files(table)
