"""The diffusion painter in real commands, on a tiny model with random weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.envs.rendering.render_config import RenderConfig
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.dagger import composition
from potstill.launch.dagger.pinned_generator import pinned_generator
from potstill.launch.dagger.recipes import load_recipe
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.errors import BadInputError
from potstill.launch.main import main

POTSTILL = str(Path(sys.executable).parent / "potstill")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two models of the same form with other weights."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from potstill.envs.rendering.diffusion.tiny_model import write_tiny_model

    root = tmp_path_factory.mktemp("models")
    return [write_tiny_model(root / str(seed), seed=seed) for seed in range(2)]


def settings(folder, **changes):
    """``--set`` words for a run that paints every seventh step with the model in the folder."""
    values = {
        "render.painter": "diffusion",
        "render.keyframe_interval": 7,
        "render.diffusion.model": folder / "model",
        "render.diffusion.controlnet": folder / "controlnet",
        "render.diffusion.size": 32,
        "render.diffusion.steps": 2,
    }
    return [word for key, value in (values | changes).items() for word in ("--set", f"{key}={value}")]


SMALL = {
    "bootstrap_rollouts": 2, "rollouts": 2, "rollout.max_steps": 16, "evaluation.episodes": 2,
    "evaluation.final_episodes": 2, "evaluation.max_steps": 8, "delivery.render_deadline_seconds": 120.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(models, tmp_path_factory):
    """A finished run, started by the command line."""
    run_dir = tmp_path_factory.mktemp("runs") / "run"
    command = [POTSTILL, "dagger", "run", "--recipe", "smoke", "--run-dir", str(run_dir)]
    done = subprocess.run(
        [*command, *settings(models[0], **SMALL)], capture_output=True, text=True, timeout=170
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return run_dir


def test_a_run_paints_its_keyframes_and_warps_the_rest(finished):
    report = json.loads((finished / "report.json").read_text())
    assert report["finished"] and [r["rollouts_committed"] for r in report["rounds"]] == [2, 2]
    store = EpisodeStore(str(finished / "episodes"))
    episodes = [store.load(entry) for number in (0, 1) for entry in store.entries(number)]
    for episode in episodes:
        assert episode.meta.painter == "diffusion"
        assert episode.meta.painter_version.startswith("diffusion-1.")
        assert episode.keyframe.tolist() == [step % 7 == 0 for step in range(len(episode))]
        assert episode.frames.std() > 5 and (episode.prompt_id >= 0).all()
    assert len({episode.meta.painter_version for episode in episodes}) == 1
    pinned = yaml.safe_load((finished / "config.yaml").read_text())["render"]["diffusion"]["pinned"]
    assert len(pinned) == 64
    stage = json.loads((finished / "stages" / "round_00.rollout.json").read_text())
    assert stage["inputs"]["render"]["diffusion"]["pinned"] == pinned
    assert "model" not in stage["inputs"]["render"]["diffusion"]  # a moved folder is the same model


def test_an_episode_is_replayed_byte_for_byte(finished, capsys):
    assert main(["dagger", "replay", str(finished), "1/0"]) == 0
    assert "equal byte for byte" in capsys.readouterr().out


def test_replay_and_resume_refuse_another_model(finished, models, capsys):
    weights = Path("model", "unet", "diffusion_pytorch_model.safetensors")
    own = (models[0] / weights).read_bytes()
    try:
        (models[0] / weights).write_bytes((models[1] / weights).read_bytes())
        assert main(["dagger", "replay", str(finished), "0/0"]) == 2
        assert "has other files" in capsys.readouterr().err
        assert main(["dagger", "resume", str(finished), "--plan"]) == 2
        assert "not those that the run began with; restore them" in capsys.readouterr().err
    finally:
        (models[0] / weights).write_bytes(own)
    assert main(["dagger", "resume", str(finished), "--plan"]) == 0


def test_replay_refuses_a_painter_of_another_version(finished, monkeypatch, capsys):
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "another processor")
    assert main(["dagger", "replay", str(finished), "0/0"]) == 2
    assert "painted by diffusion diffusion-1." in capsys.readouterr().err


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"render.diffusion.model": "/no/such"}, "render.diffusion: model must be a folder or a name"),
        (
            {"render.diffusion.model": "nobody/nothing"},
            "neither a folder nor in the Hugging Face cache; set it to a",
        ),
        ({"render.diffusion.size": 33}, "render.diffusion: size must be a multiple of 4"),
        ({"render.diffusion.steps": 0}, "render.diffusion.steps must be in 1..100: got 0"),
        ({"render.diffusion.stepps": 2}, "did you mean render.diffusion.steps?"),
        ({"render.diffusion.device": "cuda"}, "cuda needs a GPU for each render worker"),
    ],
)
def test_bad_settings_are_one_line_before_anything_starts(models, tmp_path, capsys, changes, message):
    words = ["dagger", "run", "--recipe", "smoke", "--run-dir", str(tmp_path / "run"), "--dry-run"]
    assert main([*words, *settings(models[0], **changes)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_dry_run_says_how_many_pictures_are_to_be_painted(models, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(models[0])
    near = {"render.diffusion.model": "model", "render.diffusion.controlnet": "controlnet"}
    words = ["dagger", "run", "--recipe", "smoke", "--run-dir", str(tmp_path / "run"), "--dry-run"]
    assert main([*words, *settings(models[0], **SMALL, **near)]) == 0
    # 2 cameras, k = 7: 4 rollouts of 16 steps have 3 keyframes, 6 evaluations of 8 steps have 2
    assert "painting at most 48 pictures" in capsys.readouterr().out


def test_folders_are_pinned_by_their_full_paths(models, monkeypatch):
    monkeypatch.chdir(models[0])
    generator = DiffusionConfig(model="model", controlnet="controlnet", size=32)
    config = replace(load_recipe("smoke"), render=RenderConfig(painter="diffusion", diffusion=generator))
    pinned = pinned_generator(config).render.diffusion
    assert (pinned.model, pinned.controlnet) == (str(models[0] / "model"), str(models[0] / "controlnet"))
    assert pinned_generator(load_recipe("smoke")) == load_recipe("smoke")  # no generator, nothing to pin


def test_a_render_worker_by_hand_refuses_a_machine_without_the_model(tmp_path, monkeypatch):
    generator = DiffusionConfig(model="/no/such")
    DaggerFolder(tmp_path).open(
        replace(load_recipe("smoke"), render=RenderConfig(painter="diffusion", diffusion=generator))
    )
    monkeypatch.setattr(composition, "WORKER_ENVIRONMENT", {})
    with pytest.raises(BadInputError, match="render.diffusion: model must be a folder"):
        composition.run_worker("render", "redis://127.0.0.1:1", "run", tmp_path)


def test_without_the_extra_one_line_says_how_to_install_it(models, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    words = ["dagger", "run", "--recipe", "smoke", "--run-dir", str(tmp_path / "run"), "--dry-run"]
    assert main([*words, *settings(models[0])]) == 2
    assert "pip install 'potstill[diffusion]'" in capsys.readouterr().err
