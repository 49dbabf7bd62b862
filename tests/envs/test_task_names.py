from __future__ import annotations

import pytest
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from potstill.envs.task_names import TASK_NAMES, check_task_name


def test_the_list_is_meta_worlds_own() -> None:
    assert set(TASK_NAMES) == set(ALL_V3_ENVIRONMENTS)
    assert len(TASK_NAMES) == 50


def test_an_unknown_task_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="did you mean reach-v3"):
        check_task_name("reach-v2")
