from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from potstill.queues import redis_keys
from potstill.queues.redis_keys import RedisKeys


def test_all_keys_of_a_run_share_one_hash_tag():
    keys = RedisKeys("demo-1")
    assert keys.of("ledger", "round_00.rollout") == "potstill:{demo-1}:2:ledger:round_00.rollout"
    assert keys.service("render") == "potstill:{demo-1}:2:rpc:render:"


@pytest.mark.parametrize("run", ["", "A", "a b", "a*", "a}b", "../a", "a\n"])
def test_a_run_that_could_reach_other_keys_is_refused(run):
    with pytest.raises(ValueError, match="run must match"):
        RedisKeys(run)


def test_the_page_for_people_has_the_same_keys_with_the_same_types():
    row = re.compile(r"^(?:\| `|``)([a-zA-Z_:]+)`+ *(?:\| )?(\w+)", re.MULTILINE)
    page = (Path(__file__).parents[2] / "docs" / "queue.md").read_text()
    documented = dict(row.findall(page))
    assert len(documented) > 25
    assert documented == dict(row.findall(redis_keys.__doc__))


def test_a_changed_table_has_a_new_layout_number():
    # Of words alone changed: the new digest. Of a key, a type or a meaning: the next number too.
    table = redis_keys.__doc__[redis_keys.__doc__.index("====") :]
    digest = hashlib.sha256(table.encode()).hexdigest()
    assert (redis_keys.LAYOUT, digest[:16]) == (2, "3c2753a0c3eb113c")
