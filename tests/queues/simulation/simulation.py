"""One seed, from the first event to an exact ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

from simulation.broken_promise_error import BrokenPromiseError
from simulation.nemesis import FAULTS, Nemesis
from simulation.planted_bugs import NO_BUG, PlantedBug
from simulation.scheduler import Scheduler
from simulation.simulated_network import LONGEST_DELAY_TICKS, Weather
from simulation.simulated_server import BACKOFF_MS, OpenQueue
from simulation.world import World

from potstill.queues.task_queue import TaskQueue

#: Weather is three kinds of fault among the others.
NETWORK_FAULTS = ("lose messages", "double messages", "delay messages")
ALL_FAULTS = (*FAULTS, *NETWORK_FAULTS)
#: After the faults everything must settle within so many steps.
QUIET_STEPS = 20_000


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a seed showed."""

    seed: int
    steps: int
    """Under faults, before the quiet end."""
    broken: str | None
    """The promise that was broken, or None."""
    faults: tuple[str, ...]
    """The kinds this seed drew."""
    counts: Counter[str]
    """How often each fault struck, and how the tasks ended."""


def run_seed(
    seed: int,
    *,
    steps: int = 500,
    open_queue: OpenQueue | None = None,
    bug: PlantedBug = NO_BUG,
    without: Collection[str] = (),
    trace: Callable[[str], None] | None = None,
) -> Outcome:
    """Simulate ``steps`` events under faults, then a quiet end, and check every promise on the way.

    Args:
        seed: Everything follows from it; the same seed is the same run, event for event.
        steps: Events under faults.
        open_queue: The queue under test; None: the twin in memory, with the bug.
        bug: Planted in queue and scripts.
        without: Kinds of fault left out (see ``ALL_FAULTS``).
        trace: Receives a line for each event.
    """
    scheduler = Scheduler(seed, trace)
    # Each seed draws its own mixture: faults hide each other when all of them strike at once.
    drawn = tuple(kind for kind in ALL_FAULTS if scheduler.random.random() < 0.5)
    faults = tuple(kind for kind in drawn if kind not in without)
    rates = [scheduler.random.choice([0.02, 0.1]) if kind in faults else 0.0 for kind in NETWORK_FAULTS]
    broken = None
    world = World(scheduler, seed, open_queue=open_queue or _twin(bug), weather=Weather(*rates), bug=bug)
    try:
        nemesis = Nemesis(world, tuple(kind for kind in FAULTS if kind in faults))
        while scheduler.steps < steps:
            scheduler.step()
        nemesis.active = False
        _settle(world)
    except BrokenPromiseError as error:
        broken = str(error)
    ledger = world.server.checked.model.ledger()
    counts = scheduler.counts + Counter(
        tasks=ledger.submitted, done=ledger.done, dead=ledger.dead, cancelled=ledger.cancelled,
        refused=ledger.duplicates,
    )  # fmt: skip
    return Outcome(seed=seed, steps=min(scheduler.steps, steps), broken=broken, faults=faults, counts=counts)


def _settle(world: World) -> None:
    """No more faults: within bounded time all is done, and all agrees."""
    scheduler = world.scheduler
    world.network.weather = Weather()
    until = scheduler.now + LONGEST_DELAY_TICKS + 1
    while scheduler.now < until:
        scheduler.step()
    world.plan.closing = True
    give_up = scheduler.steps + QUIET_STEPS
    while not world.plan.finished:
        scheduler.step()
        if scheduler.steps > give_up:
            raise BrokenPromiseError(f"nothing settles: {world.server.checked.model.ledger()}")
    world.check_end()


def _twin(bug: PlantedBug) -> OpenQueue:
    def open_queue(
        clock_ms: Callable[[], int], caller_ms: Callable[[], int], max_waiting: int | None
    ) -> TaskQueue:
        clock = caller_ms if bug.callers_clock else clock_ms
        return bug.queue(
            clock=lambda: clock() / 1000, max_waiting=max_waiting, retry_backoff_seconds=BACKOFF_MS / 1000
        )

    return open_queue
