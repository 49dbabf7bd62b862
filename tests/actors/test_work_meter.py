from __future__ import annotations

import pytest

from potstill.actors.work_meter import REPORT_SECONDS, WorkMeter


class Clock:
    now = 50.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def reports():
    return []


def test_waiting_is_idle_and_the_rest_is_work(clock, reports):
    meter = WorkMeter(reports.append, clock=clock)
    with meter.waiting():
        clock.now += 3.0
    clock.now += 1.0
    meter.count(20)
    assert reports == [{"busy_share": 0.25, "units_per_second": 5.0}]


def test_nothing_is_said_before_it_is_time_and_each_window_stands_alone(clock, reports):
    meter = WorkMeter(reports.append, clock=clock)
    clock.now += REPORT_SECONDS / 2
    meter.count(7)
    assert reports == []
    clock.now += REPORT_SECONDS / 2
    meter.count(7)
    clock.now += REPORT_SECONDS
    meter.count(2)
    assert [report["units_per_second"] for report in reports] == [14 / REPORT_SECONDS, 2 / REPORT_SECONDS]


def test_a_wait_that_ends_in_an_error_was_still_a_wait(clock, reports):
    meter = WorkMeter(reports.append, clock=clock)
    with pytest.raises(TimeoutError), meter.waiting():
        clock.now += REPORT_SECONDS
        raise TimeoutError
    meter.count(0)
    assert reports[0]["busy_share"] == 0.0


def test_latencies_of_a_window_are_their_median_and_99th_percentile(clock, reports):
    meter = WorkMeter(reports.append, clock=clock)
    for milliseconds in range(100, 0, -1):
        meter.answered(milliseconds / 1000)
    clock.now += REPORT_SECONDS
    meter.count(100)
    clock.now += REPORT_SECONDS
    meter.count(0)
    assert (reports[0]["latency_p50_ms"], reports[0]["latency_p99_ms"]) == (50.0, 99.0)
    assert "latency_p50_ms" not in reports[1]
