"""Shards on disk, the split by episode, the manifest that seals them, the reader."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from potstill.experience import history_reader
from potstill.experience.array_file import write_array_file
from potstill.experience.errors import ArrayFileError, ManifestError
from potstill.experience.history_archive import MANIFEST_FILE, HistoryArchive, seal_history
from potstill.experience.history_reader import HistoryReader
from potstill.experience.history_shard import HISTORY_KIND, HistoryShard

EXPERT = "e" * 64
EPISODES = [[10 * number, 10 * number + 1] for number in range(1, 11)]


@pytest.fixture
def shards(make_shard):
    return [make_shard(pair, expert=EXPERT) for pair in EPISODES]


def seal(folder, shards, fraction=0.2):
    episodes = [episode for shard in shards for episode in shard.episodes()]
    return seal_history(folder, shards, episodes=episodes, validation_fraction=fraction)


def test_a_shard_survives_its_file(make_shard, tmp_path):
    for expert in ("", EXPERT):
        shard = make_shard([1, 2], expert=expert)
        shard.write(tmp_path / "x.safetensors")
        back = HistoryShard.read(tmp_path / "x.safetensors")
        assert back.facts == shard.facts and back.episodes() == [1, 2]
        assert back.columns().keys() == shard.columns().keys()
        for name, array in shard.columns().items():
            assert back.columns()[name].tobytes() == array.tobytes(), name


def test_a_column_that_does_not_fit_is_refused(make_shard):
    shard = make_shard([1, 2], expert=EXPERT)
    for change, words in (
        ({"reward": shard.reward.astype(np.float64)}, "reward must be float32"),
        ({"mu": shard.mu[:-1]}, "mu must be .* 8 rows"),
        ({"mu": None}, "missing mu"),
        ({"facts": dataclasses.replace(shard.facts, expert="")}, "missing expert"),
    ):
        with pytest.raises(ValueError, match=words):
            dataclasses.replace(shard, **change)


def test_a_file_of_another_form_is_refused(make_shard, tmp_path):
    shard = make_shard([1])
    columns = shard.columns()
    columns.pop("reward")
    write_array_file(tmp_path / "x", columns, dataclasses.asdict(shard.facts), kind=HISTORY_KIND)
    with pytest.raises(ArrayFileError, match="not a history of this version"):
        HistoryShard.read(tmp_path / "x")


@pytest.mark.parametrize(("fraction", "held_out"), [(0.2, 4), (0.0, 0), (0.5, 10)])
def test_no_episode_is_in_both_splits_and_none_is_lost(shards, tmp_path, fraction, held_out):
    seal(tmp_path, shards, fraction)
    train, validation = (HistoryReader(tmp_path, split=split) for split in ("train", "validation"))
    assert len(validation.episodes()) == held_out
    assert not set(train.episodes()) & set(validation.episodes())
    assert sorted(train.episodes() + validation.episodes()) == sorted(sum(EPISODES, []))
    assert len(train) + len(validation) == 80
    for reader in (train, validation):
        for columns in reader.columns(["episode_seed", "mu"]):
            for seed in set(columns["episode_seed"].tolist()):
                (whole,) = [shard for shard in shards if seed in shard.episodes()]
                rows = columns["episode_seed"] == seed
                assert np.array_equal(columns["mu"][rows], whole.mu[whole.episode_seed == seed])
        reader.verify()


def test_the_split_follows_from_the_seeds_of_the_episodes_alone(shards, tmp_path):
    seal(tmp_path / "a", shards)
    seal(tmp_path / "b", shards[::-1])
    sides = [set(HistoryReader(tmp_path / name, split="validation").episodes()) for name in "ab"]
    assert sides[0] == sides[1]
    assert 0 < len({seed % 10 for seed in sides[0]})


def test_the_reader_reads_what_is_asked_and_nothing_else(shards, tmp_path, monkeypatch):
    seal(tmp_path, shards)
    read = []
    original = history_reader.pread_into
    monkeypatch.setattr(
        history_reader, "pread_into", lambda *args: (read.append(len(args[1])), original(*args))[1]
    )
    columns = HistoryReader(tmp_path, split="train").columns(["reward", "action"])
    assert read == []
    first = next(columns)
    assert first.keys() == {"reward", "action"}
    assert read == [first["reward"].nbytes, first["action"].nbytes]


def test_without_its_manifest_there_is_no_archive(shards, tmp_path):
    with pytest.raises(ManifestError, match="never finished"):
        HistoryArchive.read(tmp_path)
    seal(tmp_path, shards)

    def broken():
        yield shards[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seal_history(tmp_path, broken(), episodes=[10, 11], validation_fraction=0.2)
    with pytest.raises(ManifestError, match="never finished"):
        HistoryReader(tmp_path, split="train")


def test_sealing_again_leaves_nothing_of_the_past(shards, tmp_path):
    seal(tmp_path, shards)
    seal(tmp_path, shards[:2], fraction=0.0)
    assert HistoryReader(tmp_path, split="train").episodes() == [10, 11, 20, 21]
    assert len(list(tmp_path.rglob("*.safetensors"))) == 2


def test_what_is_damaged_or_foreign_is_refused(shards, tmp_path, make_shard):
    archive = seal(tmp_path, shards)
    path = tmp_path / archive.of("train")[0]["file"]
    good = path.read_bytes()
    reader = HistoryReader(tmp_path, split="train", expected_model_hash="a" * 64)

    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(ArrayFileError, match="corrupt"):
        reader.verify()
    path.write_bytes(good[:-10])
    with pytest.raises(ArrayFileError, match="truncated"):
        list(reader.columns(["reward"]))
    make_shard([99], expert=EXPERT).write(path)
    with pytest.raises(ArrayFileError, match="not the shard that the manifest names"):
        list(reader.columns(["reward"]))
    path.unlink()
    with pytest.raises(ArrayFileError, match="No such file"):
        reader.verify()
    path.write_bytes(good)
    with pytest.raises(ArrayFileError, match="holds no 'colour'"):
        list(reader.columns(["colour"]))
    with pytest.raises(
        ManifestError, match="history of reach-v3 with sawyer .model aaaaaaaaaaaa.*bbbbbbbbbbbb"
    ):
        HistoryReader(tmp_path, split="train", expected_model_hash="b" * 64)
    with pytest.raises(ValueError, match="split must be one of"):
        HistoryReader(tmp_path, split="test")


def test_a_manifest_cannot_point_outside_its_folder(shards, tmp_path):
    seal(tmp_path, shards)
    content = json.loads((tmp_path / MANIFEST_FILE).read_text())
    content["shards"][0]["file"] = "../../secret.safetensors"
    (tmp_path / MANIFEST_FILE).write_text(json.dumps(content))
    with pytest.raises(ManifestError, match="no name of a shard"):
        HistoryReader(tmp_path, split="train")


def test_shards_without_labels_or_of_different_experts_are_not_sealed(make_shard, shards, tmp_path):
    with pytest.raises(ValueError, match="labels and equal facts"):
        seal(tmp_path, [make_shard([1])])
    with pytest.raises(ValueError, match="labels and equal facts"):
        seal(tmp_path, [shards[0], make_shard([1], expert="f" * 64)])
    with pytest.raises(ValueError, match="at least one"):
        seal(tmp_path, [])
