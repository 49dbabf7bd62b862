from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from potstill.actors.render_channel import LocalRenderChannel
from potstill.envs.rendering.open_scene_renderer import open_scene_renderer
from potstill.envs.rendering.render_config import RenderConfig
from potstill.experience.prompt_collection import PromptCollection
from potstill.launch.dagger.prompt_file import PromptFile
from potstill.launch.dagger.replay import replay_episode
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.errors import BadInputError, RunFailedError


@pytest.fixture
def recorded(make_rig):
    """A run whose bootstrap round was really drawn, every second step of it warped."""
    rig = make_rig(
        rounds=0,
        bootstrap_rollouts=2,
        render=RenderConfig(size=24, painter="randomised", keyframe_interval=2),
    )
    rig.run_dir.mkdir()
    DaggerFolder(rig.run_dir).open(rig.config)
    renderer = open_scene_renderer(rig.config.render.renderer)
    rig.rollout_worker._pictures = LocalRenderChannel(renderer)
    rig.run(kill_before=2)
    renderer.close()
    return rig


@pytest.fixture
def tamper(recorded):
    """Replaces arrays of episode 0/1 in the store, hashes and all."""

    def tamper(**arrays):
        entry = recorded.store.entry(0, 1)
        episode = recorded.store.load(entry)
        recorded.store.discard(0, 1)
        recorded.store.commit(
            replace(episode, **{name: change(getattr(episode, name)) for name, change in arrays.items()})
        )

    return tamper


def changed(step, place):
    def change(array):
        array = array.copy()
        array[step][place] += 1
        return array

    return change


def test_a_recorded_episode_is_drawn_again_byte_for_byte(recorded, capsys):
    assert replay_episode(recorded.run_dir, "0/1") == 0
    out = capsys.readouterr().out
    assert "6 of 6 equal byte for byte (3 of them warped)" in out
    assert "expert_action" in out


def test_an_episode_of_a_student_is_acted_again_by_its_checkpoint(make_rig, capsys):
    rig = make_rig(rounds=1, bootstrap_rollouts=2, rollouts=2, render=RenderConfig(size=24))
    rig.run_dir.mkdir()
    DaggerFolder(rig.run_dir).open(rig.config)
    renderer = open_scene_renderer(rig.config.render.renderer)
    rig.rollout_worker._pictures = LocalRenderChannel(renderer)
    rig.run()
    renderer.close()

    assert replay_episode(rig.run_dir, "1/1") == 0
    assert "acted by student" in capsys.readouterr().out

    (rig.run_dir / "checkpoints" / "round_00" / "policy.safetensors").unlink()
    with pytest.raises(BadInputError, match="the student that acted this episode is gone"):
        replay_episode(rig.run_dir, "1/1")


@pytest.fixture
def painted_by_prompts(make_rig):
    """A run with the procedural painter, its prompts pinned in the run directory."""
    return _painted_by_prompts(make_rig)


def _painted_by_prompts(make_rig, **render):
    render = RenderConfig(size=24, painter="procedural", keyframe_interval=2, **render)
    rig = make_rig(rounds=0, bootstrap_rollouts=2, render=render)
    prompts = PromptFile.find(rig.config, rig.run_dir)
    rig.config = prompts.config
    rig.run_dir.mkdir()
    prompts.copy(rig.run_dir)
    DaggerFolder(rig.run_dir).open(rig.config)
    renderer = open_scene_renderer(rig.config.render.renderer)
    rig.rollout_worker._pictures = LocalRenderChannel(renderer)
    rig.run(kill_before=2)
    renderer.close()
    return rig


def test_an_episode_painted_by_a_prompt_is_painted_again_byte_for_byte(painted_by_prompts, capsys):
    rig = painted_by_prompts
    collection = PromptCollection.find("tabletop-v1")
    episodes = [rig.store.load(rig.store.entry(0, index)) for index in range(2)]
    trained_on = {prompt.id for prompt in collection.of_split("train")}
    for episode in episodes:
        assert set(episode.prompt_id) == {episode.prompt_id[0]} and episode.prompt_id[0] in trained_on
        assert episode.meta.prompt_collection == f"prompts/{collection.sha256}.jsonl"
        assert episode.meta.painter_version.startswith("procedural-")
    assert episodes[0].prompt_id[0] != episodes[1].prompt_id[0]
    assert replay_episode(rig.run_dir, "0/1") == 0
    assert "6 of 6 equal byte for byte (3 of them warped)" in capsys.readouterr().out


def test_an_episode_whose_look_changes_is_painted_again_byte_for_byte(make_rig, capsys):
    rig = _painted_by_prompts(make_rig, look_steps=2)
    episode = rig.store.load(rig.store.entry(0, 1))
    assert len(set(episode.render_seed)) == 3
    assert np.array_equal(episode.prompt_id[::2], episode.prompt_id[1::2]) and len(set(episode.prompt_id)) > 1
    assert episode.meta.prompt_collection == rig.config.render.prompt_collection
    assert replay_episode(rig.run_dir, "0/1") == 0
    assert "6 of 6 equal byte for byte (3 of them warped)" in capsys.readouterr().out


def test_altered_prompts_are_refused(painted_by_prompts):
    path = next((painted_by_prompts.run_dir / "prompts").iterdir())
    path.write_bytes(path.read_bytes().replace(b"oak", b"elm"))
    with pytest.raises(BadInputError, match="render.prompt_collection: .*altered"):
        replay_episode(painted_by_prompts.run_dir, "0/1")


@pytest.mark.parametrize("step", [2, 3])
def test_a_painted_or_warped_frame_that_was_tampered_with_is_found(recorded, tamper, step):
    tamper(frames=changed(step, (0, 5, 7, 1)))
    with pytest.raises(RunFailedError, match=rf"store: frames at steps \[{step}\] .*randomised"):
        replay_episode(recorded.run_dir, "0/1")
    assert replay_episode(recorded.run_dir, "0/0") == 0


def test_a_label_that_was_tampered_with_is_found(recorded, tamper):
    tamper(
        expert_action=lambda actions: np.where(np.arange(6)[:, None] == 4, actions / 2, actions).astype(
            np.float32
        )
    )
    with pytest.raises(RunFailedError, match=r"store: expert_action at steps \[4\]"):
        replay_episode(recorded.run_dir, "0/1")


@pytest.mark.parametrize("name", ["0/9", "7/0", "first", "0-1", "-1/0", ""])
def test_an_episode_that_is_not_there_is_refused(run_with_episodes, name):
    with pytest.raises(BadInputError, match="episode: "):
        replay_episode(run_with_episodes.root, name)


def test_the_refusal_says_what_there_is(run_with_episodes):
    with pytest.raises(BadInputError, match=r"0/0..2, 1/0..2, 2/0..2"):
        replay_episode(run_with_episodes.root, "3/0")
