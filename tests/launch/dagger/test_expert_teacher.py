"""A whole small run with an expert of its own and a ladder in the bootstrap round."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from potstill.actors.render_channel import LocalRenderChannel
from potstill.envs.rendering.open_scene_renderer import open_scene_renderer
from potstill.launch.dagger.config import TeacherConfig
from potstill.launch.dagger.replay import replay_episode
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.dagger.teacher_files import TeacherFiles
from potstill.launch.errors import BadInputError
from potstill.policies.expert_policy import ExpertPolicy


@pytest.fixture
def taught(make_rig, write_expert, tmp_path):
    """A rig that is taught by an expert and two steps of its ladder; its renderer draws for real."""
    expert = write_expert(tmp_path / "training" / "expert", seed=9)
    ladder = [write_expert(tmp_path / "training" / "ladder" / f"step_{n:08d}", seed=n) for n in (1, 2)]
    spec = str(tmp_path / "training")
    teacher = TeacherConfig(expert=spec, ladder_experts=(spec,), ladder_fraction=0.5)
    rig = make_rig(rounds=1, bootstrap_rollouts=4, rollouts=2)
    rig.config = replace(rig.config, teacher=teacher)
    found = TeacherFiles.find(rig.config, rig.run_dir)
    found.copy(rig.run_dir)
    rig.config = found.config
    DaggerFolder(rig.run_dir).open(rig.config)
    renderer = open_scene_renderer(rig.config.render.renderer)
    rig.rollout_worker._pictures = LocalRenderChannel(renderer)
    yield rig, expert, ladder
    renderer.close()


def test_the_ladder_acts_half_of_the_bootstrap_and_the_expert_labels_everything(
    taught, capsys, reach_model_hash
):
    rig, expert, ladder = taught
    rig.run()

    policy = ExpertPolicy.load(rig.run_dir / "teachers" / expert)
    acted = Counter()
    for round_index in (0, 1):
        for entry in rig.store.entries(round_index):
            episode = rig.store.load(entry)
            again = policy.act_batch(episode.privileged)
            assert again.tobytes() == episode.expert_action.tobytes()
            assert episode.meta.expert == policy.name
            assert (episode.meta.robot, episode.meta.model_hash) == ("sawyer", reach_model_hash)
            acted[episode.meta.actor] += round_index == 0
            if episode.meta.actor in {f"expert.{sha256[:12]}" for sha256 in ladder}:
                assert not episode.expert_acted.any()
                assert not np.array_equal(episode.action, episode.expert_action)
    assert acted == {
        policy.name: 2, f"expert.{ladder[0][:12]}": 1, f"expert.{ladder[1][:12]}": 1, "student": 0
    }  # fmt: skip

    # Acted again from the run directory alone, also by a step of the ladder.
    for index in range(4):
        assert replay_episode(rig.run_dir, f"0/{index}") == 0
    assert capsys.readouterr().out.count("equal byte for byte") >= 8


def test_another_expert_redoes_every_round_and_the_same_one_none(taught, write_expert, tmp_path):
    rig, _, _ = taught
    rig.run()
    again = rig.run()
    assert not again.named("rollouts_finished")

    other = write_expert(tmp_path / "other", seed=33)
    changed = replace(rig.config, teacher=replace(rig.config.teacher, expert=str(tmp_path / "other")))
    found = TeacherFiles.find(changed, rig.run_dir)
    found.copy(rig.run_dir)
    events = rig.run(config=found.config)
    assert len(events.named("rollouts_finished")) == 2
    names = {rig.store.load(entry).meta.expert for entry in rig.store.entries(0)}
    assert names == {f"expert.{other[:12]}"}


def test_an_episode_whose_teacher_is_gone_cannot_be_acted_again(taught):
    rig, expert, _ = taught
    rig.run(kill_before=2)
    from potstill.actors import teacher_factory

    teacher_factory._load.cache_clear()
    (rig.run_dir / "teachers" / expert / "expert.safetensors").unlink()
    with pytest.raises(BadInputError, match="the expert of this episode is gone"):
        replay_episode(rig.run_dir, "0/0")
