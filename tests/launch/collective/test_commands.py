"""What people type: bad input is refused in one line, good input reaches the runner as it was meant."""

from __future__ import annotations

import json

import pytest

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.launch.collective.run_folder import CollectiveFolder
from potstill.queues.open_queue import open_queue
from potstill.queues.task import Task


@pytest.fixture
def asked(monkeypatch):
    """What the commands asked the runner to do; nothing is run."""
    calls = []

    def run_collective(experts, run_dir, **settings):
        calls.append((experts.config, run_dir, settings))
        return 0

    monkeypatch.setattr("potstill.launch.collective.run_collective.run_collective", run_collective)
    return calls


@pytest.fixture
def refused_run(refused, tmp_path):
    """Refuses ``collective run`` with settings, and that nothing is left behind; gives the line."""

    def run(*settings):
        words = [word for setting in settings for word in ("--set", setting)]
        line = refused("collective", "run", "--recipe", "smoke", "--run-dir", tmp_path / "run", *words)
        assert not (tmp_path / "run").exists()
        return line

    return run


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("tasks=reech-v3", ("tasks", "reach-v3")),
        ("tasks=reach-v3,reach-v3", ("tasks", "each once")),
        ("robots=sawer", ("robot", "sawyer")),
        ("robots=ur5e", ("unseen_robots must be others than robots",)),
        ("unseen_robots=r2d2", ("r2d2",)),
        ("contexts=code,code", ("contexts must name", "each once")),
        ("contexts=cod", ("contexts", "did you mean code?")),
        ("collection.noise=3", ("collection.noise must hold",)),
        (
            "collection.random_fraction=0.9",
            ("collection.random_fraction and noisy_fraction must not exceed 1",),
        ),
        ("evaluation.episodes=0", ("evaluation.episodes must be in 1..10000: got 0",)),
        ("colection.batch=3", ("did you mean collection.batch?",)),
        ("learner.training.gradient_steps=many", ("learner.training.gradient_steps", "expected")),
        ("experts=nowhere", ("experts: nowhere: no such folder",)),
        ("experts=oracle", ("experts: oracle", "leave it out")),
    ],
)
def test_a_bad_setting_is_refused_in_one_line(refused_run, setting, words):
    line = refused_run(setting)
    assert all(word in line for word in words), line


def test_an_expert_of_another_robot_is_refused_in_one_line(refused_run, write_expert, tmp_path):
    write_expert(tmp_path / "x", robot="panda")
    line = refused_run(f"experts={tmp_path / 'x'}")
    assert "reach-v3 with panda, which is not in this run" in line


@pytest.mark.parametrize("action", ["resume", "collect", "represent", "distil", "evaluate", "status"])
def test_a_run_of_another_pipeline_is_refused_by_name(refused, finished_run, action):
    line = refused("collective", action, finished_run.root)
    assert "holds a run of 'potstill dagger', not of 'potstill collective'" in line
    assert str(finished_run.root) in line


@pytest.mark.parametrize("words", [("dagger", "resume"), ("dagger", "status")])
def test_a_collective_run_is_refused_by_name_where_dagger_is_meant(refused, make_collective_run, words):
    line = refused(*words, make_collective_run().root)
    assert "holds a run of 'potstill collective', not of 'potstill dagger'" in line


def test_a_collective_run_is_not_scaled_by_dagger(refused, make_collective_run):
    line = refused("dagger", "scale", make_collective_run().root, "--rollout", "2")
    assert "holds a run of 'potstill collective'" in line


def test_no_run_is_started_where_another_one_is(refused, make_collective_run, finished_run):
    for directory, words in (
        (make_collective_run("mine"), "potstill collective resume"),
        (finished_run, "holds a run of 'potstill dagger'"),
    ):
        before = {path: path.read_bytes() for path in directory.root.iterdir()}
        assert words in refused("collective", "run", "--recipe", "smoke", "--run-dir", directory.root)
        assert {path: path.read_bytes() for path in directory.root.iterdir()} == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("collective",), ("collective: say what to do: run, resume, collect",)),
        (("collective", "distill", "x"), ("did you mean distil?",)),
        (("collective", "run", "--recipe", "smok"), ("did you mean smoke",)),
        (("collective", "resume", "nowhere"), ("nowhere: no such run directory",)),
        (
            ("collective", "run", "--recipe", "smoke", "--redis", "redis://localhost:1"),
            ("--redis", "localhost"),
        ),
    ],
)
def test_a_bad_command_line_is_refused_in_one_line(refused, words, expected):
    line = refused(*words)
    assert all(word in line for word in expected), line


def test_a_dry_run_prints_the_plan_and_makes_nothing(command, tmp_path):
    words = ("collective", "run", "--recipe", "smoke", "--run-dir", tmp_path / "run", "--dry-run")
    code, out, err = command(*words, "--set", "rounds=0")
    assert (code, err) == (0, "")
    assert out.startswith(
        "smoke: 2 tasks x 1 robot, 1 round\ntasks    10 rollouts, 4 trainings, 20 evaluation"
    )
    assert not (tmp_path / "run").exists()


def test_a_run_is_asked_for_with_its_settings(command, asked, tmp_path):
    words = ("collective", "run", "--recipe", "smoke", "--run-dir", tmp_path / "run", "--set", "seed=7")
    code, out, _ = command(*words)
    ((config, run_dir, settings),) = asked
    assert (code, config.seed, run_dir) == (0, 7, tmp_path / "run")
    assert settings == {"resume": False, "redis_url": None, "ray_address": None}
    assert out == f"potstill: smoke (2 tasks x 1 robot) -> {run_dir}\n"


@pytest.mark.parametrize(
    ("action", "until"),
    [
        ("resume", "evaluate"),
        ("collect", "collect"),
        ("represent", "represent"),
        ("distil", "distil"),
        ("evaluate",) * 2,
    ],
)
def test_each_step_goes_on_with_the_saved_run_and_stops_where_it_says(
    command, asked, make_collective_run, tiny, action, until
):
    run = make_collective_run(config=tiny)
    code, out, _ = command("collective", action, run.root, "--ray", "auto")
    assert (code, out) == (0, f"potstill: going on with tiny in {run.root}\n")
    assert asked == [
        (tiny, run.root, {"resume": True, "until": until, "redis_url": None, "ray_address": "auto"})
    ]


@pytest.mark.parametrize("action", ["run", "resume", "distil"])
def test_an_interrupted_run_says_how_to_resume(command, monkeypatch, make_collective_run, tmp_path, action):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("potstill.launch.collective.run_collective.run_collective", interrupted)
    if action == "run":
        words = ("--recipe", "smoke", "--run-dir", run_dir := tmp_path / "new")
    else:
        words = (run_dir := make_collective_run().root,)
    code, _, err = command("collective", action, *words)
    assert code == 130
    assert err == f"potstill: interrupted; resume with: potstill collective resume {run_dir}\n"


def test_status_is_for_people_and_for_scripts(command, make_collective_run):
    run = make_collective_run()
    code, out, _ = command("collective", "status", run.root)
    assert code == 0 and "state: finished" in out and "robots=all unseen" in out
    code, out, _ = command("collective", "status", run.root, "--json")
    assert code == 0 and json.loads(out)["state"] == "finished"


def test_report_writes_both_files_and_prints_the_rates(command, make_collective_run):
    run = make_collective_run()
    code, out, _ = command("report", run.root)
    assert code == 0
    assert "code   all seen    success 0.38 [0.14, 0.69] of 8" in out
    assert "zeros  ur5e        success 0.00 [0.00, 0.32] of 8" in out
    assert json.loads(run.report_json.read_text())["finished"] and run.report_html.exists()


def test_report_of_an_unfinished_run_says_how_to_go_on(command, make_collective_run, story):
    run = make_collective_run(events=list(story())[:9])
    code, out, _ = command("report", run.root)
    assert code == 0 and f"not finished; go on with: potstill collective resume {run.root}" in out


def test_collective_runs_are_not_compared_as_if_they_had_one_task(refused, make_collective_run):
    root = make_collective_run().root
    assert f"{root}: is a collective run; compare is for runs of one task" in refused("compare", root, root)


def test_a_collective_run_has_no_render_workers(refused, make_collective_run, monkeypatch):
    monkeypatch.setattr("potstill.launch.commands.worker.check_server", lambda url: None)
    words = ("--redis", "redis://localhost:1", "--run", "smoke-1", "--run-dir", make_collective_run().root)
    assert "has no render workers; choose from rollout, learner" in refused("worker", "render", *words)


def test_the_saved_configuration_is_the_one_that_was_asked_for(tmp_path, tiny):
    folder = CollectiveFolder(tmp_path / "run")
    folder.path.mkdir()
    run = folder.open(tiny)
    assert folder.read_config() == tiny and run.startswith("tiny-")
    assert folder.cache == folder.path / "cache"


def test_a_rebuilt_queue_of_a_collective_run_is_empty_and_names_the_way_on(command, make_collective_run):
    root = make_collective_run().root
    with EmbeddedRedis(root / "redis") as server:
        open_queue(server.url, "smoke-1").put([Task(id="t", kind="rollout", group="round_00.rollout.x")])
    code, out, _ = command("queue", "rebuild", str(root))
    assert code == 0 and f"potstill collective resume {root}" in out
    with EmbeddedRedis(root / "redis") as server:
        assert open_queue(server.url, "smoke-1").ledger().submitted == 0


def test_a_collective_run_is_given_more_workers(command, make_collective_run):
    root = make_collective_run().root
    code, out, _ = command("collective", "scale", str(root), "--rollout", "5")
    assert code == 0 and "rollout workers: 1 -> 5" in out
    assert json.loads((root / "pools.json").read_text()) == {"rollout": 5}
