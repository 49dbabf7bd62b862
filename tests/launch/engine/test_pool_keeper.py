from __future__ import annotations

import pytest

from potstill.cluster.ray_pools import PoolBrokenError, Restart
from potstill.launch.dagger.config import RESIZABLE_POOLS, PoolsConfig
from potstill.launch.engine.pool_keeper import PoolKeeper
from potstill.launch.engine.pool_sizes import PoolSizes
from potstill.launch.errors import RunFailedError

POOLS = PoolsConfig(rollout_workers=2, render_workers=2)


class PoolsInMemory:
    """Sizes without processes; ``restarts`` is what the next supervision finds."""

    def __init__(self):
        self.sizes = {"rollout": 2, "render": 2, "learner": 1}
        self.restarts = []
        self.broken = False

    def size(self, pool):
        return self.sizes[pool]

    def resize(self, pool, count):
        self.sizes[pool] = count

    def supervise(self):
        if self.broken:
            raise PoolBrokenError("workers of pool 'render' died")
        found, self.restarts = self.restarts, []
        return found


class Events(list):
    def write(self, event, **facts):
        self.append((event, facts))


@pytest.fixture
def sizes(tmp_path):
    return PoolSizes(tmp_path, POOLS, RESIZABLE_POOLS)


@pytest.fixture
def pools():
    return PoolsInMemory()


@pytest.fixture
def events():
    return Events()


@pytest.fixture
def keeper(pools, sizes, events):
    return PoolKeeper(pools, sizes, events)


def test_nothing_asked_and_nobody_dead_is_no_news(keeper, pools, events):
    keeper.tick()
    assert pools.sizes == {"rollout": 2, "render": 2, "learner": 1} and events == []


def test_pools_follow_what_is_asked_for_once_each_way(keeper, pools, sizes, events):
    sizes.write({"rollout": 4, "render": 1})
    keeper.tick()
    keeper.tick()
    assert pools.sizes == {"rollout": 4, "render": 1, "learner": 1}
    assert events == [
        ("pool_resized", {"pool": "rollout", "before": 2, "after": 4}),
        ("pool_resized", {"pool": "render", "before": 2, "after": 1}),
    ]


def test_a_damaged_file_is_said_once_and_the_dead_are_replaced_all_the_same(keeper, pools, events, tmp_path):
    (tmp_path / "pools.json").write_text("{")
    pools.restarts = [Restart(pool="render", index=0, reason="signal 9")]
    keeper.tick()
    keeper.tick()
    assert [name for name, _ in events] == ["warning", "worker_restarted"]
    assert "pools.json" in events[0][1]["message"]
    assert pools.sizes["rollout"] == 2


def test_a_broken_pool_fails_the_run_with_its_reason(keeper, pools):
    pools.broken = True
    with pytest.raises(RunFailedError, match="workers of pool 'render' died"):
        keeper.tick()
