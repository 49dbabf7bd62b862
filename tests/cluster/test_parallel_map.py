from __future__ import annotations

import os
import time

import pytest
import ray

from potstill.cluster.parallel_map import parallel_map


def test_one_worker_works_here_and_in_order_without_ray():
    results = parallel_map(lambda job: (job, os.getpid()), [3, 1, 2], 1)
    assert list(results) == [(3, os.getpid()), (1, os.getpid()), (2, os.getpid())]
    assert not ray.is_initialized()


def test_no_worker_is_refused():
    with pytest.raises(ValueError, match="workers must be at least 1: got 0"):
        parallel_map(str, [1], 0)


@pytest.fixture(scope="module")
def two_cores():
    """One local Ray for this module: starting it takes seconds, and the map uses what is there."""
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


def test_every_job_is_done_once_on_other_processes(two_cores):
    results = list(parallel_map(lambda job: (job, os.getpid()), range(7), 2))
    assert sorted(job for job, _ in results) == list(range(7))
    assert os.getpid() not in {pid for _, pid in results}
    assert ray.is_initialized()  # it was there before: it stays


def test_a_quick_job_is_not_held_up_by_a_slow_one(two_cores, tmp_path):
    def work(job):
        while job == "slow" and not (tmp_path / "enough").exists():
            time.sleep(0.01)
        return job

    results = parallel_map(work, ["slow", "a", "b", "c"], 2)
    assert [next(results) for _ in range(3)] == ["a", "b", "c"]
    (tmp_path / "enough").touch()
    assert list(results) == ["slow"]


def test_a_job_whose_process_dies_is_done_again(two_cores, tmp_path):
    def work(job):
        mark = tmp_path / str(job)
        if not mark.exists():
            mark.touch()
            os._exit(1)
        return job

    assert sorted(parallel_map(work, [1, 2], 2)) == [1, 2]


def test_what_a_job_raises_is_raised_here(two_cores):
    def work(job):
        raise KeyError(f"no such thing as {job}")

    with pytest.raises(KeyError, match="no such thing as 5"):
        list(parallel_map(work, [5], 2))
