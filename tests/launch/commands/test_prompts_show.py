from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from potstill.experience.prompt_collection import PromptCollection
from potstill.launch.main import main

SHOW = ("prompts", "show")


def test_a_contact_sheet_shows_prompts_that_look_different(tmp_path, capsys):
    out = tmp_path / "sheet.png"
    assert main([*SHOW, "tabletop-v1", "--count", "5", "--size", "32", "--out", str(out)]) == 0
    with Image.open(out) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape == (2 * 50 + 4, 4 * 36 + 4, 3)
    tiles = [pixels[18:50, 4 + 36 * column : 36 + 36 * column] for column in range(4)]
    assert min(np.abs(tiles[i] - tiles[j]).mean() for i in range(4) for j in range(i)) > 5
    said = capsys.readouterr().out
    assert "183 prompts to train, 42 held out" in said
    assert PromptCollection.find("tabletop-v1").sha256 in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tabletop-v2", "--out", "x.png"], "no prompt collection 'tabletop-v2'"),
        (["tabletop-v1", "--out", "x.jpg"], "--out must be a .png file"),
        (
            ["tabletop-v1", "--out", "no/such/folder/x.png"],
            "--out must be a .png file in a folder that exists",
        ),
        (["tabletop-v1", "--out", "x.png", "--count", "0"], "--count must be an integer in 1..400: got '0'"),
        (["tabletop-v1", "--out", "x.png", "--size", "big"], "--size must be an integer in 32..512"),
        (["tabletop-v1", "--out", "x.png", "--task", "reach"], "reach-v3"),
        (["tabletop-v1"], "--out"),
    ],
)
def test_bad_input_is_one_line(arguments, message, capsys):
    assert main([*SHOW, *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_malformed_file_is_refused_by_line_and_key(tmp_path, capsys):
    path = tmp_path / "mine.jsonl"
    path.write_text('{"collection": "mine", "version": 1, "about": "x"}\n{"id": 1}\n')
    assert main([*SHOW, str(path), "--out", str(tmp_path / "x.png")]) == 2
    assert f"{path} line 2: title: is missing" in capsys.readouterr().err
