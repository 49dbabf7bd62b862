from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from potstill.launch.collective.html_report import CONTEXTS, render_collective_report
from potstill.launch.collective.open_reporter import write_collective_page

_VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Checks that tags are balanced, and collects them and what a browser would load."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.urls, self._open = [], [], []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.urls += [value for name, value in attributes if name in ("src", "href", "data", "action")]
        assert not [name for name, _ in attributes if name.startswith("on")]
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag


@pytest.fixture
def render(as_read):
    """The page of (name, facts) pairs."""

    def draw(pairs, config=None, provenance=None):
        return render_collective_report(
            events=as_read(pairs), config=config or {"recipe": "smoke"}, provenance=provenance or {}
        )

    return draw


def test_the_page_of_a_run_is_one_file_that_loads_nothing(make_collective_run):
    directory = make_collective_run()
    write_collective_page(directory)
    text = directory.report_html.read_text()
    page = Page(text)
    assert page.urls == [] and "script" not in page.tags and "iframe" not in page.tags
    assert "http://" not in text and "https://" not in text and "url(" not in text and "@import" not in text
    assert "default-src 'none'" in text
    # The provenance of the fixture holds a script.
    assert "&lt;script&gt;" in text
    assert "bootstrap_episodes" in text


def test_there_is_a_matrix_for_each_context_with_every_cell(render, story):
    text = render(story())
    page = Page(text)
    assert page.tags.count("svg") == 2
    tables = re.findall(r'<table class="matrix">.*?</table>', text, re.S)
    assert len(tables) == 2
    for table, seen, unseen in zip(tables, ("0.75", "0.25"), ("0.25", "0.00"), strict=True):
        rates = re.findall(r">(\d\.\d\d)</td>", table)
        assert rates == [seen, "0.00", "0.00", unseen]
        assert 'ur5e <span class="soft">unseen</span>' in table
    assert CONTEXTS["code"] in text and CONTEXTS["zeros"] in text


def _with_findings(story, findings):
    """The events of ``story`` with more found about the codes."""
    return [
        (name, {**facts, **findings}) if name == "representation_finished" else (name, facts)
        for name, facts in story()
    ]


def test_codes_are_drawn_on_a_map_with_what_was_found_in_them(render, story):
    places = [
        {"x": float(n), "y": n / 2, "task": task, "robot": "sawyer", "step": n}
        for n, task in enumerate(("reach-v3", "push-v3", "<b>"))
    ]
    findings = {
        "code_map": places,
        "code_map_share": 0.634,
        "clusters": 7,
        "cluster_homogeneity": 0.98765,
        "robot_leakage": {"push-v3": {"probe": 0.75, "chance": 0.5}, "<b>": {"probe": 0.5, "chance": 0.5}},
    }
    text = render(_with_findings(story, findings))
    tags = Page(text).tags
    # Two charts, the map, and a mark for each task of it.
    assert tags.count("svg") == 2 + 1 + 3
    assert "<b>" not in text.split("Codes of held-out windows")[1]
    assert "push-v3, sawyer, step 1" in text
    for words in ("63 % of the variance", "without labels: 7 (homogeneity 0.988", "0.750 (chance 0.50)"):
        assert words in text


def test_each_rate_has_its_interval_and_number(render, story):
    text = render(story())
    # code, seen: 3 of 4 in one task and 0 of 4 in the other.
    for words in ("0.38 [0.14, 0.69] of 8", "0.75 [0.30, 0.95] of 4", "0.50 [0.15, 0.85] of 4"):
        assert words in text
    assert "0.975 (chance 0.50)" in text


def test_what_comes_from_outside_is_escaped(render, story):
    evil = "<script>alert(1)</script>\"'"
    events = list(story(recipe=evil, tasks=(evil, "push-v3")))
    events.insert(1, ("warning", {"message": evil}))
    text = render(events, config={"recipe": evil, evil: [evil]}, provenance={"note": evil})
    Page(text)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 7


def test_a_run_has_a_page_from_its_first_event_on(render, story):
    events = list(story())
    for length in range(len(events)):
        text = render(events[:length])
        Page(text)
        finished = ("run_finished", {}) in events[:length]
        assert ("not finished" in text) is not finished
    assert "not evaluated yet" in render(events[:3])


def test_codes_without_held_out_episodes_have_no_figures_and_no_chart(render, story):
    events = list(story())
    place = next(n for n, (name, _) in enumerate(events) if name == "representation_finished")
    facts = {key: value for key, value in events[place][1].items() if not key.startswith(("task", "robot"))}
    events[place] = ("representation_finished", facts)
    text = render(events)
    assert "nothing recorded yet" in text and "(chance" not in text


def test_losses_below_zero_or_without_a_number_do_not_break_the_page(render, story):
    for loss in (-1.5, 0.0, None):
        pairs = [(name, {**facts, "loss": loss} if "loss" in facts else facts) for name, facts in story()]
        assert Page(render(pairs)).tags.count("svg") == 1


def test_restarts_and_warnings_are_told(render, story):
    events = list(story())
    events[1:1] = [("worker_restarted", {"pool": "rollout", "reason": "killed"})] * 2
    events[1:1] = [("warning", {"message": "settings changed"})]
    text = render(events)
    assert "2 worker restarts" in text and "<li>settings changed</li>" in text
