"""``potstill export``: what it writes, says and refuses; the example of the documents as it stands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import yaml

from potstill.experience.context_history import ContextHistory
from potstill.policies.collective_checkpoint import save_collective
from potstill.policies.collective_inference import CollectiveInference
from potstill.policies.collective_policy import CollectivePolicy
from potstill.policies.collective_policy_config import CollectivePolicyConfig
from potstill.policies.observation_shape import ObservationShape
from potstill.policies.onnx_format import OnnxSession
from potstill.policies.pixel_policy import PixelPolicy
from potstill.policies.pixel_policy_config import PixelPolicyConfig
from potstill.policies.policy_checkpoint import save_policy
from potstill.policies.torchscript_format import TorchscriptProgram
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig

DOCUMENT = Path(__file__).parents[3] / "docs" / "export.md"


@pytest.fixture
def expert(write_expert, tmp_path):
    write_expert(tmp_path / "expert")
    return tmp_path / "expert"


def save_code_policy(folder):
    """A collective policy with a history of four states; its sha256."""
    sizes = {"state_size": 21, "action_size": 4}
    small = {"window": 4, "width": 8, "layers": 1, "heads": 2, "feedforward": 8, "code_size": 2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformer = TrajectoryTransformer(TrajectoryTransformerConfig(**small), **sizes)
        policy = CollectivePolicy(
            CollectivePolicyConfig(hidden=(16,)),
            transformer=transformer,
            tasks=("push-v3", "reach-v3"),
            code_size=2,
            **sizes,
        )
    return save_collective(folder, policy)


def save_student(folder):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        shape = ObservationShape(cameras=2, height=16, width=16, proprio=4, actions=4)
        return save_policy(folder, PixelPolicy(PixelPolicyConfig(channels=4, features=8, hidden=(8,)), shape))


def test_the_example_of_the_documents_acts_as_potstill_does_and_without_torch(command, tmp_path):
    sha256 = save_code_policy(tmp_path)
    code, out, err = command("export", tmp_path)
    assert code == 0, err
    assert f"collective policy of {tmp_path} (version {sha256[:12]})" in out
    assert "on 1,000 seeded inputs" in out and out.count("p50") == 2 and "MB" in out
    facts = OnnxSession(tmp_path / "collective.onnx").facts
    assert (facts["checkpoint_sha256"], facts["window"], facts["tasks"]) == (
        sha256,
        4,
        ["push-v3", "reach-v3"],
    )
    assert facts["potstill"] and facts["action_size"] == 4
    assert facts["observation_layout"].startswith("entries 0..17 and 36..38 of metaworld-39.")

    (example,) = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    example += (
        "import sys\nassert not {'torch', 'potstill'} & set(sys.modules)\nnp.save('taken.npy', taken)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr

    # The same world, the same actions: what does potstill itself do at every step?
    rng, policy = np.random.default_rng(0), CollectiveInference.load(tmp_path)
    history = ContextHistory(policy.window, 21, 4)
    taken = np.load(tmp_path / "taken.npy")
    state, _ = rng.normal(size=21).astype(np.float32), rng.uniform(0, 10)
    assert len(taken) == 8
    for action in taken:
        history.see(state)
        assert np.abs(policy.act(history.window(), ["push-v3"])[0] - action).max() <= 1e-5
        state, reward = rng.normal(size=21).astype(np.float32), float(rng.uniform(0, 10))
        history.did(action, reward)


def test_a_student_of_a_run_takes_its_cameras_names_along(command, tmp_path):
    folder = tmp_path / "run" / "checkpoints" / "round_00"
    save_student(folder)
    out = tmp_path / "there" / "student.pt"
    words = ("export", folder, "--format", "torchscript", "--out", out)
    assert command(*words)[0] == 0
    assert TorchscriptProgram(out).facts["cameras"] == {"names": None, "count": 2, "height": 16, "width": 16}
    config = {"task": "reach-v3", "robot": "panda", "render": {"cameras": ["a", "b"]}, "rollouts": 1}
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(config))
    code, printed, err = command(*words, "--force")
    assert code == 0, err
    facts = TorchscriptProgram(out).facts
    assert (facts["cameras"]["names"], facts["task"], facts["robot"]) == (["a", "b"], "reach-v3", "panda")
    assert "torchscript" in printed and list(out.parent.iterdir()) == [out]


def test_a_file_that_exists_is_left_alone_without_force(command, refused, expert, tmp_path):
    out = tmp_path / "x.onnx"
    out.write_bytes(b"precious")
    assert "exists already" in refused("export", expert, "--out", out)
    assert out.read_bytes() == b"precious"
    code, _, err = command("export", expert, "--out", out, "--force")
    assert code == 0, err
    session = onnxruntime.InferenceSession(out)
    facts = json.loads(session.get_modelmeta().custom_metadata_map["potstill"])
    assert (facts["what"], facts["task"], facts["robot"]) == ("expert", "reach-v3", "sawyer")
    action, mean, log_std = session.run(None, {"observation": np.zeros((3, 39), np.float32)})
    assert action.shape == mean.shape == log_std.shape == (3, 4)


def test_a_file_that_acts_differently_is_not_written(command, expert, tmp_path, monkeypatch):
    class Wrong(TorchscriptProgram):
        def act(self, inputs):
            return {name: output + np.float32(1e-3) for name, output in super().act(inputs).items()}

    monkeypatch.setattr("potstill.policies.torchscript_format.TorchscriptProgram", Wrong)
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "x.pt"
    code, _, err = command("export", expert, "--format", "torchscript", "--out", out)
    assert code == 1 and "differs from the network by 1.0e-03, more than 1e-05; nothing was written" in err
    assert err.count("\n") == 1 and list(out.parent.iterdir()) == []


def test_bad_input_is_refused_in_one_line(refused, expert, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.onnx").mkdir()
    (tmp_path / "file").write_text("x")
    for words, expected in (
        ((tmp_path / "nowhere",), "nowhere: no such folder"),
        ((tmp_path / "empty",), "holds no checkpoint (policy.safetensors"),
        ((expert / "expert.safetensors",), "is a file; name the folder that holds it"),
        ((expert, "--format", "onx"), "unknown format 'onx'; choose from onnx, torchscript"),
        ((expert, "--out", "x.pt"), "--out must end in .onnx with --format onnx"),
        ((expert, "--out", tmp_path / "x.onnx"), "is a folder"),
        ((expert, "--format", "torchscript", "--out", tmp_path / "file" / "x.pt"), "x.pt: "),
    ):
        assert expected in refused("export", *words)
    path = expert / "expert.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    assert "expert.safetensors" in refused("export", expert)
    assert not (expert / "expert.onnx").exists()


def test_refusing_imports_no_torch():
    code = (
        "import sys\nfrom potstill.launch.main import main\n"
        "main(['export', 'nowhere'])\nmain(['export', 'x', '--format', 'y'])\n"
        "print(sorted({'torch', 'ray', 'mujoco', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stdout
    assert done.stderr.count("\n") == 2
