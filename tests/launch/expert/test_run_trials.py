"""Real experts as real trials, one of whose processes is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from potstill.cluster.tune_grid import TUNE_ENVIRONMENT
from potstill.launch.expert.run_trials import run_trials
from potstill.launch.expert.trials_plan import PlannedTrial, TrialsPlan
from potstill.launch.reporting.event_log import read_events

POTSTILL = str(Path(sys.executable).parent / "potstill")
DEADLINE_SECONDS = 90.0


def wait_for(condition, what):
    give_up = time.monotonic() + DEADLINE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < give_up, f"never happened: {what}"
        time.sleep(0.05)
    return found


def sessions_of(folder):
    log = folder / "events.jsonl"
    events = read_events(log) if log.exists() else []
    return [event for event in events if event["event"] == "run_started"]


@pytest.mark.slow
def test_a_trial_whose_process_is_killed_goes_on_from_its_checkpoint(
    tmp_path, make_config, one_ray, monkeypatch, capsys
):
    for name, value in TUNE_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    config = make_config("budget.env_steps=16000", "evaluation.interval=1600", "evaluation.stop_at=1")
    plan = TrialsPlan(kind="grid", asha=False, trials=(PlannedTrial(config=config),))
    folder = plan.folder(tmp_path, plan.trials[0])

    def kill_once():
        wait_for(lambda: list((folder / "checkpoints").glob("step_*")), "a checkpoint")
        workers = [
            process
            for process in psutil.process_iter(["cmdline"])
            if "ray::" in " ".join(process.info["cmdline"] or []) and _holds(process, folder)
        ]
        os.kill(workers[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_once)
    killer.start()
    report = run_trials(plan, tmp_path, concurrent=1, address=None)
    killer.join()
    first, second = sessions_of(folder)
    assert not first["resumed"] and second["resumed"] and second["env_steps"] >= 1600
    row = report["results"][0]
    assert row["state"] == "finished" and row["env_steps"] >= 16_000 and report["finished"]
    assert json.loads((tmp_path / "report.json").read_text()) == report
    assert "reach-v3" in capsys.readouterr().out
    # Everything is done: no process is started for it again.
    again = run_trials(TrialsPlan.read(tmp_path), tmp_path, concurrent=1, address=None)
    assert again["results"] == report["results"] and len(sessions_of(folder)) == 2


def _holds(process, folder):
    """Whether the trial's lock is open in that process."""
    try:
        return any(str(folder) in file.path for file in process.open_files())
    except psutil.Error:
        return False


@pytest.mark.slow
def test_sigterm_writes_a_checkpoint_and_resume_finishes_the_training(tmp_path):
    settings = ("evaluation.interval=800", "evaluation.episodes=2", "evaluation.final_episodes=2")
    settings += ("evaluation.max_steps=20", "sac.hidden=[16,16]", "sac.batch_size=16", "sac.demo_episodes=1")
    settings += (
        "budget.env_steps=10000",
        "sac.update_ratio=0.05",
        "gate.threshold=0",
        "gate.fallback_episodes=2",
        "sac.envs=4",
    )
    words = [word for setting in settings for word in ("--set", setting)]
    run = tmp_path / "run"
    command = [POTSTILL, "expert", "train", "--task", "reach-v3", "--run-dir", str(run), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: list((run / "checkpoints").glob("step_*")), "a checkpoint")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 130
    assert (
        errors.splitlines()[-1] == f"potstill: interrupted; resume with: potstill expert train --resume {run}"
    )
    done = subprocess.run(
        [POTSTILL, "expert", "train", "--resume", str(run)], capture_output=True, text=True, timeout=150
    )
    assert done.returncode == 0, done.stderr
    assert "of 2 on held-out goals" in done.stdout
    assert [start["resumed"] for start in sessions_of(run)] == [False, True]
