"""Markers stand where their points are, and groups can be told apart."""

from __future__ import annotations

import re

import pytest

from potstill.launch.reporting.page import render_page
from potstill.launch.reporting.scatter_chart import Point, draw_scatter_chart

_MARKER = re.compile(
    r'<g class="point g(\d+)" transform="translate\(([-\d.]+) ([-\d.]+)\)">(<\w+[^>]*/>)<title>(.*?)</title>'
)


def _points(places, group="push"):
    return [Point(x=x, y=y, group=group, note=f"{x} {y}") for x, y in places]


def _drawn(points):
    return [
        (float(x), float(y), note)
        for _, x, y, _, note in _MARKER.findall(draw_scatter_chart(points, title="t"))
    ]


def test_both_axes_have_one_scale_and_y_goes_up():
    (ax, ay, _), (bx, by, _), (cx, cy, _) = _drawn(_points([(0, 0), (2, 0), (0, 1)]))
    assert ay == by and ax == cx
    assert bx - ax == pytest.approx(2 * (ay - cy), abs=0.2)
    assert ay > cy


@pytest.mark.parametrize(
    "places", [[(0, 0), (1, 0)], [(0, 0), (0, 1e6)], [(-3, 4), (5, -6), (1, 1)], [(7.0, 7.0)]]
)
def test_every_marker_is_inside_and_the_whole_is_in_the_middle(places):
    drawn = _drawn(_points(places))
    assert all(0 < x < 1040 and 0 < y < 520 for x, y, _ in drawn)
    assert min(x for x, _, _ in drawn) + max(x for x, _, _ in drawn) == pytest.approx(1040, abs=0.2)
    assert min(y for _, y, _ in drawn) + max(y for _, y, _ in drawn) == pytest.approx(520, abs=0.2)


def test_fifty_groups_differ_in_colour_or_shape_and_ten_in_colour():
    points = [Point(x=n, y=n % 7, group=f"{n:02d}", note="") for n in range(50)]
    styles = [
        (colour, shape) for colour, _, _, shape, _ in _MARKER.findall(draw_scatter_chart(points, title="t"))
    ]
    assert len(set(styles)) == 50
    assert len({colour for colour, _ in styles[:10]}) == 10


def test_a_group_looks_the_same_in_the_chart_and_in_the_legend_whatever_the_order():
    points = _points([(0, 0)], "push") + _points([(1, 1)], "door") + _points([(2, 2)], "push")
    chart = draw_scatter_chart(points, title="t")
    markers = [(colour, shape) for colour, _, _, shape, _ in _MARKER.findall(chart)]
    keys = re.findall(r'<g class="point g(\d+)">(<\w+[^>]*/>)</g></svg>(\w+)</span>', chart)
    assert [name for _, _, name in keys] == ["door", "push"]
    door, push = [(colour, shape) for colour, shape, _ in keys]
    assert markers == [push, door, push]


def test_every_colour_has_a_rule_for_light_and_for_dark_pages():
    style = render_page("style.css", {}, {})
    for number in range(1, 11):
        assert f".point.g{number} {{ fill: var(--g{number}); }}" in style
        assert len(re.findall(rf"--g{number}: #", style)) == 2


def test_names_and_notes_are_escaped():
    evil = "<script>alert(1)</script>"
    chart = draw_scatter_chart([Point(x=0, y=0, group=evil, note=evil)], title=evil)
    assert "<script" not in chart
    assert chart.count("&lt;script&gt;") == 3


def test_without_points_there_is_a_note():
    assert "nothing recorded yet" in draw_scatter_chart([], title="t")
