"""Actors out of RLlib's checkpoints act as RLlib's modules do."""

from __future__ import annotations

import pickle

import gymnasium
import numpy as np
import pytest
import torch
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.algorithms.sac import SACConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

from potstill.learners.rllib_checkpoint import RllibCheckpoint
from potstill.learners.sac.algorithm_config import SacAlgorithmConfig
from potstill.learners.sac.config import SacConfig
from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.expert_file import ExpertFile
from potstill.policies.expert_policy import ExpertPolicy

OBSERVATIONS = np.random.default_rng(0).normal(size=(50, 39)).astype(np.float32)
BOX = gymnasium.spaces.Box(-np.inf, np.inf, (39,), np.float32)


def save_stock(config, folder, *, low=-1.0, actions=None, **model):
    spec = config.get_default_rl_module_spec()
    spec.observation_space = BOX
    spec.action_space = actions or gymnasium.spaces.Box(low, 1.0, (4,), np.float32)
    settings = {"fcnet_hiddens": [16, 12], **model}
    spec.model_config = {**vars(DefaultModelConfig()), "twin_q": True, **settings}
    torch.manual_seed(1)
    module = spec.build()
    module.save_to_path(str(folder))
    return module


def policy_of(checkpoint):
    hidden = tuple(bias.size for _, bias in checkpoint.layers[:-1])
    facts = ExpertFacts(
        task="reach-v3", robot="sawyer", model_hash="a", seed=0, env_steps=0, decisions=0, success_rate=0.0,
        eval_episodes=0, kind="final", trained_with="rllib", hidden=hidden,
    )  # fmt: skip
    file = ExpertFile(layers=checkpoint.layers, form=checkpoint.form, facts=facts, others={})
    return ExpertPolicy(file, sha256="f" * 64)


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_stock_ppo(tmp_path, share, activation):
    module = save_stock(PPOConfig(), tmp_path, vf_share_layers=share, fcnet_activation=activation)
    policy = policy_of(RllibCheckpoint.read(tmp_path, trust_pickle=True))
    with torch.no_grad():
        logits = module.forward_inference({"obs": torch.from_numpy(OBSERVATIONS)})["action_dist_inputs"]
    distribution = module.get_inference_action_dist_cls().from_logits(logits)
    mu, log_std = policy.distribution(OBSERVATIONS)
    assert np.abs(mu - distribution.loc.clamp(-1, 1).numpy()).max() < 1e-5
    assert np.abs(log_std - distribution._dist.scale.log().numpy()).max() < 1e-4


def test_stock_sac(tmp_path):
    module = save_stock(SACConfig(), tmp_path, fcnet_activation="relu")
    policy = policy_of(RllibCheckpoint.read(tmp_path, trust_pickle=True))
    with torch.no_grad():
        logits = module.forward_inference({"obs": torch.from_numpy(OBSERVATIONS)})["action_dist_inputs"]
    distribution = module.get_inference_action_dist_cls().from_logits(logits)
    mu, log_std = policy.distribution(OBSERVATIONS)
    assert np.abs(mu - torch.tanh(distribution.loc).numpy()).max() < 1e-5
    assert np.abs(log_std - distribution._dist.scale.log().numpy()).max() < 1e-4


def test_our_own_sac_comes_with_critics(tmp_path):
    config = SacAlgorithmConfig().expert(sac=SacConfig(hidden=(16, 12)), seed=3)
    module = config.get_default_rl_module_spec().build()
    module.save_to_path(str(tmp_path))
    networks = RllibCheckpoint.read(tmp_path, trust_pickle=True).networks
    for name, tensor in module.networks.state_dict().items():
        assert torch.equal(networks.state_dict()[name], tensor), name


class Bomb:
    """Unpickling it leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_without_trust_nothing_is_unpickled(tmp_path):
    (tmp_path / "class_and_ctor_args.pkl").write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    with pytest.raises(PermissionError, match="pickle"):
        RllibCheckpoint.read(tmp_path, trust_pickle=False)
    assert not (tmp_path / "exploded").exists()


def test_what_cannot_teach_is_refused(tmp_path):
    for name, words, make in (
        ("nothing", "not the checkpoint of an RLlib", lambda folder: folder.mkdir()),
        ("range", r"must lie in \[-1, 1\]", lambda folder: save_stock(PPOConfig(), folder, low=-2.0)),
        (
            "silu",
            "linear layers with ReLU or tanh.*SiLU",
            lambda folder: save_stock(PPOConfig(), folder, fcnet_activation="silu"),
        ),
        (
            "discrete",
            "must be Gaussian",
            lambda folder: save_stock(PPOConfig(), folder, actions=gymnasium.spaces.Discrete(4)),
        ),
    ):
        make(tmp_path / name)
        with pytest.raises(ValueError, match=words):
            RllibCheckpoint.read(tmp_path / name, trust_pickle=True)
    save_stock(PPOConfig(), tmp_path / "filter")
    (tmp_path / "filter" / "mean_std_filter").mkdir()
    with pytest.raises(ValueError, match="mean-std filter"):
        RllibCheckpoint.read(tmp_path / "filter", trust_pickle=True)
    (tmp_path / "nothing" / "class_and_ctor_args.pkl").write_bytes(b"broken")
    with pytest.raises(ValueError, match="cannot load it"):
        RllibCheckpoint.read(tmp_path / "nothing", trust_pickle=True)
