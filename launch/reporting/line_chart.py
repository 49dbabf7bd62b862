"""A line chart as inline SVG: no script, no font, no request; colours come from the page's style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 500, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 14, 40


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line, with an interval around it where there is one."""

    name: str
    style: str
    """CSS class that colours it: ``c1``, ``c2``, ``c3``."""
    points: tuple[tuple[float, float], ...]
    band: tuple[tuple[float, float], ...] = ()
    """(low, high) per point."""
    notes: tuple[str, ...] = ()
    """What the pointer shows at each point; points get markers only where there are notes, or one point."""


@dataclass(frozen=True, kw_only=True)
class Axes:
    """What is plotted against what."""

    title: str
    """Spoken by screen readers."""
    x_label: str
    y_label: str
    y_range: tuple[float, float] | None = None
    """None: from the data."""
    logarithmic: bool = False
    """Vertical axis in powers of ten; values at or below zero are left out."""
    whole_x: bool = False
    """Ticks at every whole number (rounds)."""


def draw_line_chart(series: Sequence[Series], axes: Axes) -> Markup:
    """The chart as an ``<svg>`` element; a note in its place when there is nothing to draw."""
    shown = [_drawable(one, axes) for one in series]
    points = [point for one in shown for point in one.points]
    if not points:
        return Markup('<p class="none">nothing recorded yet</p>')
    frame = _Frame(points, axes)
    parts = [Markup('<svg class="chart" viewBox="0 0 {} {}" role="img">').format(_WIDTH, _HEIGHT)]
    parts.append(Markup("<title>{}</title>").format(axes.title))
    parts += _grid(frame, axes)
    for one in shown:
        parts += _draw_series(one, frame)
    parts.append(Markup("</svg>"))
    parts.append(_legend(shown) if len(shown) > 1 else Markup(""))
    return Markup("").join(parts)


class _Frame:
    """Maps data to pixels."""

    def __init__(self, points: Sequence[tuple[float, float]], axes: Axes) -> None:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        self.x_low, self.x_high = min(xs), max(xs)
        if axes.whole_x or self.x_high == self.x_low:
            # Room for markers and whiskers at both ends.
            self.x_low, self.x_high = self.x_low - 0.2, self.x_high + 0.2
        low, high = axes.y_range or (min(ys), max(ys))
        self._log = axes.logarithmic
        if self._log:
            low, high = 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high))
        if high <= low:
            low, high = low - 0.5 * abs(low or 1.0), high + 0.5 * abs(high or 1.0)
        self.y_low, self.y_high = (low, high if not self._log or high > low else low * 10)

    def x(self, value: float) -> float:
        share = (value - self.x_low) / (self.x_high - self.x_low)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        low, high = self.y_low, self.y_high
        if self._log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        share = (value - low) / (high - low)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)

    def y_ticks(self) -> list[float]:
        if self._log:
            first, last = round(math.log10(self.y_low)), round(math.log10(self.y_high))
            return [10.0**power for power in range(first, last + 1)]
        return _round_steps(self.y_low, self.y_high, 5)


def _drawable(one: Series, axes: Axes) -> Series:
    if not axes.logarithmic:
        return one
    return Series(name=one.name, style=one.style, points=tuple(p for p in one.points if p[1] > 0))


def _grid(frame: _Frame, axes: Axes) -> list[Markup]:
    parts = []
    for tick in frame.y_ticks():
        y = frame.y(tick)
        line = '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        parts.append(Markup(line).format(_LEFT, _WIDTH - _RIGHT, y, y))
        label = '<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>'
        parts.append(Markup(label).format(_LEFT - 8, y + 4, f"{tick:g}"))
    for tick in _x_ticks(frame, axes):
        label = '<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>'
        parts.append(Markup(label).format(frame.x(tick), _HEIGHT - _BOTTOM + 18, f"{tick:g}"))
    axis = '<text class="axis" x="{}" y="{}" text-anchor="middle">{}</text>'
    parts.append(Markup(axis).format((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, axes.x_label))
    turned = '<text class="axis" transform="translate(13 {}) rotate(-90)" text-anchor="middle">{}</text>'
    parts.append(Markup(turned).format((_TOP + _HEIGHT - _BOTTOM) / 2, axes.y_label))
    return parts


def _draw_series(one: Series, frame: _Frame) -> list[Markup]:
    parts = []
    if one.band:
        xs = [frame.x(x) for x, _ in one.points]
        edge = [(x, frame.y(high)) for x, (_, high) in zip(xs, one.band)]
        edge += [(x, frame.y(low)) for x, (low, _) in reversed(list(zip(xs, one.band)))]
        parts.append(Markup('<polygon class="band {}" points="{}"/>').format(one.style, _path(edge)))
        for x, (low, high) in zip(xs, one.band):
            whisker = '<line class="whisker {}" x1="{}" x2="{}" y1="{}" y2="{}"/>'
            parts.append(Markup(whisker).format(one.style, x, x, frame.y(low), frame.y(high)))
    path = _path([(frame.x(x), frame.y(y)) for x, y in one.points])
    parts.append(Markup('<polyline class="line {}" points="{}"/>').format(one.style, path))
    # A line of one point would be invisible.
    notes = one.notes or (one.name,) * (len(one.points) == 1)
    for (x, y), note in zip(one.points, notes):
        dot = '<circle class="dot {}" cx="{}" cy="{}" r="4.5"><title>{}</title></circle>'
        parts.append(Markup(dot).format(one.style, frame.x(x), frame.y(y), note))
    return parts


def _legend(series: Sequence[Series]) -> Markup:
    key = Markup('<span class="key"><i class="{}"></i>{}</span>')
    return Markup('<p class="legend">{}</p>').format(
        Markup("").join(key.format(o.style, o.name) for o in series)
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{escape(x)},{escape(y)}" for x, y in points)


def _x_ticks(frame: _Frame, axes: Axes) -> list[float]:
    if not axes.whole_x:
        return _round_steps(frame.x_low, frame.x_high, 8)
    first, last = math.ceil(frame.x_low), math.floor(frame.x_high)
    step = max(1, math.ceil((last - first + 1) / 16))
    return [float(tick) for tick in range(first, last + 1, step)]


def _round_steps(low: float, high: float, count: int) -> list[float]:
    rough = (high - low) / count
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(tick * step, 10) for tick in range(first, math.floor(high / step + 1e-9) + 1)]
