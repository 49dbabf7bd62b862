from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from potstill.envs.rendering.diffusion.model_folders import ModelFolders, ModelUnavailableError


@pytest.fixture
def copied(tiny_models, tiny_config, tmp_path):
    """``copied(family, ...)``: a model of one's own to break, and its settings."""

    def copy(family="sd", **changes):
        folder = tmp_path / family
        shutil.copytree(tiny_models[family], folder, dirs_exist_ok=True)
        places = {"model": str(folder / "model"), "controlnet": str(folder / "controlnet")}
        return folder, tiny_config(family, **(places | changes))

    return copy


@pytest.mark.parametrize("family", ["sd", "sdxl"])
def test_a_folder_is_found_and_its_family_is_known(tiny_config, family):
    found = ModelFolders.find(tiny_config(family))
    assert found.model.is_absolute() and found.is_xl == (family == "sdxl")


def test_without_the_extra_the_line_says_how_to_install_it(tiny_config, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        ModelUnavailableError, match=r"needs diffusers, transformers, accelerate; install with: pip"
    ):
        ModelFolders.find(tiny_config())


def test_a_name_that_is_not_in_the_cache_is_not_downloaded(tiny_config, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        ModelUnavailableError,
        match="model 'stabilityai/sdxl-turbo' is neither a folder nor in the Hugging Face cache; .*"
        "--set render.diffusion.model=FOLDER",
    ):
        ModelFolders.find(tiny_config(model="stabilityai/sdxl-turbo"))


def test_a_name_in_the_cache_is_its_snapshot(tiny_config, tiny_models, monkeypatch, tmp_path):
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--someone--tiny"
    shutil.copytree(tiny_models["sd"] / "model", repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    found = ModelFolders.find(tiny_config(model="someone/tiny"))
    assert found.model.name == commit
    assert found.sha256() == ModelFolders.find(tiny_config()).sha256()


def test_what_is_neither_folder_nor_name_is_refused(tiny_config):
    with pytest.raises(
        ModelUnavailableError, match="controlnet must be a folder or a name like owner/name: got '/no"
    ):
        ModelFolders.find(tiny_config(controlnet="/no/such/folder"))


def test_a_missing_part_is_named(copied):
    folder, config = copied()
    shutil.rmtree(folder / "model" / "vae")
    with pytest.raises(ModelUnavailableError, match="model must be a diffusers folder: .* has no vae/"):
        ModelFolders.find(config)


def test_weights_that_are_only_there_as_a_pickle_are_refused(copied):
    folder, config = copied()
    weights = folder / "controlnet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ModelUnavailableError, match="controlnet must have its weights as .safetensors"):
        ModelFolders.find(config)


def test_a_controlnet_of_another_family_is_refused(tiny_config, tiny_models):
    with pytest.raises(
        ModelUnavailableError, match="controlnet must be made for the model's family: cross_att"
    ):
        ModelFolders.find(tiny_config("sd", controlnet=str(tiny_models["sdxl"] / "controlnet")))


def test_a_size_that_cannot_be_halved_often_enough_is_refused(tiny_config):
    with pytest.raises(ModelUnavailableError, match="size must be a multiple of 4 for this model: got 34"):
        ModelFolders.find(tiny_config(size=34))


def test_damaged_settings_of_a_part_are_named(copied):
    folder, config = copied()
    (folder / "model" / "unet" / "config.json").write_text("{")
    with pytest.raises(ModelUnavailableError, match="unet/config.json is missing or damaged"):
        ModelFolders.find(config)


def test_the_hash_is_of_the_contents_wherever_they_lie(copied, tiny_config):
    folder, config = copied()
    assert ModelFolders.find(config).sha256() == ModelFolders.find(tiny_config()).sha256()
    settings = folder / "model" / "scheduler" / "scheduler_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"beta_end": 0.011}))
    assert ModelFolders.find(config).sha256() != ModelFolders.find(tiny_config()).sha256()


def test_half_precision_files_are_taken_where_there_are_any(copied):
    folder, config = copied()
    unet = folder / "model" / "unet"
    before = ModelFolders.find(config).sha256()
    shutil.copy(
        unet / "diffusion_pytorch_model.safetensors", unet / "diffusion_pytorch_model.fp16.safetensors"
    )
    found = ModelFolders.find(config)
    assert found.variant(unet) == "fp16" and found.variant(Path(config.controlnet)) is None
    full = ModelFolders.find(copied(dtype="float32")[1])
    assert full.variant(unet) is None
    assert full.sha256() == before != found.sha256()
    (unet / "diffusion_pytorch_model.safetensors").unlink()
    assert full.variant(unet) == "fp16"  # better than none
