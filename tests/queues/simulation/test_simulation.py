"""Many clients, a bad network, crashes of everything: no promise of the queue is broken, on any seed."""

from __future__ import annotations

import os

import pytest
from simulation.clocked_redis import redis_queue_opener
from simulation.nemesis import FAULTS
from simulation.planted_bugs import PLANTED_BUGS
from simulation.run_many import run_many
from simulation.shrink import shrink
from simulation.simulation import run_seed

from potstill.queues.redis_connection import connect
from potstill.queues.task import Task

#: Each planted bug must show within so many seeds.
PATIENCE = 300

#: The same kind of mistake in the scripts of the real server: Lua text, and what stands there instead.
LUA_BUGS = {
    "any fence": {"task.state == 'leased' and task.fence == fence": "task.state == 'leased'"},
    "expired leases count": {"and task.deadline > now": ""},
    "crashes do not count": {"task.attempts >= task.max_attempts": "false"},
}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_2000_seeds_of_500_steps_break_no_promise():
    summary = run_many(range(2000), steps=500, processes=len(os.sched_getaffinity(0)))
    broken = [(outcome.seed, outcome.broken) for outcome in summary.broken]
    assert not broken, "repeat one: python benchmarks/queue_simulation.py --trace --seed N"
    assert (summary.seeds, summary.steps) == (2000, 1_000_000)
    # A fault that never struck proves nothing.
    for kind in FAULTS:
        assert summary.counts[kind] > 500, kind
    for kind in (
        "message lost",
        "message doubled",
        "message delayed",
        "done",
        "dead",
        "cancelled",
        "refused",
    ):
        assert summary.counts[kind] > 500, kind


@pytest.mark.parametrize("bug", PLANTED_BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(bug):
    assert any(run_seed(seed, bug=bug).broken for seed in range(PATIENCE))


def test_the_real_scripts_on_a_real_server_break_no_promise(redis_url):
    open_queue = redis_queue_opener(connect(redis_url), "simulated")
    outcomes = [run_seed(seed, steps=300, open_queue=open_queue) for seed in range(40)]
    assert [(outcome.seed, outcome.broken) for outcome in outcomes if outcome.broken] == []


@pytest.mark.parametrize("name", LUA_BUGS)
def test_a_bug_planted_in_the_real_scripts_is_caught(name, redis_url):
    open_queue = redis_queue_opener(connect(redis_url), "simulated", LUA_BUGS[name])
    assert any(run_seed(seed, steps=300, open_queue=open_queue).broken for seed in range(40))


def test_the_same_seed_is_the_same_run_event_for_event():
    first, second = [], []
    run_seed(7, trace=first.append)
    run_seed(7, trace=second.append)
    assert first == second
    assert len(first) > 200


def test_a_broken_seed_shrinks_to_the_faults_it_needs():
    bug = next(bug for bug in PLANTED_BUGS if bug.name == "fences restart after lost writes")
    seed = next(seed for seed in range(PATIENCE) if run_seed(seed, bug=bug).broken)
    steps, without = shrink(seed, steps=500, bug=bug)
    assert "lose the server's last writes" not in without
    assert without
    assert run_seed(seed, steps=steps, without=without, bug=bug).broken


def test_no_fence_is_given_twice_though_the_server_has_forgotten_the_first(backend):
    queue = backend.queue()
    fences = []
    for _ in range(2):
        queue.put([Task(id="t", kind="rollout", group="g")])
        fences += [
            lease.fence for lease in queue.lease(["rollout"], owner="w", lease_seconds=10, wait_seconds=0)
        ]
        queue.purge()
    assert fences[0] < fences[1]
