"""What ``potstill expert`` and ``potstill sweep`` refuse, before anything is started."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from potstill.launch.configuration import to_mapping
from potstill.launch.expert.recipes import default_expert
from potstill.launch.reporting.event_log import EventLog
from potstill.policies.expert_checkpoint import save_expert
from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.sac_networks import SacNetworks


@pytest.fixture
def expert(tmp_path):
    """An untrained expert of reach-v3 with sawyer, of a model that nobody has."""
    networks = SacNetworks(39, 4, hidden=(16, 16), layer_norm=True, log_std_min=-10.0, initial_alpha=0.1)
    facts = ExpertFacts(
        task="reach-v3", robot="sawyer", model_hash="0" * 64, seed=0, env_steps=1, decisions=1,
        success_rate=0.0, eval_episodes=0, kind="final", trained_with="test", hidden=(16, 16),
    )  # fmt: skip
    save_expert(tmp_path / "expert", networks, facts)
    return tmp_path / "expert"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("train",), "--task"),
        (("train", "--task", "reech-v3"), "reach-v3"),
        (("train", "--task", "reach-v3", "--robot", "pnda"), "panda"),
        (("train", "--task", "reach-v3", "--seed", "x"), "--seed: expected int"),
        (("train", "--task", "reach-v3", "--seed", "-1"), "seed must be in"),
        (("train", "--task", "reach-v3", "--minutes", "0"), "budget.minutes"),
        (("train", "--task", "reach-v3", "--set", "sac.hiden=[3]"), "did you mean sac.hidden"),
        (("train", "--resume", "nowhere"), "nowhere: no such run directory"),
        (
            ("train", "--task", "reach-v3", "--set", "shaping.teacher=nowhere"),
            "shaping.teacher: nowhere: no such",
        ),
        (("train", "--resume", "x", "--task", "reach-v3"), "leave out --task"),
        (("evaluate", "oracle"), "--task"),
        (("evaluate", "oracle", "--task", "reach-v3", "--workers", "0"), "--workers must be in"),
        (("evaluate", "oracle", "--task", "reach-v3", "--episodes", "0"), "episodes must be in"),
        (("evaluate", "orakel", "--task", "reach-v3"), "holds no expert"),
        (("grid",), "--tasks"),
        (("grid", "--tasks", ","), "--tasks must name at least one"),
        (("grid", "--tasks", "reach-v3,pusch-v3"), "push-v3"),
        (("grid", "--tasks", "mt10", "--robots", "sawyer,pnda"), "panda"),
        (("grid", "--tasks", "mt10", "--seeds", "0,one"), "--seeds: expected int"),
        (("grid", "--tasks", "mt10", "--seeds", "-3"), "seed must be in"),
        (("grid", "--tasks", "mt10", "--concurrent", "0"), "--concurrent must be in"),
        (("grid", "--tasks", "reach-v3", "--set", "resources.env_runners=2"), "env_runners must be 0"),
        (
            ("grid", "--tasks", "reach-v3", "--set", "shaping.teacher=nowhere"),
            "shaping.teacher: nowhere: no such",
        ),
        (("grid", "--resume", "nowhere"), "no such run directory"),
        (("grid", "--resume", "x", "--seeds", "1"), "leave out --seeds"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_started(
    words, expected, refused, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert expected in refused("expert", *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [((), "say which FILE"), (("nope.yaml",), "cannot read nope.yaml"), (("--resume", "nowhere"), "nowhere")],
)
def test_a_sweep_that_cannot_be_is_refused(words, expected, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert expected in refused("sweep", *words)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_holds_a_run_is_not_overwritten(refused, tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(to_mapping(default_expert("reach-v3"))))
    line = refused("expert", "train", "--task", "reach-v3", "--run-dir", tmp_path)
    assert f"potstill expert train --resume {tmp_path}" in line
    line = refused("expert", "grid", "--tasks", "reach-v3", "--run-dir", tmp_path)
    assert f"potstill expert grid --resume {tmp_path}" in line


def test_the_run_of_another_pipeline_is_not_resumed(refused, finished_run):
    assert "is not the run of an expert" in refused("expert", "train", "--resume", finished_run.root)
    assert "is not the run of a grid" in refused("expert", "grid", "--resume", finished_run.root)


def test_an_expert_of_another_robot_task_or_model_is_refused(refused, expert):
    line = refused("expert", "evaluate", expert, "--robot", "panda")
    assert "is an expert of reach-v3 with sawyer, wanted reach-v3 with panda" in line
    assert "wanted push-v3" in refused("expert", "evaluate", expert, "--task", "push-v3")
    line = refused("expert", "evaluate", expert, "--episodes", "1")
    assert "(model 000000000000)" in line and "wanted reach-v3 with sawyer (model " in line


def test_a_damaged_expert_is_refused(refused, expert):
    path = expert / "expert.safetensors"
    path.write_bytes(path.read_bytes()[:-40])
    assert "expert.safetensors" in refused("expert", "evaluate", expert)


def test_the_oracle_is_evaluated_with_its_interval(command):
    words = ("expert", "evaluate", "oracle", "--task", "reach-v3", "--episodes", "4")
    code, out, _ = command(*words)
    assert code == 0 and out == "oracle on reach-v3 with sawyer: success 1.00 [0.51, 1.00] of 4\n"
    code, out, _ = command(*words, "--json")
    report = json.loads(out)
    assert code == 0 and report["results"][0]["success_rate"] == 1.0
    assert len(report["outcomes"]) == 4 and all(outcome["success"] for outcome in report["outcomes"])


def test_refusing_an_expert_imports_neither_torch_nor_ray_nor_mujoco():
    code = (
        "import sys\nfrom potstill.launch.main import main\n"
        "main(['expert', 'train', '--task', 'reach-v3', '--set', 'sede=1'])\n"
        "main(['expert', 'grid', '--tasks', 'reech-v3'])\n"
        "main(['sweep', 'nowhere.yaml'])\n"
        "main(['expert', 'evaluate', 'nowhere'])\n"
        "print(sorted({'torch', 'ray', 'mujoco'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "[]", done.stdout
    assert done.stderr.count("\n") == 4


def test_the_report_of_an_expert_is_written_again_from_its_events(command, tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(to_mapping(default_expert("reach-v3"))))
    log = EventLog(tmp_path / "events.jsonl")
    log.write("run_started", recipe="expert", task="reach-v3", robot="sawyer", seed=0, label="L", env_steps=0)
    log.write("evaluation_finished", env_steps=1000, successes=[1, 0])
    log.write("final_evaluation_finished", env_steps=1000, successes=[1, 1])
    log.close()
    code, out, _ = command("report", tmp_path)
    assert code == 0 and out.startswith("L  training  0 env steps  success 1.00 [0.34, 1.00] of 2")
    curve = json.loads((tmp_path / "report.json").read_text())["results"][0]["curve"]
    assert [point["success_rate"] for point in curve] == [0.5]
    assert "</html>" in (tmp_path / "report.html").read_text()
