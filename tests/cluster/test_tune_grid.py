"""Trials on a real Ray Tune: one Ray for the whole module, and sessions that only count."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from potstill.cluster.ray_session import ray_session
from potstill.cluster.tune_grid import TUNE_ENVIRONMENT, AshaConfig, GridConfig, TrialSpec, TuneGrid

DEADLINE_SECONDS = 60.0


def make_opener():
    """Opens sessions that count in a file. Nested, so that Ray sends its code and not its name."""

    class Counting:
        def __init__(self, parameters):
            self.folder = Path(parameters["folder"])
            self.folder.mkdir(parents=True, exist_ok=True)
            self.parameters = parameters
            saved = self.folder / "saved"
            self.count = int(saved.read_text()) if saved.exists() else 0
            with open(self.folder / "openings", "a") as file:
                file.write(f"{os.getpid()} {self.count}\n")

        def advance(self):
            time.sleep(self.parameters.get("pause", 0.0))
            if self.count == self.parameters.get("raises_at"):
                raise OSError("no such arm")
            self.count += 1
            (self.folder / "saved").write_text(str(self.count))
            score = self.count * self.parameters.get("slope", 1.0)
            return {"finished": self.count >= self.parameters["until"], "count": self.count, "score": score}

        def close(self):
            (self.folder / "closed").write_text(str(self.count))

    return lambda parameters: Counting(parameters)


@pytest.fixture(scope="module", autouse=True)
def one_ray():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in TUNE_ENVIRONMENT.items():
            patch.setenv(name, value)
        with ray_session(cpus=2):
            yield


class Grid:
    """A run directory and what was heard from it."""

    def __init__(self, root):
        self.root = root
        self.heard = []

    def spec(self, name, **parameters):
        return TrialSpec(name=name, parameters={"folder": str(self.root / name), **parameters})

    def run(self, specs, on_change=lambda *change: None, **config):
        def listen(name, state, figures):
            self.heard.append((name, state, dict(figures)))
            on_change(name, state, figures)

        asked = GridConfig(**{"concurrent": 2, **config})
        return TuneGrid(self.root / "tune", asked, open_trial=make_opener(), listen=listen).run(specs)

    def openings(self, name):
        """(pid, count at the start) of every session of a trial."""
        lines = (self.root / name / "openings").read_text().splitlines()
        return [tuple(map(int, line.split())) for line in lines]

    def states(self, name):
        return [state for heard, state, _ in self.heard if heard == name]


@pytest.fixture
def grid(tmp_path):
    return Grid(tmp_path)


def test_every_trial_runs_in_a_process_of_its_own_to_its_end(grid):
    specs = [grid.spec(name, until=3) for name in ("a", "b")]
    assert grid.run(specs) == {"a": "finished", "b": "finished"}
    assert grid.openings("a")[0][0] != grid.openings("b")[0][0] != os.getpid()
    assert (grid.root / "a" / "closed").read_text() == "3"
    assert [figures["count"] for name, _, figures in grid.heard if name == "a" and figures][-1] == 3


def test_a_killed_trial_is_started_again_and_goes_on_where_it_was(grid):
    def kill_at_five(name, state, figures):
        if state == "running" and figures.get("count") == 5 and len(grid.openings("a")) == 1:
            os.kill(grid.openings("a")[0][0], signal.SIGKILL)

    assert grid.run([grid.spec("a", until=12, pause=0.05)], on_change=kill_at_five) == {"a": "finished"}
    (first, start), (second, again) = grid.openings("a")
    assert first != second and start == 0 and again >= 5
    assert "waiting" in grid.states("a")


def test_a_trial_that_keeps_failing_is_given_up_with_its_reason_and_no_other_suffers(grid):
    specs = [grid.spec("bad", until=9, raises_at=2), grid.spec("good", until=4)]
    assert grid.run(specs, retries=1) == {"bad": "failed", "good": "finished"}
    assert len(grid.openings("bad")) == 2
    reasons = {figures["error"] for name, state, figures in grid.heard if state == "failed"}
    assert reasons == {"OSError: no such arm"}


def test_an_interrupted_grid_goes_on_and_redoes_nothing_that_is_finished(grid):
    specs = [grid.spec("short", until=3), grid.spec("long", until=30, pause=0.1), grid.spec("last", until=2)]

    def interrupt(name, state, figures):
        if name == "long" and figures.get("count") == 6:
            threading.Thread(target=signal.raise_signal, args=(signal.SIGINT,)).start()

    with pytest.raises(KeyboardInterrupt):
        grid.run(specs, concurrent=1, on_change=interrupt)
    stopped_at = int((grid.root / "long" / "closed").read_text())  # it was asked to close, not killed
    assert stopped_at >= 6
    states = grid.run([grid.spec("short", until=3), *specs[1:]], concurrent=1)
    assert states == {"short": "finished", "long": "finished", "last": "finished"}
    assert len(grid.openings("short")) == 1
    assert [start for _, start in grid.openings("long")] == [0, stopped_at]


def test_damaged_records_of_tune_cost_nothing_that_a_trial_did(grid):
    specs = [grid.spec("a", until=3)]
    grid.run(specs)
    (grid.root / "tune" / "tuner.pkl").write_bytes(b"")
    assert grid.run(specs) == {"a": "finished"}
    assert [start for _, start in grid.openings("a")] == [0, 3]


def test_asha_stops_what_falls_behind(grid):
    asha = AshaConfig(metric="score", mode="max", time="count", first=2, last=40, factor=2)
    specs = [grid.spec("good", until=20, slope=1.0), grid.spec("bad", until=20, slope=0.01, pause=0.2)]
    states = grid.run(specs, asha=asha)
    assert states == {"good": "finished", "bad": "stopped"}
    assert int((grid.root / "bad" / "closed").read_text()) < 20


def test_no_trial_at_a_time_is_refused():
    with pytest.raises(ValueError, match="concurrent must be at least 1"):
        GridConfig(concurrent=0)
