"""The power may be cut between any two calls of the operating system: an entry never names data that are gone."""

from __future__ import annotations

import json
import os
import random
import stat
from pathlib import Path

import pytest

from potstill.experience.atomic_write import make_folder
from potstill.experience.episode_store import EpisodeStore

CUTS = 2000


class FragileDisk:
    """Watches what the store asks of the operating system, and knows what would survive a power cut.

    Bytes survive once their file is fsynced, names (also of folders) once their folder is; until then the kernel
    may or may not have written them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.at_every_call = lambda: None
        self._synced_files: set[int] = set()
        self._synced_names: dict[str, int] = {}
        self._real_fsync = os.fsync

    def fsync(self, descriptor: int) -> None:
        self.at_every_call()
        self._real_fsync(descriptor)
        about = os.fstat(descriptor)
        if stat.S_ISDIR(about.st_mode):
            folder = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
            kept = {name: i for name, i in self._synced_names.items() if Path(name).parent != folder}
            self._synced_names = kept | self._names_in(folder)
        else:
            self._synced_files.add(about.st_ino)
        self.at_every_call()

    def watched(self, call):
        def watch(*arguments, **settings):
            self.at_every_call()
            try:
                return call(*arguments, **settings)
            finally:
                self.at_every_call()

        return watch

    def after_a_cut(self, draw: random.Random) -> dict[str, bytes]:
        """Name and bytes of every file that is there when the power is back."""
        now = {str(path): path.stat().st_ino for path in self.root.rglob("*")}
        synced = {name: i for name, i in self._synced_names.items() if self.root in Path(name).parents}
        drawn = {
            name: draw.choice([now.get(name), synced.get(name)])
            for name in sorted(now.keys() | synced.keys())
        }
        survivors = {}
        for name, number in drawn.items():
            folders = [str(folder) for folder in Path(name).parents if self.root in folder.parents]
            if number is None or Path(name).is_dir() or any(drawn[folder] is None for folder in folders):
                continue
            # A name that was removed meanwhile may come back; its bytes cannot be read here any more.
            whole = number in self._synced_files and now.get(name) == number
            survivors[name] = Path(name).read_bytes() if whole else b""
        return survivors

    @staticmethod
    def _names_in(folder: Path) -> dict[str, int]:
        return {str(path): path.stat().st_ino for path in folder.iterdir()}


@pytest.fixture
def disk(tmp_path, monkeypatch):
    disk = FragileDisk(tmp_path)
    monkeypatch.setattr(os, "fsync", disk.fsync)
    for name in ("link", "replace", "mkdir"):
        monkeypatch.setattr(os, name, disk.watched(getattr(os, name)))
    return disk


def named_but_gone(files: dict[str, bytes]) -> list[str]:
    """Entries that are torn, or that name data which are not there in full."""
    wrong = []
    for name, content in files.items():
        if not name.endswith(".json") or name.endswith("manifest.json"):
            continue
        try:
            entry = json.loads(content)
        except ValueError:
            wrong.append(name)
            continue
        if len(files.get(str(Path(name).parent / entry["file"]), b"")) != entry["bytes"]:
            wrong.append(name)
    return wrong


def test_after_2000_power_cuts_no_entry_names_data_that_are_gone(disk, tmp_path, make_episode):
    draw, cuts, wrong = random.Random(0), 0, []

    def cut():
        nonlocal cuts
        cuts += 1
        wrong.extend(named_but_gone(disk.after_a_cut(draw)))

    disk.at_every_call = cut
    episodes = [make_episode(round=0, index=index, steps=3) for index in range(5)]
    while cuts < CUTS:
        disk.root = tmp_path / f"run_{cuts}"
        store = EpisodeStore(disk.root)
        assert all(store.commit(episode).committed for episode in episodes)
    assert wrong == []


@pytest.mark.parametrize("dies_before", ["nothing", "its folder is synced"])
def test_a_commit_survives_a_power_cut_from_the_moment_anybody_is_told_of_it(
    disk, tmp_path, make_episode, monkeypatch, dies_before
):
    store, episode = EpisodeStore(tmp_path), make_episode(round=0, index=0, steps=3)
    if dies_before == "nothing":
        store.commit(episode)
    else:
        with monkeypatch.context() as patch:
            patch.setattr("potstill.experience.atomic_write.sync_folder", lambda folder: None)
            store.commit(episode)
        # Another worker did the same task, and is told that it is committed already.
        assert not store.commit(episode).committed
    draws = [disk.after_a_cut(random.Random(seed)) for seed in range(50)]
    assert all(any(name.endswith("00000.json") for name in files) for files in draws)
    assert not any(named_but_gone(files) for files in draws)


@pytest.mark.parametrize("found", [".", "run", "run/episodes", "run/episodes/round_00"])
def test_the_names_of_new_folders_survive_too_also_of_one_whose_maker_died(
    disk, tmp_path, make_episode, found
):
    last = tmp_path / found
    make_folder(last.parent)
    last.mkdir(exist_ok=True)  # and its maker died before it synced the name
    EpisodeStore(tmp_path / "run" / "episodes").commit(make_episode(round=0, index=0, steps=3))
    draws = [disk.after_a_cut(random.Random(seed)) for seed in range(50)]
    assert all(any(name.endswith("round_00/00000.json") for name in files) for files in draws)
