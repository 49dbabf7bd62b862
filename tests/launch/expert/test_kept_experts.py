"""The experts that the repository keeps still fit the worlds they were trained in, and still solve them."""

from __future__ import annotations

from pathlib import Path

import pytest

from potstill.envs.task_simulation import TaskSimulation
from potstill.experience.episode_seeds import final_evaluation_seed
from potstill.launch.expert.teacher_evaluation import evaluate_teacher
from potstill.policies.expert_policy import ExpertPolicy

FOLDER = Path(__file__).resolve().parents[3] / "experts"
FINAL = sorted(path.parent for path in FOLDER.glob("*/expert.safetensors"))
LADDER = sorted(path.parent for path in FOLDER.glob("*/ladder/*/expert.safetensors"))


@pytest.mark.parametrize("folder", FINAL, ids=lambda folder: folder.name)
def test_a_kept_expert_solves_goals_it_was_not_chosen_by(folder):
    policy = ExpertPolicy.load(folder)
    facts = policy.facts
    assert facts.kind == "final"
    simulation = TaskSimulation(facts.task, robot=facts.robot)
    assert simulation.model_hash == facts.model_hash
    seeds = [final_evaluation_seed(index) for index in range(8)]
    outcomes = list(evaluate_teacher(policy, simulation, seeds, max_steps=200))
    assert sum(outcome.success for outcome in outcomes) >= 7


@pytest.mark.parametrize("folder", LADDER, ids=lambda folder: folder.name)
def test_a_kept_rung_is_an_earlier_state_of_the_expert_beside_it(folder):
    rung, final = ExpertPolicy.load(folder).facts, ExpertPolicy.load(folder.parents[1]).facts
    assert rung.kind == "ladder"
    assert (rung.task, rung.robot, rung.model_hash) == (final.task, final.robot, final.model_hash)
    assert rung.env_steps < final.env_steps


def test_every_kept_expert_is_small():
    sizes = {path: path.stat().st_size for path in FOLDER.rglob("*.safetensors")}
    assert sizes
    assert max(sizes.values()) < 2**20
