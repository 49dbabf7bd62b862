"""Points in groups as inline SVG: no script, no font, no request; colours come from the page's style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

_WIDTH, _HEIGHT, _MARGIN = 1040, 520, 12
#: Around the origin, all of about the same area. Two groups share a colour or a shape, never both (up to 50 groups).
_SHAPES = (
    '<circle r="4.2"/>',
    '<rect x="-3.8" y="-3.8" width="7.6" height="7.6"/>',
    '<path d="M0-5.6L5.2 3.8H-5.2Z"/>',
    '<path d="M0-5.4L5.4 0L0 5.4L-5.4 0Z"/>',
    '<path d="M-1.7-5H1.7V-1.7H5V1.7H1.7V5H-1.7V1.7H-5V-1.7H-1.7Z"/>',
)
_COLOURS = 10


@dataclass(frozen=True, kw_only=True)
class Point:
    """One marker."""

    x: float
    y: float
    group: str
    note: str
    """What the pointer shows."""


def draw_scatter_chart(points: Sequence[Point], *, title: str) -> Markup:
    """The points and their legend; a note in their place when there are none.

    Both axes have one scale, and no ticks: only what is near what can be read off. Groups are styled in the order of
    their names, classes ``g1`` to ``g10``.

    Args:
        points: In any order; all finite.
        title: Spoken by screen readers.
    """
    if not points:
        return Markup('<p class="none">nothing recorded yet</p>')
    number_of = {group: number for number, group in enumerate(sorted({point.group for point in points}))}
    parts = [Markup('<svg class="chart" viewBox="0 0 {} {}" role="img">').format(_WIDTH, _HEIGHT)]
    parts.append(Markup("<title>{}</title>").format(title))
    for point, (x, y) in zip(points, _places(points), strict=True):
        marker = Markup('<g class="point g{}" transform="translate({} {})">{}<title>{}</title></g>')
        colour, shape = _style(number_of[point.group])
        parts.append(marker.format(colour, x, y, shape, point.note))
    parts.append(Markup("</svg>"))
    return Markup("").join(parts) + _legend(list(number_of))


def _places(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Pixels: as large as fits, in the middle."""
    xs, ys = [point.x for point in points], [point.y for point in points]
    wide, high = max(xs) - min(xs), max(ys) - min(ys)
    room_x, room_y = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
    scale = min(room_x / wide if wide > 0.0 else room_x, room_y / high if high > 0.0 else room_y)
    middle_x, middle_y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return [
        (round(_WIDTH / 2 + (x - middle_x) * scale, 1), round(_HEIGHT / 2 - (y - middle_y) * scale, 1))
        for x, y in zip(xs, ys, strict=True)
    ]


def _style(number: int) -> tuple[int, Markup]:
    """Colour 1..10 and shape of a group."""
    shape = (number + number // _COLOURS) % len(_SHAPES)
    return 1 + number % _COLOURS, Markup(_SHAPES[shape])


def _legend(groups: Sequence[str]) -> Markup:
    key = Markup(
        '<span class="key"><svg class="mark" viewBox="-6 -6 12 12"><g class="point g{}">{}</g></svg>{}</span>'
    )
    keys = [key.format(*_style(number), group) for number, group in enumerate(groups)]
    return Markup('<p class="legend">{}</p>').format(Markup("").join(keys))
