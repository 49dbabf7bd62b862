from __future__ import annotations

import numpy as np
import pytest

from potstill.actors.teacher_factory import make_teacher
from potstill.actors.teacher_source import TeacherSource
from potstill.envs.task_simulation import TaskSimulation
from potstill.envs.teachers import OracleTeacher
from potstill.experience.errors import ArrayFileError
from potstill.policies.expert_policy import ExpertPolicy


@pytest.fixture(scope="module")
def simulation():
    return TaskSimulation("reach-v3")


def test_without_a_folder_the_oracle_teaches(simulation):
    assert isinstance(make_teacher(TeacherSource(), simulation), OracleTeacher)


def test_an_expert_teaches_and_its_file_is_read_once(simulation, write_expert, tmp_path):
    source = TeacherSource(folder=str(tmp_path), sha256=write_expert(tmp_path))
    teacher = make_teacher(source, simulation)
    observation = simulation.reset(1)
    assert np.array_equal(teacher.act(observation), ExpertPolicy.load(tmp_path).act(observation))
    assert teacher.act(observation).shape == (4,)
    (tmp_path / "expert.safetensors").unlink()
    assert make_teacher(TeacherSource(folder=source.folder, sha256=source.sha256), simulation) is teacher


def test_another_file_than_expected_is_refused(simulation, write_expert, tmp_path):
    write_expert(tmp_path)
    with pytest.raises(ArrayFileError, match="wanted ffffffffffff"):
        make_teacher(TeacherSource(folder=str(tmp_path), sha256="f" * 64), simulation)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_hash": "b" * 64}, "model bbbbbbbbbbbb"),
        ({"task": "push-v3"}, "expert of push-v3 .* wanted reach-v3"),
        ({"robot": "ur5e"}, "with ur5e .* with sawyer"),
        ({"observation_layout": "other.1"}, "layout other.1, here they are metaworld-39"),
    ],
)
def test_an_expert_of_another_world_is_refused_naming_both(
    simulation, write_expert, tmp_path, changes, words
):
    source = TeacherSource(folder=str(tmp_path), sha256=write_expert(tmp_path, **changes))
    with pytest.raises(ValueError, match=words):
        make_teacher(source, simulation)


def test_folder_and_hash_belong_together():
    with pytest.raises(ValueError, match="belong together"):
        TeacherSource(folder="somewhere")
