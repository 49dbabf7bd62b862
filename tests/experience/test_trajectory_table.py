"""Episodes become mapped columns once; windows, splits and statistics come from those."""

from __future__ import annotations

import signal
from dataclasses import replace

import numpy as np
import pytest

from potstill.experience import trajectory_pack
from potstill.experience.context_history import ContextHistory
from potstill.experience.episode_codec import EpisodeFile
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import ArrayFileError, EpisodeFileError, ManifestError, StoreFullError
from potstill.experience.trajectory_pack import FACTS_FILE

PACK = """
from pathlib import Path
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.trajectory_table import TrajectoryTable
table = TrajectoryTable(EpisodeStore(sys.argv[1]), [0], cache=Path(sys.argv[2]), split_seed=0)
print(table.fingerprint, len(table))
"""


def test_an_episode_without_cameras_bodies_and_sites_is_committed_loaded_and_read_by_rows(
    tmp_path, make_trajectory
):
    store = EpisodeStore(tmp_path)
    episode = make_trajectory(steps=7)
    entry = store.commit(episode).entry
    loaded = store.load(entry)
    assert loaded.meta == episode.meta
    assert loaded.frames.shape == (7, 0, 0, 0, 3) and loaded.camera_pose.shape == (7, 0, 12)
    for name, array in episode.arrays().items():
        assert np.array_equal(getattr(loaded, name), array), name
    with EpisodeFile(store.local_path(entry)) as file:
        assert file.read_rows("frames", 2, 5).shape == (3, 0, 0, 0, 3)
        assert file.read_rows("body_pos", 0, 7).shape == (7, 0, 3)
        assert np.array_equal(file.read_rows("proprio", 2, 5), episode.proprio[2:5])


def test_the_columns_are_the_episodes_rows_one_after_another(trajectory_store, open_table):
    store = trajectory_store(rounds=2)
    table = open_table(store, (1, 0))
    entries = [entry for round in (0, 1) for entry in store.manifest(round).entries]
    episodes = [store.load(entry) for entry in entries]
    assert len(table) == sum(len(episode) for episode in episodes) and table.sizes == (21, 4)
    for column, name in (("state", "proprio"), ("mu", "expert_action"), ("reward", "reward")):
        assert np.array_equal(
            table.columns[column], np.concatenate([getattr(episode, name) for episode in episodes])
        )
    first = len(episodes[0])
    assert table.columns["step"][: first + 2].tolist() == [*range(first), 0, 1]
    assert table.columns["episode"][first - 1 : first + 1].tolist() == [0, 1]
    assert table.columns["episode"].dtype == table.columns["step"].dtype == np.int32
    assert not table.columns["labelled_std"].any() and not table.columns["log_std"].any()
    assert table.columns["log_std"].shape == (len(table), 4)
    with pytest.raises(ValueError, match="read-only"):
        table.columns["state"][0] = 0


def test_the_experts_spread_is_kept_where_it_has_one_and_marked_where_it_has_none(
    tmp_path, make_trajectory, open_table
):
    store = EpisodeStore(tmp_path / "episodes")
    spread = np.linspace(-9, 1, 6 * 4, dtype=np.float32).reshape(6, 4)
    store.commit(make_trajectory(index=0, steps=5))
    store.commit(replace(make_trajectory(index=1, steps=6), expert_log_std=spread))
    store.seal(0, requested=2)
    columns = open_table(store).columns
    assert columns["labelled_std"].tolist() == [False] * 5 + [True] * 6
    assert not columns["log_std"][:5].any() and np.array_equal(columns["log_std"][5:], spread)


def test_rows_know_their_task_robot_and_cell(trajectory_store, open_table):
    table = open_table(trajectory_store())
    assert table.tasks == ("push-v3", "reach-v3") and table.robots == ("panda", "sawyer")
    assert table.cells == tuple((robot, task) for robot in table.robots for task in table.tasks)
    for row, number in enumerate(table.columns["episode"]):
        episode = table.episodes[number]
        assert table.tasks[table.task_of_row[row]] == episode.task
        assert table.robots[table.robot_of_row[row]] == episode.robot
        assert table.cells[table.cell_of_row[row]] == (episode.robot, episode.task)
    assert table.task_of_row.dtype == table.robot_of_row.dtype == np.int16


@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_the_window_of_an_episode_being_played_is_the_tables_at_every_step(
    trajectory_store, open_table, length
):
    store = trajectory_store()
    table = open_table(store)
    gathered = table.windows(np.arange(len(table)), length)
    row = 0
    for entry in store.manifest(0).entries:
        episode = store.load(entry)
        history = ContextHistory(length, *table.sizes)
        for t in range(len(episode)):
            history.see(episode.proprio[t])
            live = history.window()
            for name in ("states", "actions", "rewards", "valid"):
                assert np.array_equal(getattr(live, name)[0], getattr(gathered, name)[row]), (row, name)
            history.did(episode.action[t], float(episode.reward[t]))
            row += 1
    assert row == len(table)


def test_windows_come_in_the_order_of_the_rows_asked_for(trajectory_store, open_table):
    table = open_table(trajectory_store())
    rows = np.array([30, 0, 30, len(table) - 1])
    windows = table.windows(rows, 4)
    assert np.array_equal(windows.states[:, -1], table.columns["state"][rows])
    assert windows.states.dtype == windows.actions.dtype == windows.rewards.dtype == np.float32
    with pytest.raises(ValueError, match="length must be at least 1: got 0"):
        table.windows(rows, 0)


class TestTheSplit:
    def test_every_row_is_on_one_side_and_an_episode_on_one_side_whole(self, trajectory_store, open_table):
        table = open_table(trajectory_store(per_cell=5), validation_fraction=0.3)
        train, validation = table.rows("train"), table.rows("validation")
        assert sorted([*train, *validation]) == list(range(len(table)))
        sides = [set(table.columns["episode"][rows].tolist()) for rows in (train, validation)]
        assert not sides[0] & sides[1]

    @pytest.mark.parametrize(
        ("per_cell", "fraction", "held"), [(5, 0.1, 1), (10, 0.3, 3), (1, 0.5, 0), (2, 0.9, 1), (4, 0.0, 0)]
    )
    def test_every_cell_holds_out_its_share_and_never_all(
        self, trajectory_store, open_table, per_cell, fraction, held
    ):
        table = open_table(trajectory_store(per_cell=per_cell), validation_fraction=fraction)
        out = set(table.columns["episode"][table.rows("validation")].tolist())
        cells = [(table.episodes[number].robot, table.episodes[number].task) for number in out]
        assert sorted(cells) == sorted(table.cells * held)

    def test_a_round_more_changes_no_episodes_side_and_the_share_holds_for_all_rounds(
        self, trajectory_store, open_table
    ):
        store = trajectory_store(rounds=4, per_cell=3)
        known = {}
        for rounds in range(1, 5):
            table = open_table(store, range(rounds), validation_fraction=0.25)
            out = set(table.columns["episode"][table.rows("validation")].tolist())
            sides = {(e.round, e.index): number in out for number, e in enumerate(table.episodes)}
            assert known.items() <= sides.items()
            known = sides
        assert len(out) == 4 * 3  # a quarter of each cell's 12

    def test_another_seed_is_another_split_of_the_same_columns(self, trajectory_store, open_table):
        store = trajectory_store(per_cell=8)
        one, other = (open_table(store, split_seed=seed) for seed in (0, 1))
        assert one.folder == other.folder and one.fingerprint != other.fingerprint
        assert not np.array_equal(one.rows("validation"), other.rows("validation"))

    def test_a_share_out_of_range_is_refused(self, trajectory_store, open_table):
        with pytest.raises(ValueError, match=r"validation_fraction must be in \[0, 1\): got 1.0"):
            open_table(trajectory_store(), validation_fraction=1.0)


def test_statistics_are_those_of_the_training_rows(trajectory_store, open_table, monkeypatch):
    monkeypatch.setattr("potstill.experience.trajectory_table._CHUNK", 10)
    table = open_table(trajectory_store(), validation_fraction=0.3)
    rows = table.rows("train")
    for name in ("state", "reward"):
        mean, std = table.statistics(name)
        values = table.columns[name][rows].astype(np.float64)
        np.testing.assert_allclose(mean, values.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(std, values.std(axis=0), rtol=1e-5)
        assert mean.dtype == std.dtype == np.float32 and mean.shape == values.shape[1:] == std.shape


class TestPacking:
    def test_what_is_packed_is_found_again(self, trajectory_store, open_table, monkeypatch):
        store = trajectory_store()
        first = open_table(store)

        def packs_again(*_):
            raise AssertionError("packed twice")

        monkeypatch.setattr("potstill.experience.trajectory_table.pack_trajectories", packs_again)
        again = open_table(store)
        assert (again.fingerprint, again.folder) == (first.fingerprint, first.folder)
        assert np.array_equal(again.columns["state"], first.columns["state"])

    def test_other_episodes_are_another_table(self, trajectory_store, open_table):
        tables = [open_table(trajectory_store(name=name, state=n)) for name, n in (("a", 3), ("b", 4))]
        assert tables[0].fingerprint != tables[1].fingerprint and tables[0].folder != tables[1].folder

    def test_a_packing_killed_at_any_episode_counts_for_nothing(
        self, trajectory_store, open_table, start_python, tmp_path
    ):
        store = trajectory_store()
        killed = PACK.replace(
            "table =",
            "import os, signal\n"
            "from potstill.experience import trajectory_pack as pack\n"
            "real, calls = pack._columns, []\n"
            "def columns(file, number):\n"
            "    calls.append(0) if number < 5 else os.kill(os.getpid(), signal.SIGKILL)\n"
            "    return real(file, number)\n"
            "pack._columns = columns\n"
            "table =",
        )
        process = start_python(killed, tmp_path / "episodes", tmp_path / "cache")
        assert process.communicate(timeout=60) == ("", None) and process.returncode == -signal.SIGKILL
        left = [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
        assert len(left) == 1 and left[0].suffix == ".tmp" and not (left[0] / FACTS_FILE).exists()
        table = open_table(store)
        assert not left[0].exists() and np.isfinite(table.columns["state"]).all()
        assert len(table) == sum(entry.steps for entry in store.manifest(0).entries)

    def test_two_processes_that_pack_at_once_end_with_one_good_table(
        self, trajectory_store, open_table, start_python, tmp_path
    ):
        store = trajectory_store()
        slow = PACK.replace(
            "table =",
            "import time\n"
            "from potstill.experience import trajectory_pack as pack\n"
            "real = pack._columns\n"
            "pack._columns = lambda *arguments: (time.sleep(0.05), real(*arguments))[1]\n"
            "table =",
        )
        processes = [start_python(slow, tmp_path / "episodes", tmp_path / "cache") for _ in range(2)]
        said = [process.communicate(timeout=60)[0] for process in processes]
        table = open_table(store)
        assert said == [f"{table.fingerprint} {len(table)}\n"] * 2
        assert [path for path in (tmp_path / "cache").iterdir() if path.is_dir()] == [table.folder]

    def test_a_full_disk_is_named_and_nothing_is_left(
        self, trajectory_store, open_table, monkeypatch, tmp_path
    ):
        real, calls = trajectory_pack._sync, []

        def full(file):
            calls.append(file)
            if len(calls) == 3:
                raise OSError(28, "No space left on device")
            real(file)

        store = trajectory_store()
        monkeypatch.setattr(trajectory_pack, "_sync", full)
        with pytest.raises(StoreFullError, match="No space left"):
            open_table(store)
        assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
        assert len(open_table(store)) > 0

    def test_memory_stays_small_however_much_is_packed(self, tmp_path, start_python):
        code = """
import resource
from pathlib import Path
from dataclasses import replace
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.trajectory_table import TrajectoryTable
store = EpisodeStore(sys.argv[1])
drawn = synthetic_trajectory(steps=2000, state=300)
for index in range(60):
    store.commit(replace(drawn, meta=replace(drawn.meta, index=index)))
store.seal(0, requested=60)
del drawn
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = TrajectoryTable(store, [0], cache=Path(sys.argv[2]), split_seed=0)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, table.columns["state"].nbytes)
"""
        process = start_python(code, tmp_path / "episodes", tmp_path / "cache")
        growth, size = map(int, process.communicate(timeout=60)[0].split())
        assert size > 140_000_000 and growth < size / 4


class TestWhatIsRefused:
    def test_a_round_that_is_not_sealed(self, trajectory_store, open_table, make_trajectory):
        store = trajectory_store()
        store.commit(make_trajectory(round=1))
        with pytest.raises(ManifestError, match="not sealed"):
            open_table(store, (0, 1))

    def test_no_rounds_at_all(self, trajectory_store, open_table):
        with pytest.raises(ManifestError, match="no episode"):
            open_table(trajectory_store(), ())

    def test_episodes_of_one_robot_and_task_with_different_models(
        self, tmp_path, make_trajectory, open_table
    ):
        store = EpisodeStore(tmp_path / "episodes")
        for index, model in enumerate("aab"):
            store.commit(make_trajectory(index=index, model_hash=model * 64))
        store.seal(0, requested=3)
        with pytest.raises(EpisodeFileError, match="reach-v3 with sawyer.*'bbbbbbbbbbbb'"):
            open_table(store)

    def test_episodes_with_states_of_different_sizes(self, tmp_path, make_trajectory, open_table):
        store = EpisodeStore(tmp_path / "episodes")
        for index in range(2):
            store.commit(make_trajectory(index=index, state=5 + index))
        store.seal(0, requested=2)
        with pytest.raises(EpisodeFileError, match=r"state is \(6,\) float32"):
            open_table(store)

    def test_an_episode_whose_bytes_changed_since_it_was_committed(self, trajectory_store, open_table):
        store = trajectory_store()
        path = store.local_path(store.manifest(0).entries[2])
        data = bytearray(path.read_bytes())
        data[-5] ^= 1
        path.write_bytes(data)
        with pytest.raises(EpisodeFileError, match="00002.*corrupt"):
            open_table(store)

    @pytest.mark.parametrize("damage", ["state.npy", "mu.npy", FACTS_FILE])
    def test_packed_columns_that_were_damaged(self, trajectory_store, open_table, damage):
        store = trajectory_store()
        path = open_table(store).folder / damage
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(ArrayFileError, match="remove it, it is packed again"):
            open_table(store)
