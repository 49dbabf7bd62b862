from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch

from potstill.policies.actor_form import ActorForm
from potstill.policies.expert_checkpoint import save_expert
from potstill.policies.expert_file import read_expert_file
from potstill.policies.expert_policy import ExpertPolicy

OBSERVATIONS = np.random.default_rng(0).normal(size=(300, 39))


@pytest.fixture
def networks(make_networks):
    return make_networks(hidden=(256, 256))


@pytest.fixture
def folder(networks, make_facts, tmp_path):
    save_expert(tmp_path, networks, make_facts(hidden=(256, 256)))
    return tmp_path


def test_it_acts_as_the_torch_actor_does(networks, folder):
    policy = ExpertPolicy.load(folder)
    with torch.inference_mode():
        mean, log_std = networks.actor(torch.from_numpy(OBSERVATIONS).float())
    mu, own_log_std = policy.distribution(OBSERVATIONS)
    assert mu.dtype == own_log_std.dtype == np.float32
    assert np.abs(mu - torch.tanh(mean).numpy()).max() < 1e-6
    assert np.abs(own_log_std - log_std.numpy()).max() < 1e-5


def test_an_action_is_the_same_bits_alone_in_a_batch_and_in_any_place(folder):
    policy = ExpertPolicy.load(folder)
    together = policy.act_batch(OBSERVATIONS)
    alone = np.stack([policy.act(row) for row in OBSERVATIONS])
    assert together.tobytes() == alone.tobytes()
    assert policy.act_batch(OBSERVATIONS[7:20]).tobytes() == together[7:20].tobytes()
    assert policy.act_batch(OBSERVATIONS[::-1].copy())[::-1].tobytes() == together.tobytes()
    assert policy.act(OBSERVATIONS[0]).shape == (4,)


def test_an_action_is_the_same_bits_in_another_process_with_more_threads(folder):
    code = (
        "import sys, numpy as np; from pathlib import Path;"
        "from potstill.policies.expert_policy import ExpertPolicy;"
        "x = np.random.default_rng(0).normal(size=(300, 39));"
        "sys.stdout.buffer.write(ExpertPolicy.load(Path(sys.argv[1])).act_batch(x).tobytes());"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        capture_output=True,
        check=True,
        env={"OMP_NUM_THREADS": "2"},
    )
    assert done.stdout == ExpertPolicy.load(folder).act_batch(OBSERVATIONS).tobytes()


def test_its_name_says_which_expert_it_is(folder):
    file, sha256 = read_expert_file(folder)
    assert ExpertPolicy(file, sha256=sha256).name == f"expert.{sha256[:12]}"


def test_another_form_computed_by_hand(folder):
    file, sha256 = read_expert_file(folder)
    weight = np.zeros((39, 8), np.float32)
    weight[0, 0], weight[0, 4] = 3.0, -30.0
    linear = dataclasses.replace(
        file,
        layers=((weight, np.full(8, 0.5, np.float32)),),
        facts=dataclasses.replace(file.facts, hidden=()),
    )
    observation = np.zeros((1, 39))
    observation[0, 0] = 0.1
    for form, mu, log_std in (
        (ActorForm(squash="clip", log_std="clipped", log_std_min=-2.0), [0.8, 0.5], [-2.0, 0.5]),
        (ActorForm(squash="tanh"), [np.tanh(0.8), np.tanh(0.5)], -20 + 11 * (np.tanh([-2.5, 0.5]) + 1)),
    ):
        policy = ExpertPolicy(dataclasses.replace(linear, form=form), sha256=sha256)
        found_mu, found_log_std = policy.distribution(observation)
        assert found_mu[0, :2] == pytest.approx(mu, rel=1e-6)
        assert found_log_std[0, :2] == pytest.approx(log_std, rel=1e-6)
        far = np.zeros((1, 39))
        far[0, 0] = 100.0
        assert policy.act(far[0]).max() == 1.0
