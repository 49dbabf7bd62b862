from __future__ import annotations

import pytest

from potstill.launch.engine.worker_pools_config import WorkerPoolsConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rollout_workers", 0),
        ("rollout_workers", 1001),
        ("learner_threads", 0),
        ("learner_threads", 257),
        ("learner_gpus", -0.5),
        ("learner_gpus", float("nan")),
    ],
)
def test_a_pool_that_cannot_be_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be in .*: got {value}"):
        WorkerPoolsConfig(**{name: value})
