from __future__ import annotations

import pytest

from potstill.actors.look_sequence import LookSequence
from potstill.envs.rendering.render_config import RenderConfig
from potstill.experience.errors import PromptFileError
from potstill.experience.prompt_collection import PromptCollection, prompt_file

SHIPPED = PromptCollection.find("tabletop-v1")


@pytest.fixture
def pinned(tmp_path):
    path = tmp_path / f"{SHIPPED.sha256}.jsonl"
    path.write_bytes(prompt_file("tabletop-v1").read_bytes())
    return path


@pytest.fixture
def looks_of(bench, pinned):
    """``looks_of(count, ...)``: the looks of a job at its first steps; each step has another."""

    def looks_of(count=30, *, look_steps=1, painter="procedural", **changes):
        render = RenderConfig(size=16, painter=painter, look_steps=look_steps)
        prompts = str(pinned) if painter == "procedural" and look_steps else ""
        sequence = LookSequence(bench.job(render=render, **{"prompt_file": prompts, **changes}))
        return [sequence.at(step) for step in range(count)]

    return looks_of


def test_each_look_has_a_seed_and_a_prompt_of_the_training_split(looks_of):
    looks = looks_of()
    assert len({look.seed for look in looks}) == 30
    by_id = {prompt.id: prompt for prompt in SHIPPED.of_split("train")}
    assert all(look.prompt == by_id[look.prompt_id].texts() for look in looks)
    assert len({look.prompt_id for look in looks}) > 20


def test_the_looks_follow_from_the_episodes_seed_alone(looks_of):
    assert looks_of() == looks_of(index=3, seed=7000)
    assert not {look.seed for look in looks_of()} & {look.seed for look in looks_of(seed=7001)}


def test_a_look_lasts_for_so_many_steps(looks_of):
    seeds = [look.seed for look in looks_of(21, look_steps=7)]
    assert seeds[::7] * 7 == seeds[3::7] * 7 and len(set(seeds)) == 3
    assert seeds == sorted(seeds, key=seeds.index)


def test_a_look_for_the_episode_stays(looks_of):
    looks = looks_of(look_steps=0, prompt_id=4, prompt={"table": "oak"})
    assert looks == looks[:1] * 30
    assert (looks[0].prompt_id, looks[0].prompt) == (4, {"table": "oak"})


def test_an_evaluation_keeps_its_look_though_those_of_rollouts_change(looks_of):
    looks = looks_of(purpose="evaluation", prompt_file="", prompt_id=4, prompt={"table": "oak"})
    assert looks == looks_of(look_steps=0, prompt_id=4, prompt={"table": "oak"})


def test_a_painter_without_prompts_gets_seeds_alone(looks_of):
    looks = looks_of(painter="randomised")
    assert len({look.seed for look in looks}) == 30
    assert {(look.prompt_id, tuple(look.prompt)) for look in looks} == {(-1, ())}


@pytest.mark.parametrize(("damage", "words"), [("gone", "No such file"), ("altered", "was altered")])
def test_prompts_that_are_gone_or_altered_fail_the_episode(looks_of, pinned, damage, words):
    if damage == "gone":
        pinned.unlink()
    else:
        pinned.write_bytes(pinned.read_bytes().replace(b"pine", b"oak "))
    with pytest.raises(PromptFileError, match=words):
        looks_of()
