from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import get_origin

import pytest

from potstill.launch.configuration import leaves
from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.errors import BadInputError, FinishedShortError, RunFailedError, exit_code_of
from potstill.launch.main import main

POTSTILL = str(Path(sys.executable).parent / "potstill")
LEAVES = leaves(DaggerConfig)


def misspelt(word: str) -> str:
    """Two neighbours change places."""
    return word[:1] + word[2] + word[1] + word[3:] if len(word) > 3 and word[1] != word[2] else word + "x"


def wrong_types():
    for leaf in LEAVES:
        if leaf.type is not str and leaf.choices is None:
            any_text = "str" in str(leaf.type) or "Literal" in str(leaf.type)
            kind = "list" if get_origin(leaf.type) is tuple and not any_text else "value"
            if kind == "list" or get_origin(leaf.type) is not tuple:
                yield leaf.key


def wrong_choices():
    return [(leaf.key, misspelt(leaf.choices[0]), leaf.choices) for leaf in LEAVES if leaf.choices]


def misspelt_keys():
    for leaf in LEAVES:
        group, dot, name = leaf.key.rpartition(".")
        yield f"{group}{dot}{misspelt(name)}", leaf.key


def test_enough_bad_inputs_are_generated_from_the_schema():
    assert len(list(wrong_types())) + len(wrong_choices()) + len(list(misspelt_keys())) >= 60


@pytest.mark.parametrize("key", list(wrong_types()))
def test_a_value_of_the_wrong_type_is_refused(key, refused, tmp_path):
    line = refused("dagger", "run", "--recipe", "demo", "--run-dir", tmp_path / "r", "--set", f"{key}=a b")
    assert key in line and "expected" in line and "'a b'" in line
    assert not (tmp_path / "r").exists()


def test_a_choice_in_a_list_that_does_not_exist_is_refused_with_its_place(refused, tmp_path):
    arguments = (
        "--recipe",
        "demo",
        "--run-dir",
        tmp_path / "r",
        "--set",
        "evaluation.final_looks=[seen, plan]",
    )
    line = refused("dagger", "run", *arguments)
    assert "evaluation.final_looks[1]: 'plan' is not allowed" in line and "did you mean plain?" in line


@pytest.mark.parametrize(("key", "value", "choices"), wrong_choices())
def test_a_choice_that_does_not_exist_is_refused_with_the_nearest(key, value, choices, refused, tmp_path):
    line = refused(
        "dagger", "run", "--recipe", "demo", "--run-dir", tmp_path / "r", "--set", f"{key}={value}"
    )
    assert f"{key}: {value!r}" in line
    assert all(str(choice) in line for choice in choices)
    assert "did you mean" in line


@pytest.mark.parametrize(("typo", "key"), list(misspelt_keys()))
def test_a_misspelt_key_is_refused_with_the_nearest(typo, key, refused):
    line = refused("dagger", "run", "--recipe", "demo", "--dry-run", "--set", f"{typo}=1")
    assert f"{typo}: unknown key" in line
    name = key.rpartition(".")[2]
    assert re.search(rf"did you mean (\w+\.)*{name}\?", line), line


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), ("say what to do", "dagger, collective, expert")),
        (("dagger",), ("dagger: say what to do: run, resume",)),
        (("dager", "run"), ("unknown verb 'dager'", "did you mean dagger?", "report, compare")),
        (("dagger", "rum"), ("unknown action 'rum'", "did you mean run?")),
        (("dagger", "run", "--recpie", "demo"), ("--recpie", "did you mean --recipe?")),
        (("dagger", "run", "--recipe", "demo", "--dryrun"), ("--dryrun", "did you mean --dry-run?")),
        (("dagger", "run"), ("--recipe",)),
        (("dagger", "run", "--recipe", "dmeo"), ("'dmeo'", "did you mean demo")),
        (("dagger", "run", "--recipe", "nowhere.yaml"), ("nowhere.yaml",)),
        (("dagger", "run", "--recipe", "demo", "--set", "task=reech-v3"), ("task", "reach-v3")),
        (("dagger", "run", "--recipe", "demo", "--redis", "redis://localhost:1"), ("--redis", "localhost")),
        (("dagger", "run", "--recipe", "demo", "--redis", "http://localhost:1"), ("--redis", "redis://")),
        (("dagger", "resume", "nowhere"), ("nowhere: no such run directory",)),
        (("report", "nowhere"), ("nowhere: no such run directory",)),
        (("compare", "nowhere", "nowhere"), ("nowhere",)),
        (("dataset", "check", "nowhere"), ("nowhere",)),
        (
            ("worker", "rolout", "--redis", "redis://x", "--run", "y"),
            ("rollout, render, learner", "did you mean rollout?"),
        ),
        (("queue", "ls", "--redis", "redis://localhost:1", "--run", "../x"), ("--run", "../x")),
        (("queue", "lss"), ("did you mean ls?",)),
        (("doctor", "--jsn"), ("did you mean --json?",)),
        (("doctor", "now"), ("unexpected argument 'now'",)),
    ],
)
def test_a_bad_command_line_is_refused_in_one_line(words, expected, refused):
    line = refused(*words)
    assert all(word in line for word in expected), line


def test_a_password_in_a_redis_url_is_never_repeated(refused):
    line = refused("queue", "ls", "--redis", "redis://user:hunter2@localhost:1/0", "--run", "x")
    assert "hunter2" not in line


def test_a_run_directory_that_holds_a_run_is_not_overwritten(refused, finished_run):
    before = {path: path.read_bytes() for path in finished_run.root.iterdir()}
    line = refused("dagger", "run", "--recipe", "demo", "--run-dir", finished_run.root)
    assert f"potstill dagger resume {finished_run.root}" in line
    assert before == {path: path.read_bytes() for path in finished_run.root.iterdir()}


def test_a_run_directory_of_another_recipe_is_not_overwritten(refused, finished_run):
    line = refused("dagger", "run", "--recipe", "smoke", "--run-dir", finished_run.root)
    assert "'demo'" in line


@pytest.mark.parametrize(
    "content", [b"task: [", b"\xff\xfe\x00", b"- 1\n", b"", b"!!python/object/apply:os.getcwd []"]
)
def test_a_recipe_file_that_is_not_one_is_refused(content, refused, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    refused("dagger", "run", "--recipe", path, "--dry-run")


def test_a_run_directory_that_is_a_file_is_refused(refused, tmp_path):
    (tmp_path / "file").write_text("x")
    assert "is a file" in refused("dagger", "run", "--recipe", "demo", "--run-dir", tmp_path / "file")


@pytest.mark.parametrize(
    "words",
    [
        ("dagger", "run", "--recipe", "demo", "--set", "sede=1"),
        ("dagger", "run", "--recipe", "demo", "--redis", "redis://127.0.0.1:1"),
        ("dagger", "resume", "/nowhere"),
    ],
)
def test_bad_input_is_found_within_two_seconds_in_a_real_process(words, tmp_path):
    started = time.monotonic()
    done = subprocess.run([POTSTILL, *words], capture_output=True, text=True, timeout=20, cwd=tmp_path)
    assert time.monotonic() - started < 2.0
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom potstill.launch.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'ray', 'numpy', 'yaml', 'redis', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert time.monotonic() - started < 0.5
    assert done.stderr.strip() == "[]"
    assert "dagger" in done.stdout and "130 interrupted" in done.stdout


def test_refusing_bad_input_imports_neither_torch_nor_ray():
    code = (
        "import sys\nfrom potstill.launch.main import main\n"
        "main(['dagger', 'run', '--recipe', 'demo', '--set', 'sede=1'])\n"
        "print(sorted({'torch', 'ray', 'mujoco'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert done.stdout.strip() == "[]"


def test_endings_have_the_promised_exit_codes():
    assert [exit_code_of(e("x")) for e in (RunFailedError, BadInputError, FinishedShortError, KeyError)] == [
        1,
        2,
        3,
        1,
    ]
    assert exit_code_of(KeyboardInterrupt()) == 130


def replay_ends_with(monkeypatch, error):
    def run(arguments):
        raise error

    monkeypatch.setattr("potstill.launch.commands.dagger_resume.run", run)


def test_ctrl_c_says_how_to_resume(monkeypatch, command):
    replay_ends_with(monkeypatch, KeyboardInterrupt())
    code, _, err = command("dagger", "resume", "runs/x")
    assert code == 130
    assert err == "potstill: interrupted; resume with: potstill dagger resume runs/x\n"


def test_a_run_that_finished_short_exits_3_and_says_how_much(monkeypatch, command):
    replay_ends_with(monkeypatch, FinishedShortError("round 1: 19 of 20 done"))
    code, _, err = command("dagger", "resume", "runs/x")
    assert code == 3 and "19 of 20" in err


def test_an_unexpected_error_is_one_line_with_the_path_of_its_traceback(monkeypatch, command, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    replay_ends_with(monkeypatch, ZeroDivisionError("a\nb"))
    code, _, err = command("dagger", "resume", "runs/x")
    assert code == 1 and err.count("\n") == 1 and "ZeroDivisionError: a b" in err
    log = re.search(r"traceback: (\S+);", err).group(1)
    assert "Traceback" in Path(log).read_text()


def test_debug_shows_the_traceback(monkeypatch, command):
    replay_ends_with(monkeypatch, ZeroDivisionError("a"))
    code, _, err = command("dagger", "resume", "runs/x", "--debug")
    assert code == 1 and "Traceback" in err


def test_a_reader_that_goes_away_is_no_error(finished_run):
    line = f"{POTSTILL} compare {finished_run.root} {finished_run.root} | true"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True, timeout=30
    )
    assert done.stderr == ""


def test_main_returns_the_commands_exit_code(monkeypatch):
    monkeypatch.setattr("potstill.launch.commands.dagger_resume.run", lambda arguments: 3)
    assert main(["dagger", "resume", "x"]) == 3
