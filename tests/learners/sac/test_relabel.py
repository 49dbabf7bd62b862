"""The labels of a learning history, against numbers computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from potstill.experience.errors import ArrayFileError
from potstill.experience.history_config import HistoryConfig
from potstill.experience.history_reader import HistoryReader
from potstill.experience.history_shard import HistoryFacts, HistoryShard
from potstill.learners.sac.relabel import relabel_history, relabelled
from potstill.policies.expert_checkpoint import save_expert
from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.expert_policy import ExpertPolicy
from potstill.policies.sac_networks import SacNetworks

DISCOUNT, REWARD_SCALE, ALPHA = 0.9, 0.1, 0.5


def facts_of(**changes):
    facts = dict(
        task="reach-v3", robot="sawyer", model_hash="a" * 64, seed=3, env_steps=9, decisions=9, success_rate=1.0,
        eval_episodes=9, kind="final", trained_with="x", hidden=(), action_size=1, discount=DISCOUNT,
        reward_scale=REWARD_SCALE,
    )  # fmt: skip
    return ExpertFacts(**(facts | changes))


def linear_networks():
    """mean = 2 s0 - 1, log std = -1 (tanh(0) in -4..2); Q'1 = s1 + 3 a, Q'2 = 1 - 2 a; Q is something else."""
    networks = SacNetworks(2, 1, hidden=(), layer_norm=False, log_std_min=-4.0, initial_alpha=ALPHA)
    with torch.no_grad():
        networks.actor.trunk[0].weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 0.0]]))
        networks.actor.trunk[0].bias.copy_(torch.tensor([-1.0, 0.0]))
        target = networks.target_critic
        target.weights[0].copy_(torch.tensor([[[0.0], [1.0], [3.0]], [[0.0], [0.0], [-2.0]]]))
        target.biases[0].copy_(torch.tensor([[[0.0]], [[1.0]]]))
    return networks


def random_shard(episodes, *, steps=5, size=2, actions=1, env_steps=10_000):
    rng = np.random.default_rng(episodes)
    rows = len(episodes) * steps
    draw = lambda *shape: rng.uniform(-1, 1, shape).astype(np.float32)  # noqa: E731
    terminated = np.zeros(rows, bool)
    terminated[1] = True
    return HistoryShard(
        facts=HistoryFacts(task="reach-v3", robot="sawyer", model_hash="a" * 64, seed=3),
        observation=draw(rows, size), action=draw(rows, actions), reward=draw(rows), next_observation=draw(rows, size),
        terminated=terminated, truncated=np.arange(rows) % steps == steps - 1, success=terminated,
        episode_seed=np.repeat(np.array(episodes, np.int64), steps), env_steps=np.full(rows, env_steps, np.int64),
    )  # fmt: skip


@pytest.fixture
def expert(tmp_path):
    save_expert(tmp_path / "expert", linear_networks(), facts_of())
    return tmp_path / "expert"


def test_every_label_is_the_formulas(expert):
    shard = random_shard([7, 8])
    done = relabelled(shard, linear_networks(), ExpertPolicy.load(expert), facts_of())
    noise = {seed: np.random.default_rng((seed, 0x5AC)).normal(size=(5, 1)) for seed in (7, 8)}
    for row in range(len(shard)):
        s, after = shard.observation[row], shard.next_observation[row]
        assert done.mu[row, 0] == pytest.approx(math.tanh(2 * s[0] - 1), abs=1e-6)
        assert done.log_std[row, 0] == pytest.approx(-1.0, abs=1e-6)
        epsilon = noise[int(shard.episode_seed[row])][row % 5, 0]
        before = 2 * after[0] - 1 + math.exp(-1) * epsilon
        a = math.tanh(before)
        log_density = -0.5 * epsilon**2 + 1 - 0.5 * math.log(2 * math.pi) - math.log(1 - a * a)
        value = min(after[1] + 3 * a, 1 - 2 * a) - ALPHA * log_density
        target = REWARD_SCALE * shard.reward[row] + DISCOUNT * (0 if row == 1 else 1) * value
        assert done.legacy_value_target[row] == pytest.approx(value, abs=2e-5)
        assert done.value_target[row] == pytest.approx(target, abs=2e-5)
    assert (done.facts.discount, done.facts.reward_scale) == (DISCOUNT, REWARD_SCALE)


def test_an_episodes_labels_do_not_depend_on_its_neighbours(expert):
    policy, networks, facts = ExpertPolicy.load(expert), linear_networks(), facts_of()
    together = random_shard([7, 8])
    alone = together.select(together.episode_seed == 8)
    whole = relabelled(together, networks, policy, facts).select(together.episode_seed == 8)
    for name, column in relabelled(alone, networks, policy, facts).columns().items():
        assert np.array_equal(column, whole.columns()[name]), name


def test_a_history_is_labelled_by_the_final_expert_bit_for_bit_and_sealed(tmp_path):
    torch.manual_seed(0)
    networks = SacNetworks(39, 4, hidden=(32, 32), layer_norm=True, log_std_min=-5.0, initial_alpha=0.1)
    sha256 = save_expert(tmp_path / "expert", networks, facts_of(hidden=(32, 32), action_size=4))
    paths = [tmp_path / "snapshots" / f"step_{number:010d}.safetensors" for number in range(5)]
    for number, path in enumerate(paths):
        random_shard([2 * number, 2 * number + 1], size=39, actions=4, env_steps=number).write(path)

    archive = relabel_history(
        paths, tmp_path / "history", expert=tmp_path / "expert", config=HistoryConfig(validation_fraction=0.2)
    )
    assert archive.facts.expert == sha256
    policy = ExpertPolicy.load(tmp_path / "expert")
    sizes = []
    for split in ("train", "validation"):
        reader = HistoryReader(tmp_path / "history", split=split)
        reader.verify()
        sizes.append(len(reader.episodes()))
        for columns in reader.columns(["observation", "mu", "log_std", "value_target"]):
            mu, log_std = policy.distribution(columns["observation"])
            assert mu.tobytes() == columns["mu"].tobytes()
            assert log_std.tobytes() == columns["log_std"].tobytes()
            assert np.isfinite(columns["value_target"]).all()
    assert sizes == [8, 2]


def test_a_history_of_another_robot_is_refused_naming_both(tmp_path, expert):
    save_expert(expert, linear_networks(), facts_of(model_hash="b" * 64, robot="ur5e"))
    random_shard([1]).write(tmp_path / "step")
    with pytest.raises(ArrayFileError, match="with sawyer .* is one of ur5e"):
        relabel_history([tmp_path / "step"], tmp_path / "h", expert=expert, config=HistoryConfig())
