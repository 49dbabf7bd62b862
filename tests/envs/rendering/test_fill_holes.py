from __future__ import annotations

import numpy as np

from potstill.envs.rendering.fill_holes import fill_holes


def picture(size=16):
    """Each pixel of two cameras in a colour of its own; all valid, all of body 3."""
    rgb = np.arange(2 * size * size * 3, dtype=np.uint32).reshape(2, size, size, 3) % 251
    return rgb.astype(np.uint8), np.ones((2, size, size), bool), np.full((2, size, size), 3, np.int16)


def filled(rgb, valid, bodies):
    result = rgb.copy()
    fill_holes(result, valid, bodies, otherwise=np.full_like(rgb, 77))
    return result


def test_a_picture_without_holes_stays_as_it_is():
    rgb, valid, bodies = picture()
    assert np.array_equal(filled(rgb, valid, bodies), rgb)


def test_a_hole_takes_the_colour_of_the_nearest_pixel_of_its_body():
    rgb, valid, bodies = picture()
    valid[1, 5:8, 5:8] = False
    bodies[1, 6, :] = 4  # a strip of another body: its hole looks along the strip
    result = filled(rgb, valid, bodies)
    assert np.array_equal(result[1, 5, 6], rgb[1, 4, 6])
    assert np.array_equal(result[1, 6, 6], rgb[1, 6, 4])
    assert np.array_equal(result[valid], rgb[valid])


def test_the_search_goes_five_pixels_and_no_further_nor_into_another_picture():
    rgb, valid, bodies = picture()
    valid[0, 4:, :] = False
    result = filled(rgb, valid, bodies)
    assert np.array_equal(result[0, 8], rgb[0, 3])
    assert (result[0, 9:] == 77).all()
    assert np.array_equal(result[1], rgb[1])


def test_a_body_that_is_nowhere_valid_takes_what_it_is_told():
    rgb, valid, bodies = picture()
    bodies[0, 2, 2], valid[0, 2, 2] = -1, False
    assert (filled(rgb, valid, bodies)[0, 2, 2] == 77).all()
