from __future__ import annotations

import pytest

from potstill.envs.check_name import check_name


def test_a_known_name_passes():
    check_name("panda", ("sawyer", "panda"), kind="robot", known_as="two robots")


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"^unknown robot 'pnda': two robots; did you mean panda\?$"):
        check_name("pnda", ("sawyer", "panda"), kind="robot", known_as="two robots")


def test_a_name_like_no_other_gets_no_hint():
    with pytest.raises(ValueError, match=r"two robots$"):
        check_name("xyz", ("sawyer", "panda"), kind="robot", known_as="two robots")
