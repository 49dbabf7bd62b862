from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from potstill.actors.rollout_job import RolloutJob
from potstill.envs.rendering.render_config import RenderConfig
from potstill.experience.prompt_collection import PromptCollection
from potstill.launch.dagger.config import DaggerConfig, EvaluationConfig
from potstill.launch.dagger.prompt_file import PromptFile, pinned_prompts
from potstill.launch.dagger.stage_tasks import StageTasks
from potstill.launch.dagger.stages import (
    evaluation_stage,
    rollout_stage,
)
from potstill.launch.errors import BadInputError

SHIPPED = PromptCollection.find("tabletop-v1")
SHIPPED_PINNED = f"prompts/{SHIPPED.sha256}.jsonl"


def config_of(look="seen", **render):
    render = RenderConfig(**{"painter": "procedural", **render})
    evaluation = EvaluationConfig(episodes=30, look=look)
    return DaggerConfig(recipe="r", bootstrap_rollouts=40, render=render, evaluation=evaluation)


@pytest.fixture
def pinned(tmp_path):
    """``pinned(look)``: the configuration of a run whose prompts lie in its directory, ``tmp_path``."""

    def pin(look="seen"):
        prompts = PromptFile.find(config_of(look), tmp_path)
        prompts.copy(tmp_path)
        return prompts.config

    return pin


def rollout_jobs(config, run_dir):
    tasks = StageTasks(config=config, run="r-1", run_dir=run_dir, store="s")
    stage = rollout_stage(config, 0, "")
    return [RolloutJob.from_payload(task.payload) for task in tasks.rollouts(stage, 0, ("", ""))]


def evaluation_jobs(config, run_dir, look=None):
    stage = evaluation_stage(config, None if look else 0, "sha", look=look)
    stages = StageTasks(config=config, run="r-1", run_dir=run_dir, store="s")
    tasks = stages.evaluation(stage, ("folder", "sha"), look=look)
    return [RolloutJob.from_payload(task.payload) for task in tasks]


def test_a_collection_is_copied_under_its_hash_and_found_again(pinned, tmp_path):
    config = pinned()
    assert config.render.prompt_collection == SHIPPED_PINNED
    assert pinned_prompts(config.render, tmp_path).sha256 == SHIPPED.sha256
    again = PromptFile.find(config, tmp_path)
    assert again.config == config and again.data is None


def test_a_painter_without_prompts_needs_none(tmp_path):
    config = config_of(painter="mujoco", prompt_collection="nowhere.jsonl")
    found = PromptFile.find(config, tmp_path)
    found.copy(tmp_path)
    assert found.config == config and not list(tmp_path.iterdir())
    assert pinned_prompts(config.render, tmp_path) is None


def test_a_look_with_prompts_needs_them_though_the_painter_takes_none(tmp_path):
    config = config_of(painter="mujoco")
    config = replace(config, evaluation=replace(config.evaluation, final_looks=("plain", "held_out")))
    found = PromptFile.find(config, tmp_path)
    found.copy(tmp_path)
    assert found.config.render.prompt_collection == SHIPPED_PINNED
    assert PromptFile.find(found.config, tmp_path).data is None
    held_out = {prompt.id for prompt in SHIPPED.of_split("held_out")}
    jobs = evaluation_jobs(found.config, tmp_path, look="held_out")
    assert {job.prompt_id for job in jobs} <= held_out and {job.render.painter for job in jobs} == {
        "procedural"
    }
    assert {job.prompt_id for job in evaluation_jobs(found.config, tmp_path, look="plain")} == {-1}


@pytest.mark.parametrize("text", [None, "", '{"collection": "x"}'])
def test_a_missing_or_malformed_collection_is_bad_input(tmp_path, text):
    path = tmp_path / "mine.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadInputError, match=r"render\.prompt_collection: .*mine\.jsonl"):
        PromptFile.find(config_of(prompt_collection=str(path)), tmp_path)


def test_a_pinned_collection_that_is_gone_or_altered_is_bad_input(pinned, tmp_path):
    config = pinned()
    path = tmp_path / SHIPPED_PINNED
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(BadInputError, match="was altered; restore the file"):
        PromptFile.find(config, tmp_path)
    path.unlink()
    with pytest.raises(BadInputError, match="No such file.*restore the file"):
        pinned_prompts(config.render, tmp_path)


def test_every_rollout_has_a_prompt_of_the_training_split(pinned, tmp_path):
    config = pinned()
    jobs = rollout_jobs(config, tmp_path)
    by_id = {prompt.id: prompt for prompt in SHIPPED.of_split("train")}
    assert all(job.prompt == by_id[job.prompt_id].texts() for job in jobs)
    assert len({job.prompt_id for job in jobs}) > 25


def test_rollouts_whose_look_changes_are_told_where_the_prompts_lie(pinned, tmp_path):
    config = pinned()
    config = replace(config, render=replace(config.render, look_steps=7))
    jobs = rollout_jobs(config, tmp_path)
    assert {(job.prompt_file, job.prompt_id) for job in jobs} == {(str(tmp_path / SHIPPED_PINNED), -1)}
    assert all(job.prompt_id >= 0 and not job.prompt_file for job in evaluation_jobs(config, tmp_path))


@pytest.mark.parametrize(("look", "split"), [("seen", "train"), ("held_out", "held_out")])
def test_an_evaluation_shows_prompts_of_its_split(pinned, tmp_path, look, split):
    jobs = evaluation_jobs(pinned(look), tmp_path)
    assert {job.prompt_id for job in jobs} <= {prompt.id for prompt in SHIPPED.of_split(split)}
    assert len({job.prompt_id for job in jobs}) > 10
    assert all(job.render.painter == "procedural" for job in jobs)


def test_a_plain_evaluation_shows_rgb_without_prompts(pinned, tmp_path):
    jobs = evaluation_jobs(pinned("plain"), tmp_path)
    assert {job.render.painter for job in jobs} == {"mujoco"}
    assert all(job.prompt_id == -1 and not job.prompt for job in jobs)


def test_looks_and_prompts_are_inputs_of_stages_but_only_where_there_are_any():
    keys = {evaluation_stage(config_of(look), 0, "sha").key for look in ("seen", "held_out", "plain")}
    assert len(keys) == 3
    prompted = {rollout_stage(config_of(prompt_collection=name), 0, "").key for name in ("a", "b")}
    assert len(prompted) == 2
    plain = [rollout_stage(config_of(painter="mujoco", prompt_collection=name), 0, "") for name in ("a", "b")]
    assert plain[0].key == plain[1].key and "prompt_collection" not in plain[0].inputs["render"]


def test_unpinned_prompts_never_reach_a_task():
    with pytest.raises(ValueError, match="never pinned"):
        pinned_prompts(config_of().render, Path("/run"))
