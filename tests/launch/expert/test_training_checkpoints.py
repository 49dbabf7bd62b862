from __future__ import annotations

import pytest

from potstill.launch.errors import BadInputError
from potstill.launch.expert.training_checkpoints import TrainingCheckpoints
from potstill.launch.expert.training_state import TrainingState


def learner_of(text):
    def save(folder):
        folder.mkdir()
        (folder / "weights").write_text(text)

    return save


@pytest.fixture
def best(tmp_path):
    folder = tmp_path / "best"
    folder.mkdir()
    (folder / "expert.safetensors").write_text("the best")
    return folder


def test_the_newest_checkpoint_is_found_whole(tmp_path, best):
    checkpoints = TrainingCheckpoints(tmp_path / "c")
    assert checkpoints.newest() is None
    for steps in (900, 10_000_000_000):
        checkpoints.write(TrainingState(env_steps=steps), save_learner=learner_of(str(steps)), best=best)
    folder, state = checkpoints.newest()
    assert state.env_steps == 10_000_000_000
    assert (folder / "learner" / "weights").read_text() == "10000000000"
    assert (folder / "best" / "expert.safetensors").read_text() == "the best"


def test_only_the_last_two_are_kept(tmp_path):
    checkpoints = TrainingCheckpoints(tmp_path)
    for steps in (1, 2, 3):
        checkpoints.write(TrainingState(env_steps=steps), save_learner=learner_of(""), best=None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step_00000002", "step_00000003"]


def test_a_checkpoint_at_the_same_step_is_replaced(tmp_path):
    checkpoints = TrainingCheckpoints(tmp_path)
    for text in ("first", "second"):
        checkpoints.write(TrainingState(env_steps=5), save_learner=learner_of(text), best=None)
    assert [path.name for path in tmp_path.iterdir()] == ["step_00000005"]
    assert (checkpoints.newest()[0] / "learner" / "weights").read_text() == "second"


def test_one_that_was_not_finished_does_not_count_and_is_no_obstacle(tmp_path):
    checkpoints = TrainingCheckpoints(tmp_path)
    checkpoints.write(TrainingState(env_steps=1), save_learner=learner_of(""), best=None)

    def dies(folder):
        folder.mkdir()
        raise MemoryError

    with pytest.raises(MemoryError):
        checkpoints.write(TrainingState(env_steps=2), save_learner=dies, best=None)
    assert checkpoints.newest()[1].env_steps == 1
    checkpoints.write(TrainingState(env_steps=2), save_learner=learner_of(""), best=None)
    assert checkpoints.newest()[1].env_steps == 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"env_steps": 3}'])
def test_a_damaged_one_is_named_with_the_way_out(tmp_path, content):
    checkpoints = TrainingCheckpoints(tmp_path)
    folder = checkpoints.write(TrainingState(env_steps=1), save_learner=learner_of(""), best=None)
    (folder / "training.json").write_text(content)
    with pytest.raises(BadInputError, match="step_00000001: is damaged; remove it"):
        checkpoints.newest()
