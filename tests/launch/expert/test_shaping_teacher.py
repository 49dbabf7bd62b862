"""The collective policy that guides a training: how it is found, and that a run needs nothing but itself."""

from __future__ import annotations

import shutil

import pytest
import torch
import yaml

from potstill.launch.errors import BadInputError
from potstill.launch.expert.expert_session import ExpertSession
from potstill.launch.expert.run_folder import ExpertFolder
from potstill.launch.expert.shaping_teacher import ShapingTeacher, with_checked_teacher
from potstill.policies.collective_checkpoint import save_collective
from potstill.policies.collective_policy import CollectivePolicy
from potstill.policies.collective_policy_config import CollectivePolicyConfig


def save(folder, *, context="zeros", seed=0):
    """An untrained policy that knows push-v3; returns its sha256."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        policy = CollectivePolicy(
            CollectivePolicyConfig(context=context, hidden=(8,)),
            transformer=None, state_size=21, action_size=4, tasks=("push-v3",), code_size=2,
        )  # fmt: skip
    return save_collective(folder, policy)


@pytest.fixture
def teacher(tmp_path):
    save(tmp_path / "teacher")
    return tmp_path / "teacher"


def test_without_shaping_nothing_is_looked_for_and_nothing_changes(make_config, tmp_path):
    found = ShapingTeacher.find(make_config(), tmp_path)
    assert found.config == make_config() and found.source is None
    found.copy(tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_teacher_is_pinned_by_its_hash_and_the_bonus_ends_with_the_budget(make_config, tmp_path, teacher):
    sha256 = save(teacher)
    found = ShapingTeacher.find(make_config(f"shaping.teacher={teacher}"), tmp_path / "run")
    found.copy(tmp_path / "run")
    assert found.config.shaping.teacher == f"teachers/{sha256}"
    assert found.config.shaping.end_step == 1600
    shutil.rmtree(teacher)
    again = ShapingTeacher.find(found.config, tmp_path / "run")
    assert again.config == found.config and again.source is None
    assert again.config_in(tmp_path / "run").shaping.teacher == str(tmp_path / "run" / "teachers" / sha256)


def test_the_end_of_the_bonus_may_be_chosen(make_config, tmp_path, teacher):
    config = make_config(f"shaping.teacher={teacher}", "shaping.end_step=700")
    assert ShapingTeacher.find(config, tmp_path / "run").config.shaping.end_step == 700


def test_a_pinned_teacher_that_was_exchanged_is_refused(make_config, tmp_path, teacher):
    run = tmp_path / "run"
    found = ShapingTeacher.find(make_config(f"shaping.teacher={teacher}"), run)
    found.copy(run)
    save(run / found.config.shaping.teacher, seed=1)
    with pytest.raises(BadInputError, match=r"shaping.teacher: .*holds [0-9a-f]{12}; restore it"):
        ShapingTeacher.find(found.config, run)


def test_a_folder_that_is_no_teacher_is_refused_by_name(make_config, tmp_path):
    (tmp_path / "empty").mkdir()
    save(tmp_path / "named", context="id")
    save(tmp_path / "damaged")
    path = tmp_path / "damaged" / "collective.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    for name, message in (
        ("nowhere", "nowhere: no such folder"),
        ("empty", "empty: holds no collective.safetensors"),
        ("named", "named: was told its task by name and knows no reach-v3"),
        ("damaged", "damaged/collective.safetensors"),
    ):
        with pytest.raises(BadInputError, match=f"shaping.teacher: .*{message}") as caught:
            with_checked_teacher(make_config(f"shaping.teacher={tmp_path / name}"))
        assert "\n" not in str(caught.value)


def test_a_plan_holds_the_whole_path(make_config, tmp_path, teacher, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = with_checked_teacher(make_config("shaping.teacher=teacher"))
    assert config.shaping.teacher == str(teacher)


@pytest.mark.usefixtures("one_ray")
def test_a_guided_run_goes_on_without_the_folder_its_teacher_came_from(make_config, tmp_path, teacher):
    # As a trial does: with the settings of the plan, which name a folder that has gone.
    config, run = make_config(f"shaping.teacher={teacher}", "sac.demo_episodes=0"), tmp_path / "run"
    session = ExpertSession(config, run)
    session.advance()
    session.close()
    written = yaml.safe_load((run / "config.yaml").read_text())["shaping"]
    shutil.rmtree(teacher)
    session = ExpertSession(config, run)
    steps = session.figures()["env_steps"]
    session.advance()
    assert session.figures()["env_steps"] > steps > 0
    session.close()
    assert ExpertFolder(run).read_config().shaping.teacher == written["teacher"]
    assert (run / written["teacher"] / "collective.safetensors").is_file()
