from __future__ import annotations

import pytest

from potstill.queues.redis_keys import RedisKeys


def test_all_keys_of_a_run_share_one_hash_tag():
    keys = RedisKeys("demo-1")
    assert keys.of("ledger", "round_00.rollout") == "potstill:{demo-1}:ledger:round_00.rollout"
    assert keys.service("render") == "potstill:{demo-1}:rpc:render:"


@pytest.mark.parametrize("run", ["", "A", "a b", "a*", "a}b", "../a", "a\n"])
def test_a_run_that_could_reach_other_keys_is_refused(run):
    with pytest.raises(ValueError, match="run must match"):
        RedisKeys(run)
