"""First commit wins, nothing half-written counts, and an incomplete round cannot be sealed."""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import Path

import pytest

from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import EpisodeFileError, ManifestError, StoreFullError
from potstill.experience.round_manifest import EpisodeEntry


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    """The same contract on a local folder and on an object store."""
    return EpisodeStore(
        tmp_path / "episodes" if request.param == "local" else f"memory://{uuid.uuid4().hex}/e"
    )


@pytest.fixture
def local(tmp_path):
    return EpisodeStore(tmp_path / "episodes")


def files_of(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.rglob("*") if path.is_file())


def test_a_committed_episode_is_read_back_whole(store, make_episode):
    commit = store.commit(make_episode(index=17))
    assert commit.committed
    assert commit.entry.file.startswith("00017.")
    assert commit.entry.steps == 12 and commit.entry.success and commit.entry.seed == 17
    assert store.entries(0) == [commit.entry]
    assert (store.load(commit.entry).frames == make_episode(index=17).frames).all()


def test_the_first_commit_wins_and_the_loser_leaves_no_file(local, make_episode, tmp_path):
    first = local.commit(make_episode(index=3))
    second = local.commit(make_episode(index=3, salt=1))
    assert first.committed and not second.committed
    assert second.entry == first.entry
    assert files_of(tmp_path) == sorted(["00003.json", first.entry.file])


def test_a_loser_that_had_not_seen_the_winner_removes_its_data(store, make_episode, monkeypatch):
    first = store.commit(make_episode())
    real, calls = store.entry, []

    def blind_once(round, index):
        calls.append(index)
        return None if len(calls) == 1 else real(round, index)

    monkeypatch.setattr(store, "entry", blind_once)
    second = store.commit(make_episode(salt=1))
    assert not second.committed and second.entry == first.entry
    assert store._shelf.names("round_00") == sorted([first.entry.file, "00000.json"])


def test_a_loser_with_the_very_same_bytes_does_not_remove_the_winners_file(store, make_episode, monkeypatch):
    first = store.commit(make_episode())
    real, calls = store.entry, []
    monkeypatch.setattr(
        store, "entry", lambda r, i: calls.append(i) or (None if len(calls) == 1 else real(r, i))
    )
    assert not store.commit(make_episode()).committed
    assert store.verify(0) == []
    assert store.load(first.entry).meta.index == 0


def test_of_racing_processes_exactly_one_wins_each_episode(tmp_path, start_python):
    code = """
from potstill.experience.episode_store import EpisodeStore
store = EpisodeStore(sys.argv[1])
for index in range(20):
    print(int(store.commit(synthetic_episode(index=index, salt=int(sys.argv[2]), steps=3)).committed))
"""
    racers = [start_python(code, tmp_path, salt) for salt in range(2)]
    wins = [[int(line) for line in racer.communicate(timeout=60)[0].split()] for racer in racers]
    assert [sum(pair) for pair in zip(*wins, strict=True)] == [1] * 20
    store = EpisodeStore(tmp_path)
    store.seal(0, requested=20)
    assert len(files_of(tmp_path)) == 20 * 2 + 1
    assert store.verify(0) == []


@pytest.mark.parametrize("call", ["write", "fsync", "link", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_leaves_nothing_behind_and_nothing_counted(
    local, make_episode, monkeypatch, tmp_path, call, code
):
    local.commit(make_episode(index=0))
    before = files_of(tmp_path)
    occurrence = 0
    while True:  # fail the 1st, 2nd, ... such call until a commit gets through
        occurrence += 1
        with monkeypatch.context() as patch:
            broken = _fail_at(patch, call, occurrence, code)
            try:
                local.commit(make_episode(index=1))
            except StoreFullError as error:
                assert "round_00" in str(error)
            if not broken:
                break
        if local.entry(0, 1) is not None:
            # Its entry was linked before the failure: then it counts, whole, and the retry is told so.
            assert (
                call == "fsync"
                and local.verify(0) == []
                and not local.commit(make_episode(index=1)).committed
            )
            local.discard(0, 1)
        assert files_of(tmp_path) == before
    assert occurrence > 1
    assert [entry.index for entry in local.entries(0)] == [0, 1]


def _fail_at(patch, call: str, occurrence: int, code: int) -> list[int]:
    """Let the n-th system call of this name fail; the list tells whether it happened."""
    failed: list[int] = []
    seen = [0]

    def guard(real):
        def wrapper(*args, **kwargs):
            seen[0] += 1
            if seen[0] == occurrence:
                failed.append(code)
                raise OSError(code, os.strerror(code))
            return real(*args, **kwargs)

        return wrapper

    if call == "write":
        import builtins

        real_open = builtins.open

        def opened(file, mode="r", *args, **kwargs):
            handle = real_open(file, mode, *args, **kwargs)
            return _FullFile(handle, guard) if mode == "xb" else handle

        patch.setattr("builtins.open", opened)
    else:
        patch.setattr(os, call, guard(getattr(os, call)))
    return failed


class _FullFile:
    """A file that writes half of what it is given before the disk is full."""

    def __init__(self, handle, guard):
        self._handle = handle
        self.write = guard(handle.write)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._handle.close()

    def __getattr__(self, name):
        return getattr(self._handle, name)


def test_a_file_size_limit_of_the_system_is_a_full_disk_too(tmp_path, start_python):
    """Given a real limit (RLIMIT_FSIZE), not a patched one."""
    code = """
import resource, signal
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import StoreFullError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    EpisodeStore(sys.argv[1]).commit(synthetic_episode())
except StoreFullError:
    print("full")
"""
    assert start_python(code, tmp_path).communicate(timeout=60)[0] == "full\n"
    assert files_of(tmp_path) == []


def test_a_round_with_missing_episodes_cannot_be_sealed(store, make_episode):
    for index in (0, 2):
        store.commit(make_episode(index=index))
    with pytest.raises(ManifestError, match=r"missing \[1, 3\] \(2\)"):
        store.seal(0, requested=4)
    with pytest.raises(ManifestError, match="not sealed"):
        store.manifest(0)


def test_a_round_with_more_than_was_asked_cannot_be_sealed(store, make_episode):
    for index in range(3):
        store.commit(make_episode(index=index))
    with pytest.raises(ManifestError, match=r"beyond the request \[2\]"):
        store.seal(0, requested=2)


def test_a_sealed_manifest_is_read_back_and_sealing_again_changes_nothing(store, make_episode):
    for index in range(3):
        store.commit(make_episode(index=index, round=1))
    sealed = store.seal(1, requested=3)
    assert store.manifest(1) == sealed == store.seal(1, requested=3)
    assert store.rounds() == [1]


def test_an_altered_manifest_is_refused(local, make_episode, tmp_path):
    local.commit(make_episode())
    local.seal(0, requested=1)
    path = tmp_path / "episodes/round_00/manifest.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(ManifestError, match="altered"):
        local.manifest(0)
    path.write_text("{")
    with pytest.raises(ManifestError, match=r"manifest\.json"):
        local.manifest(0)


def test_a_corrupt_entry_is_refused_by_name(local, make_episode, tmp_path):
    local.commit(make_episode())
    (tmp_path / "episodes/round_00/00000.json").write_text('{"index": 0}')
    with pytest.raises(ManifestError, match=r"00000\.json"):
        local.entries(0)


@pytest.mark.parametrize("file", ["../../etc/passwd", "00000.12345678.safetensors/..", "/abs", ""])
def test_an_entry_cannot_point_outside_its_folder(file):
    with pytest.raises(ValueError, match=r"EpisodeEntry\.file"):
        EpisodeEntry(
            run="r",
            round=0,
            index=0,
            file=file,
            sha256="",
            bytes=1,
            steps=1,
            success=True,
            seed=0,
            actor="a",
        )


@pytest.mark.parametrize(("round", "index"), [(-1, 0), (0, -1), (10**6, 0), (0, 10**9)])
def test_ids_out_of_range_are_refused(store, round, index):
    with pytest.raises(ValueError, match="must be 0.."):
        store.entry(round, index)


def test_verification_names_the_changed_and_the_missing_file(local, make_episode, tmp_path):
    entries = [local.commit(make_episode(index=index)).entry for index in range(3)]
    folder = tmp_path / "episodes/round_00"
    changed = bytearray((folder / entries[1].file).read_bytes())
    changed[-1] ^= 1
    (folder / entries[1].file).write_bytes(changed)
    (folder / entries[2].file).unlink()
    problems = local.verify(0)
    assert len(problems) == 2
    assert entries[1].file in problems[0] and "corrupt" in problems[0]
    assert entries[2].file in problems[1] and "missing" in problems[1]


def test_a_data_file_of_another_size_is_refused(local, make_episode, tmp_path):
    entry = local.commit(make_episode()).entry
    (tmp_path / "episodes/round_00" / entry.file).write_bytes(b"short")
    with pytest.raises(EpisodeFileError, match="5 bytes, committed with"):
        local.load(entry)


def test_a_discarded_episode_can_be_committed_again(store, make_episode):
    old = store.commit(make_episode()).entry
    store.seal(0, requested=1)
    store.discard(0, 0)
    assert store.entries(0) == []
    with pytest.raises(ManifestError):
        store.manifest(0)
    again = store.commit(make_episode(salt=5))
    assert again.committed and again.entry != old


def test_orphans_of_committed_episodes_are_removed_and_others_left(local, make_episode, tmp_path):
    entry = local.commit(make_episode(index=1)).entry
    folder = tmp_path / "episodes/round_00"
    for name in (
        "00001.deadbeef.safetensors",
        ".00001.json.77.ab.tmp",
        "00002.deadbeef.safetensors",
        ".00002.json.77.ab.tmp",
    ):
        (folder / name).write_bytes(b"left by a killed worker")
    assert local.remove_orphans(0) == [".00001.json.77.ab.tmp", "00001.deadbeef.safetensors"]
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        ["00001.json", entry.file, "00002.deadbeef.safetensors", ".00002.json.77.ab.tmp"]
    )


def test_a_remote_file_is_fetched_once_into_the_given_cache(tmp_path, make_episode, monkeypatch):
    store = EpisodeStore(f"memory://{uuid.uuid4().hex}", cache=tmp_path / "cache")
    entry = store.commit(make_episode()).entry
    path = store.local_path(entry)
    assert path.is_relative_to(tmp_path / "cache")
    monkeypatch.setattr(store._shelf, "read", lambda name: pytest.fail("read again"))
    assert store.local_path(entry) == path
