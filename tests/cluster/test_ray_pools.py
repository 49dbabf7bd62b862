"""Pools on a real local Ray: one for the whole module, for starting it takes seconds."""

from __future__ import annotations

import functools
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
import ray

from potstill.cluster.ray_pools import PoolBrokenError, PoolSpec, RayPools

DEADLINE_SECONDS = 30.0


def make_target(folder):
    """A worker that signs in and out by files. Nested, so that Ray sends its code and not its name."""

    def work(name, index, should_stop):
        if (folder / f"{name}.broken").exists():
            raise OSError("no such camera")
        (folder / f"{name}-{index}-{os.getpid()}.begun").write_text(os.environ.get("COLOUR", ""))
        while not should_stop():
            time.sleep(0.01)
        time.sleep(0.3 if name == "steady" else 0.0)
        (folder / f"{name}-{index}-{os.getpid()}.ended").write_text(str(time.time()))

    return work


def wait_until(condition, what):
    give_up = time.monotonic() + DEADLINE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < give_up, f"never happened: {what}"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("signs")


@pytest.fixture(scope="module")
def pools(folder):
    """A steady pool of two workers and a fragile one of one."""
    work = make_target(folder)
    specs = [
        PoolSpec(
            name="steady", count=2, target=functools.partial(work, "steady"), environment={"COLOUR": "red"}
        ),
        PoolSpec(name="fragile", count=1, target=functools.partial(work, "fragile"), cpus=0.5),
    ]
    pools = RayPools(specs, address=None, dashboard=False)
    pools.start()
    yield pools
    pools.stop()


def begun(folder, name):
    return {path.stem.split("-", 1)[1]: path.read_text() for path in folder.glob(f"{name}-*.begun")}


def test_every_worker_starts_with_its_index_and_its_environment(pools, folder):
    wait_until(lambda: len(begun(folder, "steady")) == 2 and begun(folder, "fragile"), "three workers")
    pids = pools.pids("steady")
    assert begun(folder, "steady") == {f"{index}-{pid}": "red" for index, pid in enumerate(pids)}
    assert pools.dashboard_url == ""
    assert pools.supervise() == []


def test_a_worker_killed_without_warning_is_replaced_and_its_end_is_explained(pools, folder):
    victim, survivor = pools.pids("steady")
    os.kill(victim, signal.SIGKILL)
    (restart,) = wait_until(pools.supervise, "a restart")
    assert (restart.pool, restart.index) == ("steady", 0)
    assert "died" in restart.reason or "SYSTEM_ERROR" in restart.reason, restart.reason
    heir, same = pools.pids("steady")
    assert same == survivor and heir != victim
    wait_until(lambda: f"0-{heir}" in begun(folder, "steady"), "the heir at work")
    assert pools.supervise() == []


def test_a_pool_grows_at_once_and_shrinks_from_its_end(pools, folder):
    first, second = pools.pids("steady")
    # WHEN it grows, past the cores that Ray was started with
    pools.resize("steady", 4)
    *same, third, fourth = pools.pids("steady")
    # THEN the newcomers work, and nobody was disturbed
    assert same == [first, second] and pools.size("steady") == 4
    newcomers = {f"2-{third}", f"3-{fourth}"}
    wait_until(lambda: newcomers <= set(begun(folder, "steady")), "the newcomers at work")
    # AND who dies among them is replaced at once, as everybody is
    os.kill(fourth, signal.SIGKILL)
    (restart,) = wait_until(pools.supervise, "a restart")
    assert (restart.pool, restart.index) == ("steady", 3)
    heir = pools.pids("steady")[3]
    wait_until(lambda: f"3-{heir}" in begun(folder, "steady"), "the heir at work")
    # WHEN it shrinks
    leavers = [psutil.Process(pid) for pid in pools.pids("steady")[2:]]
    pools.resize("steady", 2)
    assert pools.pids("steady") == [first, second] and pools.size("steady") == 2
    # THEN the last ones sign out in their own time, their processes end, and nobody takes that for a death
    wait_until(
        lambda: pools.supervise() == [] and not any(p.is_running() for p in leavers), "the leavers gone"
    )
    ended = {path.name for path in folder.glob("steady-*.ended")}
    assert f"steady-2-{third}.ended" in ended and len(ended) == 2


def test_a_pool_whose_workers_die_at_once_again_and_again_is_broken_and_says_why(pools, folder, monkeypatch):
    monkeypatch.setattr("potstill.cluster.ray_pools.MAX_DEATHS_PER_PLACE", 2)
    (folder / "fragile.broken").touch()
    os.kill(pools.pids("fragile")[0], signal.SIGKILL)
    restarts = []

    def watch():
        restarts.extend(pools.supervise())
        return False

    with pytest.raises(PoolBrokenError, match=r"pool 'fragile' died 3 times within .* no such camera"):
        wait_until(watch, "the third death")
    assert [restart.pool for restart in restarts] == ["fragile", "fragile"]
    assert "OSError: no such camera" in restarts[1].reason


def test_the_end_comes_pool_by_pool_and_leaves_nothing_running(pools, folder):
    # GIVEN a mended pool
    (folder / "fragile.broken").unlink()
    wait_until(pools.supervise, "a last restart")
    pids = {name: pools.pids(name) for name in ("steady", "fragile")}
    wait_until(lambda: f"0-{pids['fragile'][0]}" in begun(folder, "fragile"), "the mended worker")
    processes = [psutil.Process(pid) for name in pids for pid in pids[name]]
    # WHEN the pools stop
    pools.stop()
    # THEN every worker ended in its own time, the second pool after the first
    signs = {path.name: float(path.read_text()) for path in folder.glob("*.ended")}
    ended = {name: moment for name, moment in signs.items() if int(name.split("-")[1]) < 2}
    assert set(ended) == {f"{name}-{i}-{pid}.ended" for name in pids for i, pid in enumerate(pids[name])}
    assert (
        max(ended[name] for name in ended if "steady" in name)
        < ended[f"fragile-0-{pids['fragile'][0]}.ended"]
    )
    # AND nothing of it is left
    assert not ray.is_initialized()
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []
    pools.stop()
