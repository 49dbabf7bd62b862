from __future__ import annotations

import numpy as np

from potstill.envs.rendering.batch_items import PLAIN, SEE_THROUGH, SEE_THROUGH_AGAIN, TEXTURED, BatchItems

STAGES = np.array([SEE_THROUGH, TEXTURED, PLAIN, SEE_THROUGH, PLAIN])
DISTANCES = np.array([[1.0, 0.0, 0.0, 2.0, 0.0], [2.0, 0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 2.0, 0.0]])
ELEMENT_START = np.array([0, 3, 9, 12, 18, 30])


def items_of(shown):
    return BatchItems.of(np.asarray(shown, bool), STAGES, DISTANCES[: len(shown)])


def test_see_through_visuals_come_last_by_distance_in_every_view_and_once_more_backwards():
    items = items_of(np.ones((3, 5)))
    for view in range(3):
        order = items.visual[items.view == view].tolist()
        near, far = (0, 3) if DISTANCES[view, 0] < DISTANCES[view, 3] else (3, 0)
        assert order == [2, 4, 1, near, far, far, near]
    assert (np.diff(items.stage) >= 0).all()
    assert set(items.stage[items.visual == 0]) == {SEE_THROUGH, SEE_THROUGH_AGAIN}


def test_what_is_not_shown_is_not_drawn():
    shown = np.array([[1, 0, 1, 0, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0]])
    items = items_of(shown)
    opaque = items.stage < SEE_THROUGH
    pairs = set(zip(items.view[opaque].tolist(), items.visual[opaque].tolist()))
    assert pairs == {(0, 2), (1, 1), (1, 4)}
    assert items.view[~opaque].tolist() == [0, 0] and items.visual[~opaque].tolist() == [0, 0]


def test_a_visual_in_many_views_is_one_command():
    commands, counts = items_of(np.ones((3, 5))).commands(ELEMENT_START)
    assert counts.tolist() == [2, 1, 6, 6]  # see-through: the two orders split each rank
    assert commands[:3].tolist() == [[6 - 3, 3, 9, 0, 0], [12, 3, 18, 0, 3], [6, 3, 3, 0, 6]]
    assert commands[:, 1].sum() == 3 * (3 + 2 + 2)


def test_the_commands_of_nothing_see_through_end_with_the_opaque_ones():
    commands, counts = items_of([[0, 1, 1, 0, 1]]).commands(ELEMENT_START)
    assert counts.tolist() == [2, 1, 0, 0] and len(commands) == 3
