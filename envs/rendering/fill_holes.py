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
#: Most holes are narrow: the search widens in these steps, so that few pixels look at far neighbours.
_STAGES = (slice(0, 8), slice(8, 28), slice(28, None))
#: Stands for "no pixel to copy from"; body ids are -1 (sky) and above.
_NO_BODY = -2


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
    cameras, height, width = valid.shape
    # A border of the radius lets one flat index plus one flat step reach any neighbour.
    stride = width + 2 * _RADIUS
    usable = np.full((cameras, height + 2 * _RADIUS, stride), _NO_BODY, np.int16)
    inner = usable[:, _RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
    np.copyto(inner, segmentation, where=valid)
    line, column = np.divmod(holes, width)
    camera, row = np.divmod(line, height)
    place = (camera * (height + 2 * _RADIUS) + row + _RADIUS) * stride + column + _RADIUS
    colours, flat = rgb.reshape(-1, 3), usable.ravel()
    colours[holes] = otherwise.reshape(-1, 3)[holes]
    body = segmentation.ravel().take(holes)
    for stage in _STAGES:
        offsets = _OFFSETS[stage]
        same = flat.take(place + (offsets @ (stride, 1))[:, None]) == body
        found = same.any(axis=0)
        step = offsets[same[:, found].argmax(axis=0)]
        colours[holes[found]] = colours[holes[found] + step @ (width, 1)]
        holes, place, body = holes[~found], place[~found], body[~found]
        if not len(holes):
            return
