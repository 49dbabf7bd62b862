from __future__ import annotations

import numpy as np
import pytest

from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.task_names import TASK_NAMES
from potstill.envs.teachers import NoisyTeacher, OracleTeacher


@pytest.mark.parametrize("task", TASK_NAMES)
def test_every_task_has_an_oracle_whose_label_can_be_recomputed(task: str) -> None:
    privileged = MetaWorldEnv(task).reset(seed=1)[0]["privileged"]
    action = OracleTeacher(task).act(privileged)

    assert action.shape == (4,) and action.dtype == np.float32
    assert np.abs(action).max() <= 1.0
    assert OracleTeacher(task).act(privileged).tobytes() == action.tobytes()


def test_a_noisy_teacher_strays_and_its_walk_follows_from_the_generator() -> None:
    privileged = MetaWorldEnv("reach-v3").reset(seed=1)[0]["privileged"]
    oracle = OracleTeacher("reach-v3")

    def walk(seed: int) -> np.ndarray:
        teacher = NoisyTeacher(oracle, sigma=0.3, rng=np.random.default_rng(seed))
        return np.stack([teacher.act(privileged) for _ in range(50)])

    assert (walk(1) == walk(1)).all()
    assert (walk(1) != walk(2)).any()
    assert np.abs(walk(1) - oracle.act(privileged)).mean() > 0.05


@pytest.mark.parametrize("sigma", [0.0, -1.0, 2.5])
def test_a_noise_level_out_of_range_is_refused(sigma: float) -> None:
    with pytest.raises(ValueError, match="sigma must be in"):
        NoisyTeacher(OracleTeacher("reach-v3"), sigma=sigma, rng=np.random.default_rng(0))
