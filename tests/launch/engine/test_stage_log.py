from __future__ import annotations

from dataclasses import replace

import pytest

from potstill.launch.engine.stage import Stage
from potstill.launch.engine.stage_log import StageLog
from potstill.launch.errors import BadInputError


def test_outputs_are_remembered_for_these_very_inputs(tmp_path):
    stage = Stage(name="round_00.rollout", inputs={"sizes": (1, 2), "seed": 3})
    StageLog(tmp_path / "stages").finish(stage, {"manifest": "abc"})
    log = StageLog(tmp_path / "stages")
    assert log.outputs(stage) == {"manifest": "abc"}
    changed = replace(stage, inputs={"sizes": (1, 2), "seed": 4, "extra": True})
    assert log.outputs(changed) is None
    assert log.why_redo(changed) == "changed: extra, seed"
    assert log.why_redo(replace(stage, name="round_01.rollout")) == "not done yet"


def test_a_forgotten_stage_has_to_be_done_again(tmp_path):
    stage, log = Stage(name="s", inputs={}), StageLog(tmp_path)
    log.finish(stage, {})
    log.forget("s")
    log.forget("s")
    assert log.outputs(stage) is None and log.why_redo(stage) == "not done yet"


def test_a_killed_finish_leaves_the_stage_undone(tmp_path, monkeypatch):
    def killed(source, target):
        raise KeyboardInterrupt

    stage, log = Stage(name="s", inputs={}), StageLog(tmp_path)
    monkeypatch.setattr("os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        log.finish(stage, {"half": "written"})
    assert log.outputs(stage) is None
    assert list(tmp_path.iterdir()) == []


def test_the_latest_outputs_are_told_whatever_they_came_from(tmp_path):
    stage, log = Stage(name="s", inputs={"seed": 1}), StageLog(tmp_path)
    assert log.latest_outputs("s") is None
    log.finish(stage, {"sha256": "a"})
    assert log.outputs(replace(stage, inputs={"seed": 2})) is None
    assert log.latest_outputs("s") == {"sha256": "a"}


@pytest.mark.parametrize("content", ["{", "[]", '{"key": "a", "inputs": {}}', "\x00"])
def test_a_damaged_record_is_refused_by_its_file_with_the_way_out(tmp_path, content):
    (tmp_path / "s.json").write_text(content)
    with pytest.raises(BadInputError, match=r"s\.json: is damaged; remove it to do that stage again"):
        StageLog(tmp_path).outputs(Stage(name="s", inputs={}))
