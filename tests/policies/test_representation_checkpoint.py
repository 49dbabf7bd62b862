"""A trajectory transformer comes back from disk with the same bits, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.errors import ArrayFileError
from potstill.policies.representation_checkpoint import load_representation, save_representation
from potstill.policies.representation_file import REPRESENTATION_FILE, REPRESENTATION_KIND


def test_a_transformer_survives_its_checkpoint_bit_for_bit(make_transformer, make_windows, tmp_path):
    transformer, windows = make_transformer(window=5, code_size=3), make_windows(4, 5)
    transformer.set_normaliser(torch.arange(4.0), torch.full((4,), 3.0), torch.tensor(1.0), torch.tensor(2.0))
    sha256 = save_representation(tmp_path, transformer)
    loaded, found = load_representation(tmp_path, expected_sha256=sha256)
    assert found == sha256
    assert loaded.config == transformer.config
    assert not loaded.training
    assert torch.equal(loaded.encode(windows), transformer.encode(windows))
    for name, tensor in transformer.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_loading_leaves_the_global_random_state_alone(make_transformer, tmp_path):
    save_representation(tmp_path, make_transformer())
    before = torch.get_rng_state()
    load_representation(tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_normaliser_is_part_of_the_version(make_transformer, tmp_path):
    transformer = make_transformer()
    before = save_representation(tmp_path, transformer)
    transformer.set_normaliser(torch.ones(4), torch.ones(4), torch.ones(()), torch.ones(()))
    assert save_representation(tmp_path, transformer) != before


def test_another_version_than_expected_is_refused(make_transformer, tmp_path):
    save_representation(tmp_path, make_transformer())
    with pytest.raises(ArrayFileError, match="wanted 0000"):
        load_representation(tmp_path, expected_sha256="0" * 64)


def test_weights_that_do_not_fit_the_network_are_refused(make_transformer, tmp_path):
    save_representation(tmp_path, make_transformer())
    path = tmp_path / REPRESENTATION_FILE
    arrays, facts, _ = read_array_file(path, kind=REPRESENTATION_KIND)
    arrays["code_head.weight"] = np.zeros((3, 7), np.float32)
    write_array_file(path, arrays, facts, kind=REPRESENTATION_KIND)
    with pytest.raises(ArrayFileError, match=r"does not fit.*code_head\.weight"):
        load_representation(tmp_path)


def test_a_folder_without_one_is_refused_by_name(tmp_path):
    with pytest.raises(ArrayFileError, match=r"representation\.safetensors: missing"):
        load_representation(tmp_path)
