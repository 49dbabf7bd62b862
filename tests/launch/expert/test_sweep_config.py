from __future__ import annotations

import pytest
import yaml

from potstill.launch.errors import BadInputError
from potstill.launch.expert.recipes import default_expert
from potstill.launch.expert.sweep_config import read_sweep

CONTENT = {
    "base": {"task": "push-v3", "seed": 2, "sac": {"tau": 0.01}},
    "space": {
        "sac.update_ratio": {"choice": [0.25, 0.5]},
        "sac.actor_learning_rate": {"loguniform": ["1e-4", 0.1]},
    },
    "samples": 3,
}


@pytest.fixture
def write(tmp_path):
    def write(**changes):
        path = tmp_path / "sweep.yaml"
        path.write_text(yaml.safe_dump({**CONTENT, **changes}))
        return str(path)

    return write


def test_what_is_not_said_is_the_task_s_recipe(write):
    sweep = read_sweep(write())
    assert sweep.base.sac.tau == 0.01 and sweep.base.seed == 2
    assert sweep.base.budget == default_expert("push-v3").budget
    assert sweep.config.samples == 3 and sweep.config.scheduler == "none"
    assert sweep.space == {
        "sac.update_ratio": ("choice", (0.25, 0.5)),
        "sac.actor_learning_rate": ("loguniform", (1e-4, 0.1)),
    }


def test_the_packaged_example_is_a_sweep():
    sweep = read_sweep("example")
    assert sweep.config.scheduler == "asha" and len(sweep.space) == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sampels": 3}, "sampels: unknown key; did you mean samples"),
        ({"samples": 0}, "samples must be in"),
        ({"scheduler": "ashar"}, "did you mean asha"),
        ({"metric": "sucess_rate"}, "did you mean success_rate"),
        ({"pipeline": "dagger"}, "pipeline: 'dagger' is not allowed"),
        ({"base": {"task": "psh-v3"}}, "push-v3"),
        ({"base": {"sacc": {}}}, "sacc: unknown key; did you mean sac"),
        ({"base": {"sac": {"taau": 1}}}, "sac.taau: unknown key; did you mean sac.tau"),
        ({"base": 3}, "base: expected a mapping"),
        ({"space": {}}, "space: say what varies"),
        ({"space": {"sac.updat_ratio": {"choice": [1]}}}, "did you mean sac.update_ratio"),
        ({"space": {"sac.tau": {"chioce": [1]}}}, "expected one of choice"),
        ({"space": {"sac.tau": {"choice": []}}}, "choice takes values"),
        ({"space": {"sac.tau": {"uniform": [0.1, 7]}}}, "sac.tau must be in"),
        ({"space": {"sac.tau": 0.1}}, "expected one of choice"),
    ],
)
def test_a_wrong_file_is_refused_by_its_key(write, changes, words):
    with pytest.raises(BadInputError, match=words):
        read_sweep(write(**changes))


@pytest.mark.parametrize("content", [b"- 1", b"a: [", b"\xff\xfe\x00", b"!!python/object/apply:os.getcwd []"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, content):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(BadInputError):
        read_sweep(str(path))
