"""Gives pixels that a keyframe never saw a colour of their own body."""

from __future__ import annotations

import numpy as np

#: Holes look this far (pixels) for a valid pixel of their own body.
_RADIUS = 5
#: Rows (dy, dx) within the radius, nearest first; ties in a fixed order.
_OFFSETS = np.array(
    sorted(
        ((y, x) for y in range(-_RADIUS, _RADIUS + 1) for x in range(-_RADIUS, _RADIUS + 1)),
        key=lambda offset: (offset[0] ** 2 + offset[1] ** 2, offset),
    )[1:]
)
#: Most holes are narrow: so few of them look at far neighbours.
_STAGES = (slice(0, 20), slice(20, None))
#: Stands for "no pixel to copy from"; body ids are -1 (sky) and above.
_NO_BODY = np.int16(-2)


def fill_holes(
    rgb: np.ndarray, valid: np.ndarray, segmentation: np.ndarray, *, otherwise: np.ndarray
) -> None:
    """Paint every invalid pixel, in place, like the nearest valid pixel of its body.

    Args:
        rgb: (C, H, W, 3) uint8, changed.
        valid: (C, H, W) bool.
        segmentation: (C, H, W) int16 body ids, -1 for the sky.
        otherwise: (C, H, W, 3) uint8: what is taken where no such pixel is within 5 pixels.
    """
    holes = np.flatnonzero(~valid)
    if not len(holes):
        return
    _, height, width = valid.shape
    # A border of the radius lets one flat index plus one flat step reach any neighbour.
    usable = np.full((len(valid), height + 2 * _RADIUS, width + 2 * _RADIUS), _NO_BODY, np.int16)
    usable[:, _RADIUS:-_RADIUS, _RADIUS:-_RADIUS] = np.where(valid, segmentation, _NO_BODY)
    stride = usable.shape[2]
    line = holes // width
    place = holes + line * (2 * _RADIUS) + (line // height * 2 + 1) * (_RADIUS * stride) + _RADIUS
    body = segmentation.ravel().take(holes)
    colours = rgb.reshape(-1, 3)
    colours[holes] = otherwise.reshape(-1, 3)[holes]
    for stage in _STAGES:
        offsets = _OFFSETS[stage]
        same = usable.ravel().take(place[:, None] + offsets @ (stride, 1)) == body[:, None]
        nearest = same.argmax(axis=1)
        found = same[np.arange(len(holes)), nearest]
        filled, step = holes[found], offsets[nearest[found]]
        colours[filled] = colours[filled + step @ (width, 1)]
        holes, place, body = holes[~found], place[~found], body[~found]
