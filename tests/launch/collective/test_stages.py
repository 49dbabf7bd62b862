from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from potstill.actors.beta_schedule import BetaSchedule
from potstill.launch.collective.expert_table import ExpertTable
from potstill.launch.collective.stages import (
    collection_stage,
    distillation_stage,
    matrix_stage,
    representation_stage,
)
from potstill.launch.engine.lease_config import LeaseConfig
from potstill.launch.engine.worker_pools_config import WorkerPoolsConfig


def table_of(config, **by_cell):
    return ExpertTable(config=config, by_cell=by_cell, sources={})


def distillation(config, context, **changes):
    facts = {"manifests": ["m0", "m1"], "representation_sha256": "tt", "initial_sha256": ""}
    return distillation_stage(config, f"final.{context}", context=context, **(facts | changes))


def stages(config):
    experts = table_of(config)
    first = {"context": "code", "manifests": ["m0"], "representation_sha256": "tt", "initial_sha256": ""}
    return {
        "bootstrap": collection_stage(experts, 0, ""),
        "on_policy": collection_stage(experts, 1, "policy"),
        "representation": representation_stage(config, "m0"),
        "round": distillation_stage(config, "round_00", **first),
        **{context: distillation(config, context) for context in ("code", "zeros", "id", "joint")},
        "look": matrix_stage(config, "round_00", "policy"),
        "final": matrix_stage(config, "final.code", "policy"),
    }


def collection(config, **settings):
    return {"collection": replace(config.collection, **settings)}


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        (lambda c: {"recipe": "other"}, ""),
        (lambda c: {"pools": WorkerPoolsConfig(rollout_workers=7)}, ""),
        (lambda c: {"delivery": LeaseConfig(lease_seconds=99.0)}, ""),
        (lambda c: {"rounds": 9}, ""),
        (lambda c: {"contexts": ("id",)}, ""),
        (lambda c: collection(c, batch=64), ""),
        (lambda c: collection(c, bootstrap_episodes=7), "bootstrap"),
        (lambda c: collection(c, noise=(0.7,)), "bootstrap"),
        (lambda c: collection(c, random_fraction=0.0), "bootstrap"),
        (lambda c: collection(c, noisy_fraction=0.1), "bootstrap"),
        (lambda c: collection(c, episodes=7), "on_policy"),
        (lambda c: {"beta": BetaSchedule(value=0.5)}, "on_policy"),
        (lambda c: collection(c, max_steps=9), "bootstrap on_policy"),
        (lambda c: collection(c, hold_steps=9), "bootstrap on_policy"),
        (lambda c: {"representation": replace(c.representation, temperature=0.5)}, "representation"),
        (lambda c: {"transformer": replace(c.transformer, layers=2)}, "representation round code joint"),
        (
            lambda c: {"transformer": replace(c.transformer, code_size=3)},
            "representation round code joint zeros",
        ),
        (lambda c: {"learner": replace(c.learner, loss="kl")}, "round code zeros id joint"),
        (lambda c: {"policy": replace(c.policy, hidden=(9,))}, "round code zeros id joint"),
        (lambda c: {"policy": replace(c.policy, context="joint")}, ""),
        (lambda c: {"evaluation": replace(c.evaluation, episodes=9)}, "look"),
        (lambda c: {"evaluation": replace(c.evaluation, final_episodes=9)}, "final"),
        (lambda c: {"evaluation": replace(c.evaluation, max_steps=9)}, "look final"),
        (lambda c: {"unseen_robots": ("panda",)}, "final"),
        (lambda c: {"robots": ("sawyer", "panda")}, "bootstrap on_policy look final"),
        (lambda c: {"tasks": ("reach-v3",)}, "bootstrap on_policy round code zeros id joint look final"),
        # Evaluations have the same seeds in every run.
        (lambda c: {"seed": 1}, "bootstrap on_policy representation round code zeros id joint"),
    ],
)
def test_a_changed_setting_changes_only_the_stages_that_depend_on_it(tiny, change, redone):
    before, after = stages(tiny), stages(replace(tiny, **change(tiny)))
    assert {name for name in before if before[name].key != after[name].key} == set(redone.split())


def test_a_new_policy_redoes_the_rounds_it_acts_in_and_its_evaluations(tiny):
    experts = table_of(tiny)
    assert collection_stage(experts, 0, "a").key == collection_stage(experts, 0, "b").key
    assert collection_stage(experts, 1, "a").key != collection_stage(experts, 1, "b").key
    assert matrix_stage(tiny, "final.code", "a").key != matrix_stage(tiny, "final.code", "b").key


def test_another_expert_of_any_cell_redoes_the_collections(tiny):
    trained = ExpertTable(config=tiny, by_cell={("sawyer", "reach-v3"): "teachers/x"}, sources={})
    for round_index in (0, 1):
        one, other = (collection_stage(experts, round_index, "p") for experts in (table_of(tiny), trained))
        assert one.key != other.key
        assert other.inputs["experts"] == ["teachers/x", "oracle"]


def test_episodes_a_transformer_and_first_weights_redo_the_policies_they_go_into(tiny):
    for changes in ({"manifests": ["m0", "m2"]}, {"initial_sha256": "x"}):
        for context in ("code", "zeros", "id", "joint"):
            assert distillation(tiny, context).key != distillation(tiny, context, **changes).key
    new = {"representation_sha256": "tt2"}
    redone = [
        context
        for context in ("code", "zeros", "id", "joint")
        if distillation(tiny, context).key != distillation(tiny, context, **new).key
    ]
    assert redone == ["code"]


def test_every_stage_has_a_name_of_its_own_that_is_a_file_name(tiny):
    names = [stage.name for stage in stages(tiny).values()]
    assert len(set(names)) == len(names)
    assert all(Path(name).name == name for name in names)
