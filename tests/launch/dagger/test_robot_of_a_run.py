"""The arm goes from the configuration into every job, every episode and every picture."""

from __future__ import annotations

import pytest

from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.dagger.stage_tasks import StageTasks
from potstill.launch.dagger.stages import (
    evaluation_stage,
    rollout_stage,
)

CONFIG = DaggerConfig(recipe="r", robot="viperx")


def test_every_job_names_the_arm(tmp_path):
    tasks = StageTasks(config=CONFIG, run="run", run_dir=tmp_path, store="s")
    rollouts = tasks.rollouts(rollout_stage(CONFIG, 0, ""), 0, ("", ""))
    evaluations = tasks.evaluation(evaluation_stage(CONFIG, 0, "sha"), ("folder", "sha"))
    assert {task.payload["robot"] for task in [*rollouts, *evaluations]} == {"viperx"}


def test_an_unknown_arm_is_refused_by_name():
    with pytest.raises(ValueError, match="robot: unknown robot 'viper'.*did you mean viperx"):
        DaggerConfig(recipe="r", robot="viper")
