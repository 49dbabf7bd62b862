from __future__ import annotations

import json

import pytest
from filelock import FileLock


def wishes(run):
    return json.loads((run.root / "pools.json").read_text())


def test_a_live_run_is_given_more_workers(make_run, command):
    run = make_run("run")
    with FileLock(run.root / ".runner.lock"):
        code, out, _ = command("dagger", "scale", str(run.root), "--rollout", "5", "--render", "1")
    assert code == 0
    assert out.splitlines() == [
        "rollout workers: 2 -> 5",
        "render workers: 2 -> 1",
        "the runner follows at once",
    ]
    assert wishes(run) == {"rollout": 5, "render": 1}


def test_without_a_runner_it_counts_from_the_next_resume(make_run, command):
    run = make_run("run")
    code, out, _ = command("dagger", "scale", str(run.root), "--render", "3")
    assert code == 0 and "next resume" in out
    assert wishes(run) == {"rollout": 2, "render": 3}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "which pool? give --rollout N or --render N"),
        (["--rollout", "two"], "--rollout: expected a number of workers: got 'two'"),
        (["--render", "0"], "render_workers must be in 1..1000: got 0"),
        (["--learner", "2"], "--learner"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(make_run, command, options, words):
    run = make_run("run")
    code, _, err = command("dagger", "scale", str(run.root), *options)
    assert code == 2 and words in err and len(err.strip().splitlines()) == 1
    assert not (run.root / "pools.json").exists()


def test_a_folder_that_is_no_run_is_refused(tmp_path, command):
    code, _, err = command("dagger", "scale", str(tmp_path), "--render", "3")
    assert code == 2 and "is not a run directory" in err
