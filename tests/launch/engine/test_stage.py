from __future__ import annotations

from potstill.launch.engine.stage import Stage


def test_the_key_follows_from_the_inputs_whatever_their_order_and_nothing_else():
    one = Stage(name="round_00.rollout", inputs={"a": 1, "b": (1, 2)})
    same = Stage(name="round_01.rollout", inputs={"b": [1, 2], "a": 1})
    assert one.key == same.key and len(one.key) == 8
    assert Stage(name=one.name, inputs={"a": 1, "b": (2, 1)}).key != one.key


def test_the_group_tells_name_and_inputs():
    stage = Stage(name="round_00.rollout", inputs={})
    assert stage.group == f"round_00.rollout.{stage.key}"
