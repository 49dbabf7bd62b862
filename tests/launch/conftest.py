"""A small finished run on disk, made of events and episodes like a real one's."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from potstill.experience.episode_store import EpisodeStore
from potstill.launch.configuration import to_mapping
from potstill.launch.dagger.recipes import load_recipe
from potstill.launch.main import main
from potstill.launch.reporting.event_log import EventLog
from potstill.launch.run_directory import RunDirectory

SUCCESSES = ([1, 0, 0, 0, 1, 0, 0, 0, 0, 0], [1, 1, 0, 1, 1, 0, 0, 1, 0, 0], [1, 1, 1, 1, 1, 0, 1, 1, 1, 1])
EPISODES_OF_ROUND = 3


def run_events(rounds=3, *, recipe="demo", task="reach-v3", start=1_700_000_000.0):
    """(name, facts) of a whole run in order; one second apart."""
    requested = [EPISODES_OF_ROUND] * rounds
    yield (
        "run_started",
        dict(recipe=recipe, task=task, run="demo-1", rounds=rounds - 1, rollouts=requested, resumed=False),
    )
    for i in range(rounds):
        phase = "on_policy" if i else "bootstrap"
        yield (
            "round_started",
            dict(round=i, phase=phase, rollouts_requested=EPISODES_OF_ROUND, beta=float(i == 0)),
        )
        for done in (1, 3):
            facts = dict(
                done=done, requested=3, frames=40 * done, frames_per_second=55.5, waiting=3 - done, leased=1
            )
            yield "rollouts_progress", dict(round=i, **facts)
        facts = dict(
            rollouts_committed=3, duplicates=0, lost=0, frames=120, render_calls=60, rollout_seconds=8.5 + i
        )
        yield "rollouts_finished", dict(round=i, actor_success_rate=0.5, **facts)
        for epoch in range(1, 6):
            loss = 0.5 * 0.7 ** (epoch + 5 * i)
            facts = dict(epoch=epoch, epochs=5, step=20 * epoch, loss=loss, validation_loss=1.2 * loss)
            yield "training_progress", dict(round=i, samples_per_second=900.0, **facts)
        facts = dict(train_seconds=20.0 + 3 * i, loss=loss, validation_loss=1.2 * loss)
        checkpoint = dict(checkpoint=f"checkpoints/round_{i:02d}", checkpoint_sha256="0" * 64)
        yield "training_finished", dict(round=i, **facts, **checkpoint)
        yield "evaluation_progress", dict(round=i, done=5, requested=10)
        facts = dict(seeds=list(range(100, 110)), successes=SUCCESSES[i % 3], steps=[50] * 10)
        yield "evaluation_finished", dict(round=i, evaluation_seconds=6.0, **facts)
        yield "round_finished", dict(round=i)
    facts = dict(seeds=list(range(500, 520)), successes=[1] * 17 + [0] * 3, steps=[50] * 20)
    yield "final_evaluation_finished", dict(round=rounds - 1, evaluation_seconds=12.0, **facts)
    yield "run_finished", dict(best_round=rounds - 1)
    yield "session_ended", dict(seconds=123.4)


def write_run(root: Path, events=None, **settings) -> RunDirectory:
    """A run directory with configuration, provenance and events."""
    directory = RunDirectory(root=root)
    root.mkdir(parents=True)
    config = load_recipe("demo")
    directory.config.write_text(yaml.safe_dump(to_mapping(config), sort_keys=False))
    (root / "run.json").write_text('{"run": "demo-1"}')
    directory.provenance.write_text('{"git_commit": "abc", "note": "<script>alert(1)</script>"}')
    times = iter(range(1_700_000_000, 1_800_000_000))
    log = EventLog(directory.events, clock=lambda: float(next(times)))
    for name, facts in run_events(**settings) if events is None else events:
        log.write(name, **facts)
    log.close()
    return directory


def commit_episodes(directory: RunDirectory, make_episode, rounds=3) -> None:
    """Fill and seal the run's store."""
    store = EpisodeStore(directory.episodes)
    for round in range(rounds):
        for index in range(EPISODES_OF_ROUND):
            store.commit(make_episode(round=round, index=index))
        store.seal(round, requested=EPISODES_OF_ROUND)


@pytest.fixture
def events_of_run():
    """A factory of (name, facts) pairs."""
    return run_events


@pytest.fixture
def make_run(tmp_path):
    """A factory of run directories: ``make_run("name", events=..., rounds=...)``."""
    return lambda name, events=None, **settings: write_run(tmp_path / name, events, **settings)


@pytest.fixture
def finished_run(make_run) -> RunDirectory:
    """Three rounds, a final evaluation, no episodes."""
    return make_run("run")


@pytest.fixture
def run_with_episodes(finished_run, make_episode) -> RunDirectory:
    """Three rounds and their sealed episodes."""
    commit_episodes(finished_run, make_episode)
    return finished_run


@pytest.fixture
def command(capsys):
    """Runs a command line in this process; gives (exit code, stdout, stderr)."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def refused(command):
    """Runs a command line that must be refused: exit 2 and one line, which is returned."""

    def run(*words: str) -> str:
        code, out, err = command(*words)
        assert code == 2, err
        assert out == ""
        assert err.startswith("potstill: ") and err.count("\n") == 1, err
        assert "Traceback" not in err
        return err

    return run
