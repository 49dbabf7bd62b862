from __future__ import annotations

import pytest

from potstill.envs.task_names import check_task_name
from potstill.launch.errors import BadInputError
from potstill.launch.expert.chosen_names import chosen_names

GROUPS = {"pair": ("reach-v3", "push-v3")}


def choose(text):
    return chosen_names(text, key="--tasks", check=check_task_name, groups=GROUPS)


def test_names_keep_their_order_and_come_once():
    assert choose("push-v3, reach-v3,push-v3") == ("push-v3", "reach-v3")


def test_a_group_stands_for_its_names():
    assert choose("door-open-v3,pair") == ("door-open-v3", "reach-v3", "push-v3")


def test_an_unknown_name_or_none_at_all_is_bad_input_that_names_the_option():
    with pytest.raises(BadInputError, match=r"--tasks: unknown task 'reech-v3'.*reach-v3"):
        choose("push-v3,reech-v3")
    with pytest.raises(BadInputError, match="--tasks must name at least one.*pair"):
        choose(" , ")
