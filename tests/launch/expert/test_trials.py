"""Plans of trials, their report and their display; what runs them is tested in test_run_trials.py."""

from __future__ import annotations

import io

import pytest

from potstill.launch.errors import BadInputError
from potstill.launch.expert.trials_display import LINE_SECONDS, TrialsDisplay
from potstill.launch.expert.trials_plan import PlannedTrial, TrialsPlan, without_repetitions
from potstill.launch.expert.trials_report import build_trials_report
from potstill.launch.expert.trials_table import print_trials_table
from potstill.launch.reporting.event_log import EventLog


@pytest.fixture
def make_plan(make_config):
    def make(kind="grid", seeds=(0, 1, 2), **more):
        trials = tuple(
            PlannedTrial(
                config=make_config(seed=seed), drawn={"sac.tau": seed / 10} if kind == "sweep" else {}
            )
            for seed in seeds
        )
        return TrialsPlan(kind=kind, asha=False, trials=trials, **more)

    return make


def write_trial(plan, root, index, *, best, env_steps=2000, ended=True):
    """The events of one trial: an evaluation of ten episodes and, if it ended, a final one."""
    trial = plan.trials[index]
    log = EventLog(plan.folder(root, trial) / "events.jsonl")
    start = {"recipe": "expert", "task": trial.config.task, "robot": "sawyer", "seed": trial.config.seed}
    log.write("run_started", **start, label=trial.config.label, env_steps=0)
    log.write("evaluation_finished", env_steps=env_steps, successes=[1] * best + [0] * (10 - best))
    counts = {"env_steps": env_steps, "decisions": env_steps // 2, "updates": 0}
    log.write("training_progress", **counts, losses={})
    if ended:
        log.write("final_evaluation_finished", env_steps=env_steps, successes=[1] * best + [0] * (10 - best))
        log.write(
            "gate_applied", passed=best > 7, threshold=0.8, expert="sac" if best > 7 else "oracle-fallback"
        )
        log.write("run_finished", state="finished")
    log.close()


def test_a_plan_survives_its_file(make_plan, tmp_path):
    plan = make_plan("sweep", metric="env_steps", mode="min")
    plan.write(tmp_path)
    assert TrialsPlan.read(tmp_path) == plan


@pytest.mark.parametrize("content", ["a: 1", "kind: grid\ntrials: 3", "trials: [{config: {}}]"])
def test_another_run_directory_is_not_a_plan(tmp_path, content):
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(BadInputError):
        TrialsPlan.read(tmp_path)


def test_equal_configurations_are_one_trial(make_plan):
    assert len(without_repetitions(make_plan(seeds=(0, 1, 0))).trials) == 2


def test_a_trial_with_processes_of_its_own_is_refused(make_config):
    trial = PlannedTrial(config=make_config("resources.env_runners=2"))
    with pytest.raises(ValueError, match="env_runners must be 0"):
        TrialsPlan(kind="grid", asha=False, trials=(trial,))


def test_a_report_has_a_row_for_every_trial_also_for_one_that_never_began(make_plan, tmp_path):
    plan = make_plan()
    write_trial(plan, tmp_path, 0, best=9)
    write_trial(plan, tmp_path, 1, best=3, ended=False)
    states = {plan.trials[1].config.label: "stopped"}
    report = build_trials_report(plan, tmp_path, states, wall_seconds=1.0)
    rows = report["results"]
    assert [row["state"] for row in rows] == ["finished", "stopped", "waiting"]
    assert [row["best_success_rate"] for row in rows] == [0.9, 0.3, None]
    assert [row["gate_passed"] for row in rows] == [True, None, None]
    assert not report["finished"]


def test_a_sweep_is_ranked_with_what_was_drawn(make_plan, tmp_path):
    plan = make_plan("sweep")
    for index, best in enumerate((2, 8, 5)):
        write_trial(plan, tmp_path, index, best=best)
    rows = build_trials_report(plan, tmp_path, {}, wall_seconds=1.0)["results"]
    assert [(row["rank"], row["drawn"]["sac.tau"]) for row in rows] == [(1, 0.1), (2, 0.2), (3, 0.0)]


def test_of_equals_the_one_with_fewer_steps_ranks_first_and_a_failed_one_last(make_plan, tmp_path):
    plan = make_plan("sweep")
    write_trial(plan, tmp_path, 0, best=8, env_steps=9000)
    write_trial(plan, tmp_path, 1, best=8, env_steps=4000)
    write_trial(plan, tmp_path, 2, best=10, ended=False)
    states = {plan.trials[2].config.label: "failed"}
    rows = build_trials_report(plan, tmp_path, states, wall_seconds=1.0)["results"]
    assert [row["seed"] for row in rows] == [1, 0, 2]


def test_a_sweep_may_look_for_the_quickest(make_plan, tmp_path):
    plan = make_plan("sweep", metric="env_steps", mode="min")
    for index, env_steps in enumerate((3000, 1000, 2000)):
        write_trial(plan, tmp_path, index, best=8, env_steps=env_steps)
    rows = build_trials_report(plan, tmp_path, {}, wall_seconds=1.0)["results"]
    assert [row["seed"] for row in rows] == [1, 2, 0]


def test_the_table_shows_every_trial_uncut_also_on_a_narrow_terminal(
    make_plan, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "40")
    plan = make_plan("sweep")
    for index in range(3):
        write_trial(plan, tmp_path, index, best=9)
    print_trials_table(build_trials_report(plan, tmp_path, {}, wall_seconds=1.0))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert "sac.tau" in lines[0] and "success [95 %] of n" in lines[0]
    assert all("0.90 [0.60, 0.98] of 10" in line for line in lines[1:])


def test_every_change_of_a_trial_is_a_line_and_progress_now_and_then(make_plan):
    now, stream = [0.0], io.StringIO()
    plan = make_plan()
    display = TrialsDisplay(plan, stream=stream, clock=lambda: now[0])
    label = plan.trials[0].config.label
    figures = {"env_steps": 800, "seconds": 4.0, "successes": 9, "eval_episodes": 10}
    display.show(label, "running", {})
    display.show(label, "running", figures)
    assert len(stream.getvalue().splitlines()) == 1
    now[0] = LINE_SECONDS
    display.show(label, "running", figures)
    display.show(label, "waiting", {**figures, "error": "the worker died"})
    display.show(label, "finished", {**figures, "state": "diverged"})
    lines = stream.getvalue().splitlines()
    assert (
        f"{label}  running  800 of 1,600 env steps  200 env steps/s  best 0.90 [0.60, 0.98] of 10" in lines[1]
    )
    assert "waiting" in lines[2] and lines[2].endswith("the worker died")
    assert "diverged" in lines[3]
