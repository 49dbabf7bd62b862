"""A student comes back from disk with the same bits, or not at all."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
import torch

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.errors import ArrayFileError, StoreFullError
from potstill.policies.policy_checkpoint import load_policy, save_policy
from potstill.policies.policy_file import POLICY_FILE


def test_a_policy_survives_its_checkpoint_bit_for_bit(make_policy, tmp_path):
    policy = make_policy(frame_stack=2, head="gaussian")
    policy.set_normaliser(torch.arange(4.0), torch.full((4,), 3.0))
    sha256 = save_policy(tmp_path, policy)
    loaded, found = load_policy(tmp_path, expected_sha256=sha256)
    assert found == sha256
    assert (loaded.config, loaded.shape) == (policy.config, policy.shape)
    assert not loaded.training
    for name, tensor in policy.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_the_version_depends_on_the_weights_alone(make_policy, tmp_path):
    same = {save_policy(tmp_path / str(i), make_policy(seed=1)) for i in range(3)}
    assert len(same) == 1
    assert len({(tmp_path / str(i) / POLICY_FILE).read_bytes() for i in range(3)}) == 1
    assert save_policy(tmp_path / "other", make_policy(seed=2)) not in same


def test_loading_leaves_the_global_random_state_alone(make_policy, tmp_path):
    save_policy(tmp_path, make_policy())
    before = torch.get_rng_state()
    load_policy(tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped", "noise", "empty"])
def test_a_damaged_checkpoint_is_refused_by_name(make_policy, tmp_path, damage):
    save_policy(tmp_path, make_policy())
    path = tmp_path / POLICY_FILE
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(data[:-100])
    elif damage == "flipped":
        data[-5] ^= 1
        path.write_bytes(data)
    else:
        path.write_bytes(os.urandom(1000) if damage == "noise" else b"")
    with pytest.raises(ArrayFileError, match=r"policy\.safetensors"):
        load_policy(tmp_path)


def test_another_version_than_expected_is_refused(make_policy, tmp_path):
    save_policy(tmp_path, make_policy())
    with pytest.raises(ArrayFileError, match="wanted 0000"):
        load_policy(tmp_path, expected_sha256="0" * 64)


def test_weights_that_do_not_fit_the_network_are_refused(make_policy, tmp_path):
    save_policy(tmp_path, make_policy())
    path = tmp_path / POLICY_FILE
    arrays, facts, _ = read_array_file(path, kind="potstill.policy.1")
    arrays["head.weight"] = np.zeros((3, 7), np.float32)
    write_array_file(path, arrays, facts, kind="potstill.policy.1")
    with pytest.raises(ArrayFileError, match=r"does not fit.*head\.weight"):
        load_policy(tmp_path)


def test_another_kind_of_file_is_refused(tmp_path):
    write_array_file(tmp_path / POLICY_FILE, {"x": np.zeros(3)}, {}, kind="something.else")
    with pytest.raises(ArrayFileError, match=r"something\.else"):
        load_policy(tmp_path)


def test_a_full_disk_leaves_the_old_checkpoint(make_policy, tmp_path, monkeypatch):
    old = save_policy(tmp_path, make_policy(seed=1))

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFullError, match=r"policy\.safetensors"):
        save_policy(tmp_path, make_policy(seed=2))
    assert load_policy(tmp_path)[1] == old
    assert os.listdir(tmp_path) == [POLICY_FILE]
