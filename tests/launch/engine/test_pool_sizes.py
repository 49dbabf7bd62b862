from __future__ import annotations

import pytest

from potstill.launch.dagger.config import RESIZABLE_POOLS, PoolsConfig
from potstill.launch.engine.pool_sizes import PoolSizes
from potstill.launch.errors import BadInputError

POOLS = PoolsConfig(rollout_workers=2, render_workers=3, learner_threads=1)


def test_until_somebody_asks_the_sizes_are_the_configurations(tmp_path):
    assert PoolSizes(tmp_path, POOLS, RESIZABLE_POOLS).read() == POOLS
    assert list(tmp_path.iterdir()) == []


def test_a_wish_outlives_who_wrote_it_and_leaves_the_other_pool_and_settings_alone(tmp_path):
    PoolSizes(tmp_path, POOLS, RESIZABLE_POOLS).write({"rollout": 5})
    PoolSizes(tmp_path, POOLS, RESIZABLE_POOLS).write({"render": 4})
    wanted = PoolSizes(tmp_path, POOLS, RESIZABLE_POOLS).read()
    assert wanted == PoolsConfig(rollout_workers=5, render_workers=4, learner_threads=1)


def test_a_number_out_of_range_is_refused_and_changes_nothing(tmp_path):
    sizes = PoolSizes(tmp_path, POOLS, RESIZABLE_POOLS)
    with pytest.raises(ValueError, match=r"rollout_workers must be in 1\.\.1000: got 0"):
        sizes.write({"rollout": 0})
    assert sizes.read() == POOLS


@pytest.mark.parametrize(
    "text", ["", "[2]", "{", '{"rollout": 0}', '{"rollout": "two"}', '{"learner": 2}', "\xff"]
)
def test_a_damaged_file_is_named_with_the_way_out(tmp_path, text):
    (tmp_path / "pools.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInputError, match=r"pools\.json: cannot be read .*; remove it") as error:
        PoolSizes(tmp_path, POOLS, RESIZABLE_POOLS).read()
    assert "\n" not in str(error.value)
