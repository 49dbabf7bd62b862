"""A collective policy comes back from disk with the same bits, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.errors import ArrayFileError
from potstill.policies.collective_checkpoint import load_collective, save_collective
from potstill.policies.collective_file import COLLECTIVE_FILE, COLLECTIVE_KIND


@pytest.mark.parametrize("context", ["code", "id", "zeros", "joint"])
def test_a_policy_survives_its_checkpoint_bit_for_bit(make_collective, tmp_path, context):
    policy = make_collective(context, log_std_min=-5.0)
    policy.set_state_normaliser(torch.arange(5.0), torch.full((5,), 3.0))
    if policy.transformer is not None:
        ones = torch.ones(5)
        policy.transformer.set_normaliser(ones, 2 * ones, torch.tensor(4.0), torch.tensor(3.0))
    sha256 = save_collective(tmp_path, policy)
    before = torch.get_rng_state()
    loaded, found = load_collective(tmp_path, expected_sha256=sha256)
    assert torch.equal(torch.get_rng_state(), before)
    assert found == sha256
    assert (loaded.config, loaded.tasks, loaded.window) == (policy.config, policy.tasks, policy.window)
    assert not loaded.training
    assert loaded.state_dict().keys() == policy.state_dict().keys()
    for name, tensor in policy.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_the_version_depends_on_weights_and_tasks(make_collective, tmp_path):
    same = {save_collective(tmp_path / str(i), make_collective()) for i in range(2)}
    assert len(same) == 1
    assert save_collective(tmp_path / "other", make_collective(seed=1)) not in same
    assert save_collective(tmp_path / "more", make_collective(tasks=("a", "b"))) not in same


@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped", "empty"])
def test_a_damaged_checkpoint_is_refused_by_name(make_collective, tmp_path, damage):
    save_collective(tmp_path, make_collective())
    path = tmp_path / COLLECTIVE_FILE
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "flipped":
        data[-5] ^= 1
        path.write_bytes(data)
    else:
        path.write_bytes(data[:-100] if damage == "truncated" else b"")
    with pytest.raises(ArrayFileError, match=r"collective\.safetensors"):
        load_collective(tmp_path)


def test_another_version_than_expected_is_refused(make_collective, tmp_path):
    save_collective(tmp_path, make_collective())
    with pytest.raises(ArrayFileError, match="wanted 0000"):
        load_collective(tmp_path, expected_sha256="0" * 64)


def test_weights_that_do_not_fit_the_network_are_refused(make_collective, tmp_path):
    save_collective(tmp_path, make_collective())
    path = tmp_path / COLLECTIVE_FILE
    arrays, facts, _ = read_array_file(path, kind=COLLECTIVE_KIND)
    arrays["state_mean"] = np.zeros(7, np.float32)
    write_array_file(path, arrays, facts, kind=COLLECTIVE_KIND)
    with pytest.raises(ArrayFileError, match=r"does not fit.*state_mean"):
        load_collective(tmp_path)
