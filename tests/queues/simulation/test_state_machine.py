"""Any order of calls, on both back ends, against the model."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from simulation.checked_queue import CheckedQueue
from simulation.clocked_redis import ClockedRedis
from simulation.index_errors import index_errors

from potstill.queues.memory_task_queue import MemoryTaskQueue
from potstill.queues.redis_connection import connect
from potstill.queues.redis_task_queue import RedisTaskQueue
from potstill.queues.task import Lease, Task

START_MS = 1_000_000
BACKOFF_MS = 250
#: What an id stands for is fixed, as in production: ids follow from the work.
TASKS = [
    Task(
        id=f"t{index:02d}",
        kind=("rollout", "evaluation")[index % 2],
        group=f"g{index % 3}",
        priority=(0, 0, 5, 9)[index % 4],
        max_attempts=1 + index % 3,
        payload={"index": index},
    )
    for index in range(16)
]
IDS = [task.id for task in TASKS]
#: Eighths of a second are exact as milliseconds and as binary fractions.
DURATIONS_MS = st.sampled_from([125, 250, 500, 1000, 3000])


class QueueMachine(RuleBasedStateMachine):
    """Puts, leases, stale and fresh proofs, time: whatever comes, queue and model must agree."""

    def open_queue(self, max_waiting):
        raise NotImplementedError

    @initialize(max_waiting=st.sampled_from([None, None, 4]))
    def open(self, max_waiting):
        self.now = START_MS
        self.leases: list[Lease] = []
        queue = self.open_queue(max_waiting)
        self.checked = CheckedQueue(queue, lambda: self.now, max_waiting=max_waiting, backoff_ms=BACKOFF_MS)

    @rule(task=st.sampled_from(TASKS))
    def put(self, task):
        self.checked.perform("put", [task])

    @rule(tasks=st.lists(st.sampled_from(TASKS), min_size=2, max_size=8))
    def put_many(self, tasks):
        self.checked.perform("put", tasks)

    @rule(
        kinds=st.sampled_from([("rollout",), ("evaluation",), ("rollout", "evaluation")]),
        owner=st.sampled_from(["a", "b"]),
        max_tasks=st.sampled_from([1, 1, 2, 5]),
        lease_ms=DURATIONS_MS,
    )
    def lease(self, kinds, owner, max_tasks, lease_ms):
        self.leases += self.checked.perform("lease", kinds, owner, max_tasks, lease_ms)

    @rule(picks=st.lists(st.integers(0, 999), max_size=4), lease_ms=DURATIONS_MS)
    def extend(self, picks, lease_ms):
        if self.leases:
            leases = {lease.fence: lease for lease in map(self.pick, picks)}
            self.checked.perform("extend", list(leases.values()), lease_ms)

    @rule(pick=st.integers(0, 999))
    def ack(self, pick):
        if self.leases:
            self.checked.perform("ack", self.pick(pick), {"pick": pick})

    @rule(picks=st.lists(st.integers(0, 999), max_size=4))
    def ack_many(self, picks):
        if self.leases:
            self.checked.perform("ack_many", [(self.pick(pick), {}) for pick in picks])

    @rule(picks=st.lists(st.integers(0, 999), max_size=4), lease_ms=DURATIONS_MS)
    def acknowledge_and_lease(self, picks, lease_ms):
        done = [(self.pick(pick), {}) for pick in picks] if self.leases else []
        ask = (("rollout", "evaluation"), "c", 2, lease_ms)
        self.leases += self.checked.perform("acknowledge_and_lease", done, *ask)[1]

    @rule(pick=st.integers(0, 999), retry=st.booleans())
    def fail(self, pick, retry):
        if self.leases:
            self.checked.perform("fail", self.pick(pick), f"Traceback: {pick}", retry)

    @rule(pick=st.integers(0, 999))
    def release(self, pick):
        if self.leases:
            self.checked.perform("release", self.pick(pick))

    @rule(milliseconds=DURATIONS_MS)
    def time_passes(self, milliseconds):
        self.now += milliseconds

    @rule(milliseconds=DURATIONS_MS)
    def the_clock_is_set_back(self, milliseconds):
        self.now -= milliseconds

    @rule()
    def reap(self):
        self.checked.perform("reap_expired")

    @rule(group=st.sampled_from(["g0", "g1", "g2", "unknown"]))
    def cancel(self, group):
        self.checked.perform("cancel", group)

    @rule(ids=st.lists(st.sampled_from([*IDS, "unknown"]), min_size=1, max_size=4))
    def cancel_tasks(self, ids):
        self.checked.perform("cancel_tasks", ids)

    @rule(group=st.sampled_from(["g0", "g1", "g2", "unknown"]))
    def forget(self, group):
        self.checked.perform("forget", group)

    @rule(ids=st.lists(st.sampled_from([*IDS, "unknown"]), min_size=1, max_size=8))
    def revive(self, ids):
        self.checked.perform("revive", ids)

    @rule(tasks=st.lists(st.sampled_from(TASKS), min_size=1, max_size=4))
    def adopt(self, tasks):
        self.checked.perform("adopt", tasks)

    @rule(group=st.sampled_from(["g0", "g1", "unknown"]))
    def gather(self, group):
        self.checked.perform("gather", group)

    @invariant()
    def everything_agrees(self):
        if hasattr(self, "checked"):
            self.checked.check_all()

    def pick(self, number: int) -> Lease:
        """One of all leases ever handed out; the newest are the likeliest to be good."""
        return self.leases[-1 - number % min(len(self.leases), 8)]


def run(machine, *, examples, steps):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_twin_in_memory_agrees_with_the_model():
    class MemoryMachine(QueueMachine):
        def open_queue(self, max_waiting):
            return MemoryTaskQueue(
                clock=lambda: self.now / 1000,
                max_waiting=max_waiting,
                retry_backoff_seconds=BACKOFF_MS / 1000,
            )

    run(MemoryMachine, examples=150, steps=60)


@pytest.mark.parametrize("server", ["redis_url"])
def test_the_redis_queue_agrees_with_the_model(server, request):
    connection = connect(request.getfixturevalue(server))
    clocked = ClockedRedis(connection)
    numbers = itertools.count()

    class RedisMachine(QueueMachine):
        def open_queue(self, max_waiting):
            clocked.clock = lambda: self.now
            self.run_name = f"machine-{next(numbers)}"
            return RedisTaskQueue(
                clocked,
                self.run_name,
                max_waiting=max_waiting,
                retry_backoff_seconds=BACKOFF_MS / 1000,
            )

        @invariant()
        def indexes_are_true(self):
            if hasattr(self, "run_name"):
                assert index_errors(connection, self.run_name) == []

    run(RedisMachine, examples=80, steps=40)
