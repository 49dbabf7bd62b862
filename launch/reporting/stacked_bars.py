"""Horizontal stacked bars as inline SVG: where the time of each round went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

_WIDTH, _LEFT, _RIGHT, _ROW = 1040, 70, 64, 26


def draw_stacked_bars(rows: Sequence[tuple[str, Mapping[str, float]]], *, title: str, unit: str) -> Markup:
    """One bar per (label, {part: value >= 0}); parts are coloured c1, c2, ... in their order."""
    longest = max((sum(parts.values()) for _, parts in rows), default=0.0)
    if longest <= 0:
        return Markup('<p class="none">nothing recorded yet</p>')
    height = _ROW * len(rows) + 8
    svg = [
        Markup('<svg class="chart" viewBox="0 0 {} {}" role="img"><title>{}</title>').format(
            _WIDTH, height, title
        )
    ]
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    for number, (label, parts) in enumerate(rows):
        y = number * _ROW + 4
        svg.append(
            Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>').format(
                _LEFT - 8, y + 14, label
            )
        )
        x = float(_LEFT)
        for style, (part, value) in enumerate(parts.items(), start=1):
            # The bars keep a gap of one pixel, so that neighbours differ by more than their colour.
            place = '<rect class="bar c{}" x="{}" y="{}" width="{}" height="18">'
            bar = place + "<title>{}: {} {} {}</title></rect>"
            width = max(0.0, value * scale - 1.0)
            svg.append(
                Markup(bar).format(style, round(x, 1), y, round(width, 1), label, part, f"{value:.1f}", unit)
            )
            x += value * scale
        total = f"{sum(parts.values()):.1f} {unit}"
        svg.append(
            Markup('<text class="tick" x="{}" y="{}">{}</text>').format(round(x + 6, 1), y + 14, total)
        )
    svg.append(Markup("</svg>"))
    names = list(rows[0][1])
    key = Markup('<span class="key"><i class="c{}"></i>{}</span>')
    legend = Markup("").join(key.format(style, name) for style, name in enumerate(names, start=1))
    return Markup("").join(svg) + Markup('<p class="legend">{}</p>').format(legend)
