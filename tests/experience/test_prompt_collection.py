from __future__ import annotations

import json

import pytest

from potstill.experience.errors import PromptFileError
from potstill.experience.prompt_collection import REGIONS, PromptCollection
from potstill.experience.stable_draw import stable_draw

HEADER = {"collection": "mine", "version": 2, "about": "for tests"}


def prompt(number, split, **changes):
    regions = {region: f"{region} of oak" for region in REGIONS}
    whole = {
        "id": number, "title": f"look {number}", "split": split, "regions": regions, "light": "noon",
        "negative": "", "metadata": {"era": "now"},
    }  # fmt: skip
    return {**whole, **changes}


def parse(*records):
    text = "\n".join(record if isinstance(record, str) else json.dumps(record) for record in records)
    return PromptCollection.parse(text.encode(), source="mine.jsonl")


GOOD = (HEADER, prompt(4, "train"), prompt(7, "held_out"), prompt(5, "train"))


def test_a_file_is_read_with_its_name_split_and_texts():
    collection = parse(*GOOD)
    assert collection.name == "mine-v2"
    assert [prompt.id for prompt in collection.of_split("train")] == [4, 5]
    assert [prompt.id for prompt in collection.of_split("held_out")] == [7]
    assert collection.prompts[0].texts() == {
        **{region: f"{region} of oak" for region in REGIONS}, "light": "noon", "negative": "",
    }  # fmt: skip


def test_the_hash_is_of_the_bytes():
    assert parse(*GOOD).sha256 == parse(*GOOD).sha256
    assert parse(*GOOD).sha256 != parse(*GOOD, prompt(9, "train")).sha256


def without(record, key):
    return {name: value for name, value in record.items() if name != key}


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ((), "is empty"),
        ((without(HEADER, "version"),), "line 1: version: is missing"),
        (({**HEADER, "abuot": ""},), "line 1: abuot: unknown key; did you mean about"),
        ((HEADER, "{"), "line 2: is not JSON"),
        ((HEADER, '{"id": 1, "id": 2}'), "line 2: id: is given twice"),
        ((HEADER, "[1]"), "line 2: must be a JSON object"),
        ((HEADER, without(prompt(1, "train"), "light")), "line 2: light: is missing"),
        ((HEADER, prompt(1, "train", lihgt="dusk")), "line 2: lihgt: unknown key; did you mean light"),
        ((HEADER, "", prompt(1, "trian")), "line 3: split: must be train or held_out: got 'trian'"),
        ((HEADER, prompt(1, "train", regions={})), "line 2: regions.table: is missing"),
        ((HEADER, prompt(1, "train", regions=[])), "line 2: regions: must be a JSON object"),
        (
            (HEADER, prompt(1, "train", regions={**prompt(1, "train")["regions"], "flor": "x"})),
            "line 2: regions.flor: unknown key",
        ),
        ((HEADER, prompt(1, "train", light=" ")), "line 2: light: is empty"),
        ((HEADER, prompt(1, "train", title="a\nb")), "line 2: title: must be one line"),
        ((HEADER, prompt(1, "train", title="a" * 301)), "at most 300 characters: got 301"),
        ((HEADER, prompt(1, "train", light=3)), "line 2: light: must be a text: got 3"),
        ((HEADER, prompt(True, "train")), "line 2: id: must be an integer"),
        ((HEADER, prompt(2**31, "train")), "line 2: id: must be an integer in 0..2147483647"),
        ((HEADER, prompt(1, "train", metadata={"era": 1900})), "line 2: metadata.era: must be a text"),
        (
            (HEADER, prompt(1, "train"), prompt(2, "held_out"), prompt(1, "train")),
            "line 4: id: 1 is already the id of line 2",
        ),
        ((HEADER, prompt(1, "train")), "split: no prompt is in 'held_out'"),
        ((HEADER, prompt(1, "held_out")), "split: no prompt is in 'train'"),
    ],
)
def test_a_bad_file_is_refused_by_line_and_key(records, message):
    with pytest.raises(PromptFileError) as refusal:
        parse(*records)
    assert str(refusal.value).startswith("mine.jsonl") and message in str(refusal.value)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(PromptFileError, match="is not UTF-8 at byte 1"):
        PromptCollection.parse(b"{\xff", source="x.jsonl")


def test_a_file_and_a_shipped_collection_are_found(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in GOOD))
    assert PromptCollection.find(str(path)).name == "mine-v2"
    assert PromptCollection.find("tabletop-v1").name == "tabletop-v1"


@pytest.mark.parametrize("name", ["tabletp-v1", "../prompts/tabletop", "nowhere.jsonl"])
def test_an_unknown_collection_is_refused_with_those_there_are(name):
    with pytest.raises(PromptFileError, match="one of .*tabletop-v1"):
        PromptCollection.find(name)


def test_episodes_get_prompts_of_the_split_evenly_and_always_the_same():
    collection = parse(*GOOD)
    chosen = [collection.choose("train", seed).id for seed in range(400)]
    assert chosen == [collection.choose("train", seed).id for seed in range(400)]
    assert set(chosen) == {4, 5} and 150 < chosen.count(4) < 250
    assert {collection.choose("held_out", seed).id for seed in range(20)} == {7}


def test_the_shipped_collection_keeps_its_stated_split_and_repeats_nothing():
    collection = PromptCollection.find("tabletop-v1")
    assert len(collection.prompts) >= 200
    for prompt in collection.prompts:
        held_out = stable_draw(f"prompt split 0 {prompt.id}") < 0.2
        assert prompt.split == ("held_out" if held_out else "train"), prompt.title
    assert len({prompt.title for prompt in collection.prompts}) == len(collection.prompts)
    scenes = {tuple(sorted(prompt.regions.items())) for prompt in collection.prompts}
    assert len(scenes) == len(collection.prompts)
    for region in ("table", "robot", "object", "background"):
        texts = [prompt.regions[region] for prompt in collection.prompts]
        assert len(set(texts)) > 0.8 * len(texts), region
