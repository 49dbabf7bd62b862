"""An expert comes back from disk with the same bits, or not at all."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.errors import ArrayFileError
from potstill.policies.actor_form import ActorForm
from potstill.policies.expert_checkpoint import load_expert, save_expert
from potstill.policies.expert_file import EXPERT_FILE, EXPERT_KIND, read_expert_file


@pytest.mark.parametrize("layer_norm", [True, False])
def test_an_expert_survives_its_file_bit_for_bit(make_networks, make_facts, tmp_path, layer_norm):
    networks, facts = make_networks(layer_norm=layer_norm), make_facts(action_repeat=2, reward_scale=0.1)
    sha256 = save_expert(tmp_path, networks, facts)
    loaded, loaded_facts, found = load_expert(
        tmp_path, expected_sha256=sha256, expected_model_hash=facts.model_hash
    )
    assert (found, loaded_facts) == (sha256, facts)
    assert networks.state_dict().keys() == loaded.state_dict().keys()
    for name, tensor in networks.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_the_version_depends_on_weights_and_facts_alone(make_networks, make_facts, tmp_path):
    same = {save_expert(tmp_path / str(i), make_networks(seed=1), make_facts()) for i in range(2)}
    assert len(same) == 1
    assert save_expert(tmp_path / "other", make_networks(seed=2), make_facts()) not in same
    assert save_expert(tmp_path / "ladder", make_networks(seed=1), make_facts(kind="ladder")) not in same


def test_an_expert_of_two_256_wide_layers_fits_into_a_megabyte_with_half_critics(
    make_networks, make_facts, tmp_path
):
    networks, facts = make_networks(hidden=(256, 256)), make_facts(hidden=(256, 256))
    save_expert(tmp_path / "half", networks, facts, critics="half")
    save_expert(tmp_path / "none", networks, facts, critics="none")
    assert (tmp_path / "half" / EXPERT_FILE).stat().st_size < 1_000_000
    assert (tmp_path / "none" / EXPERT_FILE).stat().st_size < 350_000

    loaded, _, _ = load_expert(tmp_path / "half")
    assert torch.equal(loaded.actor.trunk[0].weight, networks.actor.trunk[0].weight)
    observation, action = torch.randn(20, 39), torch.rand(20, 4)
    torch.testing.assert_close(
        loaded.critic(observation, action), networks.critic(observation, action), atol=1e-3, rtol=1e-3
    )
    with pytest.raises(ArrayFileError, match="without critics"):
        load_expert(tmp_path / "none")


def test_what_is_not_the_expected_expert_is_refused(make_networks, make_facts, tmp_path):
    save_expert(tmp_path, make_networks(), make_facts())
    with pytest.raises(ArrayFileError, match="wanted ffffffffffff"):
        load_expert(tmp_path, expected_sha256="f" * 64)
    with pytest.raises(
        ArrayFileError, match="with sawyer .model aaaaaaaaaaaa.*wanted one of model bbbbbbbbbbbb"
    ):
        load_expert(tmp_path, expected_model_hash="b" * 64)
    with pytest.raises(ArrayFileError, match="missing"):
        load_expert(tmp_path / "nowhere")


@pytest.mark.parametrize("where", [0.2, 0.9])
def test_a_damaged_file_is_refused(make_networks, make_facts, tmp_path, where):
    save_expert(tmp_path, make_networks(), make_facts())
    path = tmp_path / EXPERT_FILE
    data = bytearray(path.read_bytes())
    data[int(len(data) * where)] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArrayFileError):
        load_expert(tmp_path)


def test_a_sealed_file_that_is_no_expert_is_refused(make_networks, make_facts, tmp_path):
    save_expert(tmp_path, make_networks(), make_facts())
    arrays, header, _ = read_array_file(tmp_path / EXPERT_FILE, kind=EXPERT_KIND)
    for change in (
        {"facts": {**header["facts"], "hidden": [32, 17]}},
        {"facts": {**header["facts"], "colour": "red"}},
        {"form": {**header["form"], "squash": "fold"}},
        {"layers": 4},
        {"layers": 0},
    ):
        write_array_file(tmp_path / EXPERT_FILE, arrays, header | change, kind=EXPERT_KIND)
        with pytest.raises(ArrayFileError, match="not an expert of this version"):
            load_expert(tmp_path)


def test_networks_that_diverged_or_do_not_fit_their_facts_are_not_saved(make_networks, make_facts, tmp_path):
    with pytest.raises(ValueError, match="hidden layers"):
        save_expert(tmp_path, make_networks(), make_facts(hidden=(32, 32)))
    for part in ("actor", "critic"):
        networks = make_networks()
        with torch.no_grad():
            next(getattr(networks, part).parameters()).view(-1)[0] = float("nan")
        with pytest.raises(ValueError, match="NaN"):
            save_expert(tmp_path, networks, make_facts())
    assert not (tmp_path / EXPERT_FILE).exists()


def test_an_actor_of_another_algorithm_can_act_but_is_no_sac_network(make_networks, make_facts, tmp_path):
    save_expert(tmp_path, make_networks(), make_facts())
    file, _ = read_expert_file(tmp_path)
    dataclasses.replace(file, form=ActorForm(activation="tanh", squash="clip", log_std="clipped")).write(
        tmp_path
    )
    with pytest.raises(ArrayFileError, match="another form"):
        load_expert(tmp_path)


def test_loading_leaves_the_global_random_state_alone(make_networks, make_facts, tmp_path):
    save_expert(tmp_path, make_networks(), make_facts())
    before = torch.get_rng_state()
    load_expert(tmp_path)
    assert torch.equal(before, torch.get_rng_state())


class TestFacts:
    def test_another_world_is_refused_naming_both(self, make_facts):
        facts, world = make_facts(), {"task": "reach-v3", "robot": "sawyer", "model_hash": "a" * 64}
        facts.check_world(**world)
        for change, words in (
            ({"task": "push-v3"}, "expert of reach-v3 .* wanted push-v3"),
            ({"robot": "ur5e"}, "with sawyer .* with ur5e"),
            ({"model_hash": "b" * 64}, "model aaaaaaaaaaaa.*model bbbbbbbbbbbb"),
        ):
            with pytest.raises(ValueError, match=words):
                facts.check_world(**(world | change))

    def test_another_observation_layout_is_refused_naming_both(self, make_facts):
        with pytest.raises(ValueError, match=r"layout gym-17.x, here they are metaworld-39\.[0-9a-f]{8}"):
            make_facts(observation_layout="gym-17.x").check_world(
                task="reach-v3", robot="sawyer", model_hash="a" * 64
            )

    @pytest.mark.parametrize(
        "change", [{"kind": "best"}, {"success_rate": 1.2}, {"env_steps": -1}, {"success_rate": np.nan}]
    )
    def test_facts_that_cannot_be_are_refused(self, make_facts, change):
        with pytest.raises(ValueError, match=next(iter(change))):
            make_facts(**change)
