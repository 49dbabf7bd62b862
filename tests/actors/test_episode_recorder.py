from __future__ import annotations

import numpy as np
import pytest

from potstill.actors.episode_recorder import EpisodeRecorder


@pytest.fixture
def stored(make_episode):
    return make_episode(steps=6)


@pytest.fixture
def rows(stored):
    arrays = stored.arrays()
    return [{name: array[step] for name, array in arrays.items()} for step in range(len(stored))]


def test_rows_come_back_as_the_record_they_were_taken_from(stored, rows):
    recorder = EpisodeRecorder(6)
    for row in rows:
        recorder.record(**row)
    episode = recorder.episode(stored.meta)
    assert episode.meta == stored.meta
    for name, array in stored.arrays().items():
        assert getattr(episode, name).dtype == array.dtype
        assert np.array_equal(getattr(episode, name), array), name


@pytest.mark.parametrize("column", ["privileged", "expert_action", "frames", "step_seconds"])
def test_a_step_that_lacks_a_column_is_refused_by_name(rows, column):
    del rows[0][column]
    with pytest.raises(ValueError, match=column):
        EpisodeRecorder(6).record(**rows[0])


def test_an_unknown_column_is_refused_by_name(rows):
    with pytest.raises(ValueError, match="mood"):
        EpisodeRecorder(6).record(**rows[0], mood=1)


def test_a_nan_does_not_become_an_episode(stored, rows):
    recorder = EpisodeRecorder(6)
    rows[3]["privileged"] = np.full_like(rows[3]["privileged"], np.nan)
    for row in rows:
        recorder.record(**row)
    with pytest.raises(ValueError, match="privileged holds NaN or Inf at step 3"):
        recorder.episode(stored.meta)


def test_what_the_caller_does_to_its_arrays_later_does_not_reach_the_record(stored, rows):
    recorder = EpisodeRecorder(6)
    frame = rows[0]["frames"].copy()
    recorder.record(**{**rows[0], "frames": frame})
    episode = recorder.episode(stored.meta)
    frame[:] = 0
    assert np.array_equal(episode.frames[0], rows[0]["frames"])


def test_a_row_of_another_shape_is_refused(stored, rows):
    recorder = EpisodeRecorder(6)
    recorder.record(**rows[0])
    with pytest.raises(ValueError, match="body_pos: shaped unlike"):
        recorder.record(**{**rows[1], "body_pos": rows[1]["body_pos"][:1]})


def test_a_step_there_is_no_room_for_is_refused(rows):
    recorder = EpisodeRecorder(1)
    recorder.record(**rows[0])
    with pytest.raises(IndexError):
        recorder.record(**rows[1])


def test_an_optional_column_is_kept_when_every_step_gives_it(stored, rows):
    recorder = EpisodeRecorder(6)
    spread = np.arange(18, dtype=np.float32).reshape(6, 3)
    for row, log_std in zip(rows, spread):
        recorder.record(**row, expert_log_std=log_std)
    assert np.array_equal(recorder.episode(stored.meta).expert_log_std, spread)


@pytest.mark.parametrize("given", [(True, False), (False, True)])
def test_an_optional_column_of_only_some_steps_is_refused_by_name(rows, given):
    recorder = EpisodeRecorder(6)
    first, second = ({"expert_log_std": np.zeros(3, np.float32)} if has else {} for has in given)
    recorder.record(**rows[0], **first)
    with pytest.raises(ValueError, match="expert_log_std"):
        recorder.record(**rows[1], **second)
