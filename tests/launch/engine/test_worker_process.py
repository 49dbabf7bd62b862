from __future__ import annotations

import os
import signal

import pytest

from potstill.launch.engine.worker_process import work_until_signal, worker_name
from potstill.queues.task import ID_PATTERN


@pytest.fixture
def signals():
    """Puts the handlers of this process back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_worker_s_name_tells_what_and_where_it_is_and_is_fit_for_the_queue():
    name = worker_name("rollout", 3)
    assert name.startswith("rollout-3-") and name.endswith(f"-{os.getpid()}")
    assert ID_PATTERN.match(name)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_by_hand_works_until_it_is_asked_to_stop(signals, capsys, number):
    asked = []

    def work(index, should_stop):
        asked.append((index, should_stop()))
        os.kill(os.getpid(), number)
        asked.append((index, should_stop()))

    assert work_until_signal(work, kind="rollout", run="r-1") == 0
    assert asked == [(os.getpid(), False), (os.getpid(), True)]
    assert "rollout worker of run r-1 at work" in capsys.readouterr().out
