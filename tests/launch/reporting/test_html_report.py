from __future__ import annotations

import base64
import io
import re
import subprocess
from html.parser import HTMLParser

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from potstill.launch.reporting import round_media
from potstill.launch.reporting.line_chart import Axes, Series, draw_line_chart
from potstill.launch.reporting.report_files import write_report_html
from potstill.launch.reporting.round_media import collect_round_media, draw_strip, encode_video

_URL_ATTRIBUTES = {"src", "href", "srcset", "poster", "data", "action", "xlink:href"}
_VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects what a browser would load, and checks that tags are balanced."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.urls, self._open = [], [], []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.urls += [value for name, value in attributes if name in _URL_ATTRIBUTES]
        assert not [name for name, _ in attributes if name.startswith("on")]
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag


@pytest.fixture
def page(run_with_episodes):
    write_report_html(run_with_episodes)
    return run_with_episodes.report_html.read_text()


def test_the_page_loads_nothing_from_anywhere(page):
    parsed = Page(page)
    assert parsed.urls and all(url.startswith("data:") for url in parsed.urls)
    assert "http://" not in page and "https://" not in page and "url(" not in page and "@import" not in page
    assert "script" not in parsed.tags and "iframe" not in parsed.tags
    assert "default-src 'none'" in page
    assert len(page) < 10_000_000


def test_the_page_has_a_strip_and_a_video_for_each_round(page):
    parsed = Page(page)
    assert parsed.tags.count("img") == parsed.tags.count("video") == 3
    assert parsed.tags.count("svg") == 3


def test_the_page_shows_each_rate_with_its_interval_and_number(page):
    for text in ("0.20 [0.06, 0.51] of 10", "0.50 [0.24, 0.76] of 10", "0.90 [0.60, 0.98] of 10", "9 / 9"):
        assert text in page
    assert re.search(r"0\.85</strong>\s*<em>\[0\.64, 0\.95\] of 20 episodes", page)


def test_what_comes_from_outside_is_escaped(make_run, events_of_run):
    evil = "<script>alert(1)</script>"
    events = list(events_of_run(recipe=evil, task=evil))
    events.insert(1, ("warning", {"message": evil}))
    events.insert(2, ("worker_restarted", {"pool": evil, "reason": evil}))
    directory = make_run("evil", events)
    write_report_html(directory)
    text = directory.report_html.read_text()
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 5


def test_final_looks_have_a_table_where_there_are_any(make_run, events_of_run, page):
    look = ("look_evaluation_finished", dict(round=2, look="held_out", successes=[1, 1, 0, 0]))
    directory = make_run("looks", [*events_of_run(), look])
    write_report_html(directory)
    (row,) = re.findall(r"held-out prompts</td><td>(.*?)</td>", directory.report_html.read_text())
    assert row == "0.50 [0.15, 0.85] of 4"
    assert "on other looks" not in page


def test_a_run_that_has_only_begun_has_a_page_too(make_run, events_of_run):
    events = list(events_of_run())
    for length in (0, 1, 2, 5, 9, 11):
        directory = make_run(f"begun-{length}", events[:length])
        write_report_html(directory)
        text = directory.report_html.read_text()
        Page(text)
        assert "not finished" in text


def test_losses_below_zero_do_not_break_the_chart(make_run, events_of_run):
    events = [
        (name, {**facts, "loss": -1.5} if "loss" in facts else facts) for name, facts in events_of_run()
    ]
    directory = make_run("negative", events)
    write_report_html(directory)
    assert Page(directory.report_html.read_text()).tags.count("svg") == 3


def test_a_curve_of_one_point_is_a_dot():
    chart = draw_line_chart(
        [Series(name="one", style="c1", points=((1.0, 2.0),))], Axes(title="t", x_label="x", y_label="y")
    )
    assert chart.count("<circle") == 1


def test_a_strip_shows_moments_from_left_to_right_and_cameras_from_top_to_bottom():
    frames = np.zeros((8, 2, 16, 16, 3), np.uint8)
    frames[:, 0, ..., 0] = np.arange(8)[:, None, None] * 10
    frames[:, 1, ..., 1] = 200
    strip = np.asarray(Image.open(io.BytesIO(draw_strip(frames))))
    assert strip.shape == (32, 128, 3)
    assert [strip[0, 16 * n, 0] for n in range(8)] == [10 * n for n in range(8)]
    assert (strip[16:, :, 1] == 200).all() and (strip[:16, :, 1] == 0).all()


@pytest.mark.parametrize(("cameras", "size"), [(1, 33), (3, 35), (2, 64)])
def test_a_video_holds_every_step(tmp_path, cameras, size):
    frames = np.random.default_rng(0).integers(0, 255, (7, cameras, size, size, 3), dtype=np.uint8)
    path = tmp_path / "x.mp4"
    path.write_bytes(encode_video(frames))
    count, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
    assert count == 7


def test_videos_stay_out_when_the_page_would_grow_too_large(run_with_episodes, monkeypatch):
    monkeypatch.setattr(round_media, "MEDIA_BYTES", 10)
    media = collect_round_media(run_with_episodes.episodes)
    assert len(media) == 3 and not any(shown.video_mp4 for shown in media)
    assert all(shown.strip_png for shown in media)


def test_a_corrupt_episode_costs_its_pictures_only(run_with_episodes, capsys):
    file = next((run_with_episodes.episodes / "round_01").glob("00000.*.safetensors"))
    file.write_bytes(file.read_bytes()[:100])
    assert [shown.round for shown in collect_round_media(run_with_episodes.episodes)] == [0, 2]
    assert "round 1" in capsys.readouterr().err


def test_the_embedded_video_is_a_real_one(page, tmp_path):
    data = base64.b64decode(re.search(r"data:video/mp4;base64,([^\"]+)", page).group(1))
    (tmp_path / "x.mp4").write_bytes(data)
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-i",
        str(tmp_path / "x.mp4"),
        "-f",
        "null",
        "-",
    ]
    assert subprocess.run(command, capture_output=True, timeout=30).stderr == b""
