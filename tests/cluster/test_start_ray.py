"""Ray's own start takes seconds and is covered by the pools; here it fails."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import ray

from potstill.cluster.errors import RayStartError
from potstill.cluster.start_ray import start_ray


@pytest.fixture
def slow_ray(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ray as it behaves where nothing gets processor time; grows by one word with each call."""
    calls: list[str] = []

    def init(**settings: object) -> None:
        calls.append("init")
        raise Exception("The current node timed out during startup.")  # the very class Ray raises

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: calls.append("shutdown"))
    return calls


def test_a_ray_that_does_not_come_up_is_tried_three_times_and_said_so(slow_ray: list[str]) -> None:
    with pytest.raises(RayStartError, match=r"3 attempts .*timed out.* load is .* give the command again"):
        start_ray(cpus=2)
    assert slow_ray == ["init", "shutdown"] * 3


def test_a_second_attempt_that_succeeds_is_all_one_needs(
    slow_ray: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = ray.init

    def init(**settings: object) -> SimpleNamespace:
        if not slow_ray:
            failing()
        return SimpleNamespace(dashboard_url="127.0.0.1:8265")

    monkeypatch.setattr(ray, "init", init)
    assert start_ray(cpus=2, dashboard=True) == "http://127.0.0.1:8265"
    assert slow_ray == ["init", "shutdown"]


def test_a_cluster_that_does_not_answer_is_not_asked_again(slow_ray: list[str]) -> None:
    with pytest.raises(Exception, match="timed out"):
        start_ray(cpus=2, address="127.0.0.1:6379")
    assert slow_ray == ["init"]
