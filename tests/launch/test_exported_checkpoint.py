from __future__ import annotations

import pytest
import yaml

from potstill.launch.errors import BadInputError
from potstill.launch.exported_checkpoint import find_exported_checkpoint
from potstill.policies.collective_file import COLLECTIVE_FILE
from potstill.policies.expert_file import EXPERT_FILE
from potstill.policies.policy_file import POLICY_FILE


def touched(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize("name", [POLICY_FILE, COLLECTIVE_FILE, EXPERT_FILE])
def test_a_checkpoint_folder_is_itself(name, tmp_path):
    path = touched(tmp_path / "x" / name)
    assert find_exported_checkpoint(tmp_path / "x") == path


def test_of_a_dagger_run_it_is_the_best_round(make_run, events_of_run):
    events = [
        # Round 1 was evaluated again after a resume: the last word counts, and of equals the later round.
        *events_of_run(),
        ("evaluation_finished", dict(round=1, seeds=[1], successes=[1], steps=[5], evaluation_seconds=1.0)),
    ]
    run = make_run("a", events)
    paths = [touched(run.checkpoints / f"round_{index:02d}" / POLICY_FILE) for index in range(3)]
    assert find_exported_checkpoint(run.root) == paths[1]


def test_of_a_collective_run_it_is_the_first_context_on_all_rounds(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"contexts": ["id", "code"]}))
    for name in ("round_00", "final.code"):
        touched(tmp_path / "checkpoints" / name / COLLECTIVE_FILE)
    path = touched(tmp_path / "checkpoints" / "final.id" / COLLECTIVE_FILE)
    assert find_exported_checkpoint(tmp_path) == path


def test_of_an_experts_run_it_is_the_final_expert(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"sac": {}}))
    touched(tmp_path / "best" / EXPERT_FILE)
    with pytest.raises(BadInputError, match="expert: no such folder"):
        find_exported_checkpoint(tmp_path)
    path = touched(tmp_path / "expert" / EXPERT_FILE)
    assert find_exported_checkpoint(tmp_path) == path


def test_a_run_without_an_evaluated_round_says_so(make_run, events_of_run):
    run = make_run("a", [next(iter(events_of_run()))])
    with pytest.raises(BadInputError, match="no round has been evaluated yet"):
        find_exported_checkpoint(run.root)


@pytest.mark.parametrize("settings", [{"sweep": 1}, {}])
def test_the_run_of_something_else_is_refused(settings, tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(BadInputError, match="no pipeline that trains a policy"):
        find_exported_checkpoint(tmp_path)
