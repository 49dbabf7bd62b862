from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import ray
import torch
from ray.rllib.algorithms.ppo import PPOConfig

from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.task_simulation import TaskSimulation
from potstill.launch.dagger.config import DaggerConfig, TeacherConfig
from potstill.launch.dagger.teacher_files import TeacherFiles
from potstill.learners.sac.algorithm_config import SacAlgorithmConfig
from potstill.learners.sac.config import SacConfig
from potstill.policies.expert_checkpoint import load_expert
from potstill.policies.expert_policy import ExpertPolicy

OBSERVATIONS = np.random.default_rng(0).normal(size=(20, 39)).astype(np.float32)


@pytest.fixture(scope="module")
def local_ray():
    ray.init(
        address="local", num_cpus=3, include_dashboard=False, object_store_memory=80 * 2**20,
        logging_level="ERROR", log_to_driver=False,
    )  # fmt: skip
    yield
    ray.shutdown()


@pytest.fixture
def ppo(tmp_path):
    """A stock PPO module's checkpoint."""
    spec = PPOConfig().get_default_rl_module_spec()
    spec.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (39,), np.float32)
    spec.action_space = gymnasium.spaces.Box(-1.0, 1.0, (4,), np.float32)
    spec.model_config = {"vf_share_layers": False, "fcnet_hiddens": [16, 16]}
    module = spec.build()
    module.save_to_path(str(tmp_path / "ppo"))
    return tmp_path / "ppo", module


def test_our_own_algorithms_checkpoint_becomes_an_expert_that_knows_its_world(local_ray, command, tmp_path):
    sac = SacConfig(
        hidden=(16, 16), envs=2, fragment=5, max_steps=20, batch_size=16, demo_episodes=0, random_decisions=0,
        replay_capacity=1_000, action_repeat=2, reward_scale=0.25,
    )  # fmt: skip
    dynamics = DynamicsConfig(damping_scale=2.0)
    algorithm = SacAlgorithmConfig().expert(task="reach-v3", seed=5, sac=sac, dynamics=dynamics).build_algo()
    algorithm.train()
    algorithm.save_to_path(str(tmp_path / "rllib"))
    networks = algorithm.networks()
    algorithm.stop()

    code, out, err = command(
        "expert", "convert", tmp_path / "rllib", "--out", tmp_path / "expert", "--trust-pickle"
    )
    assert code == 0, err
    assert "potstill expert evaluate" in out
    loaded, facts, _ = load_expert(tmp_path / "expert")
    for name, tensor in networks.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    assert (facts.task, facts.robot, facts.seed, facts.action_repeat, facts.reward_scale) == (
        "reach-v3", "sawyer", 5, 2, 0.25
    )  # fmt: skip
    assert facts.model_hash == TaskSimulation("reach-v3", dynamics=dynamics).model_hash
    assert facts.model_hash != TaskSimulation("reach-v3").model_hash


def test_a_stock_checkpoint_becomes_a_teacher_of_the_task_that_is_named(command, ppo, tmp_path):
    folder, module = ppo
    words = (
        "expert",
        "convert",
        folder,
        "--out",
        tmp_path / "expert",
        "--trust-pickle",
        "--task",
        "reach-v3",
    )
    assert command(*words)[0] == 0
    policy = ExpertPolicy.load(tmp_path / "expert")
    with torch.no_grad():
        logits = module.forward_inference({"obs": torch.from_numpy(OBSERVATIONS)})["action_dist_inputs"]
    assert np.abs(policy.act_batch(OBSERVATIONS) - logits[:, :4].clamp(-1, 1).numpy()).max() < 1e-5
    # It teaches a run.
    config = DaggerConfig(recipe="r", teacher=TeacherConfig(expert=str(tmp_path / "expert")))
    assert TeacherFiles.find(config, tmp_path / "run").config.teacher.expert == f"teachers/{policy.sha256}"


def test_without_trust_it_says_why_and_reads_nothing(refused, ppo, tmp_path):
    folder, _ = ppo
    line = refused("expert", "convert", folder, "--out", tmp_path / "expert", "--task", "reach-v3")
    assert "pickle" in line and "add --trust-pickle" in line
    assert not (tmp_path / "expert").exists()


def test_what_cannot_be_converted_is_refused(refused, ppo, write_expert, tmp_path):
    folder, _ = ppo
    (tmp_path / "empty").mkdir()
    write_expert(tmp_path / "taken")
    out = ("--out", tmp_path / "expert", "--trust-pickle")
    for words, expected in (
        ((tmp_path / "nowhere", *out), "no such folder"),
        ((tmp_path / "empty", *out), "not the checkpoint of an RLlib"),
        ((folder, *out), "add --task TASK"),
        ((folder, *out, "--task", "reach"), "reach-v3"),
        ((folder, *out, "--task", "reach-v3", "--robot", "ur5"), "did you mean ur5e"),
        ((folder, "--out", tmp_path / "taken", "--trust-pickle"), "already holds an expert"),
    ):
        assert expected in refused("expert", "convert", *words)
    assert not (tmp_path / "expert").exists()
