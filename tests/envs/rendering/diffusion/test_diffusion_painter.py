from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.envs.rendering.diffusion.model_folders import ModelUnavailableError
from potstill.experience.prompt_collection import REGIONS

FAMILIES = ("sd", "sdxl")
#: Run in another process: paint the request of ``painted_request()`` and print a hash of the picture and the version.
PAINT = """
import hashlib, json, sys
from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.envs.rendering.open_scene_renderer import open_scene_renderer
from potstill.envs.rendering.records import RenderRequest
from potstill.experience.prompt_collection import PromptCollection
import torch
torch.set_num_threads(2)
env = MetaWorldEnv("reach-v3")
env.reset(seed=5)
renderer = open_scene_renderer("batch", diffusion=DiffusionConfig(**json.loads(sys.argv[1])))
prompt = PromptCollection.find("tabletop-v1").prompts[0].texts()
request = RenderRequest(task="reach-v3", scene=env.scene_state(), cameras=("potstill_left",), size=32,
                        painter="diffusion", seed=1, prompt=prompt)
reply = renderer.render([request])[0]
print(hashlib.sha256(reply.rgb.tobytes()).hexdigest(), reply.painter_version)
renderer.close()
"""


def difference(one, other):
    """(H, W) mean difference over colours."""
    return np.abs(one[0].astype(int) - other[0].astype(int)).mean(axis=-1)


@pytest.mark.parametrize("family", FAMILIES)
def test_real_scenes_are_painted_at_the_students_size(open_painting, painted_request, family):
    request = painted_request(cameras=("potstill_left", "topview"), size=48, geometry=True)
    reply = open_painting(family).render([request])[0]
    assert reply.rgb.shape == (2, 48, 48, 3) and reply.rgb.dtype == np.uint8
    assert reply.rgb.std() > 5  # a picture, not one colour
    assert reply.depth.shape == (2, 48, 48) and reply.segmentation.shape == (2, 48, 48)
    assert reply.painter_version.startswith("diffusion-1.")


@pytest.mark.parametrize("family", FAMILIES)
def test_neither_the_batch_nor_the_place_in_it_changes_a_byte(
    open_painting, painted_request, prompts, family
):
    renderer = open_painting(family)
    requests = [
        painted_request(seed=1),
        painted_request(seed=2, prompt=prompts[7], cameras=("potstill_right", "potstill_left")),
        painted_request(seed=4, strength=0.5),
    ]
    if family == "sd":  # another task joins the same forward calls
        requests.append(painted_request(task="button-press-v3", prompt=prompts[9]))
    together = renderer.render(requests)
    backwards = renderer.render(requests[::-1])[::-1]
    for request, one, other in zip(requests, together, backwards):
        alone = renderer.render([request])[0]
        assert np.array_equal(one.rgb, alone.rgb) and np.array_equal(other.rgb, alone.rgb)


def test_a_batch_shares_its_forward_calls(open_painting, painted_request):
    renderer = open_painting("sd", batch=64)
    before = renderer._painter.forward_calls
    renderer.render([painted_request(seed=seed, cameras=("potstill_left", "topview")) for seed in range(3)])
    assert (
        renderer._painter.forward_calls - before == 2
    )  # one for each step: 3 scenes x 2 cameras x 5 regions are 30 rows


def test_another_process_with_more_threads_paints_the_same_bytes(
    open_painting, painted_request, record, tiny_config
):
    request = replace(painted_request(), scene=record("reach-v3")[1][0])
    reply = open_painting("sd").render([request])[0]
    there = subprocess.run(
        [sys.executable, "-c", PAINT, json.dumps(asdict(tiny_config("sd")))],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert there.returncode == 0, there.stderr[-500:]
    assert there.stdout.split() == [hashlib.sha256(reply.rgb.tobytes()).hexdigest(), reply.painter_version]


def test_seed_prompt_light_and_camera_change_the_picture(open_painting, painted_request, prompts):
    renderer = open_painting("sd")
    first = painted_request()
    others = [
        replace(first, seed=2),
        replace(first, prompt=prompts[5]),
        replace(first, prompt={**prompts[0], "light": "candles"}),
        replace(first, cameras=("topview",)),
    ]
    pictures = [reply.rgb for reply in renderer.render([first, *others])]
    for other in pictures[1:]:
        assert difference(pictures[0], other).mean() > 0.2
    again = renderer.render([first])[0].rgb
    assert np.array_equal(pictures[0], again)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_words_of_a_region_change_mostly_that_region(open_painting, painted_request, shown_at, family):
    renderer = open_painting(family, sampler="model", size=64, mask_growth=1)
    request = painted_request(size=64)
    others = [replace(request, prompt={**request.prompt, region: "QQQ zzzz"}) for region in REGIONS]
    plain, *changed = (reply.rgb for reply in renderer.render([request, *others]))
    shown = shown_at(request)
    for number, picture in enumerate(changed):
        moved = difference(plain, picture)
        assert moved[shown == number].mean() > 2 * moved[shown != number].mean(), REGIONS[number]


def test_strength_is_how_much_the_picture_keeps_to_the_scene(open_painting, painted_request, record):
    renderer = open_painting("sd")
    scenes = record("reach-v3")[1]
    moved = []
    for strength in (0.0, 0.5, 1.0):
        here, there = (
            replace(painted_request(), scene=scene, strength=strength) for scene in (scenes[0], scenes[-1])
        )
        pictures = [reply.rgb for reply in renderer.render([here, there])]
        moved.append(difference(*pictures).mean())
    assert moved[0] < moved[1] < moved[2]
    assert moved[0] < 0.25 * moved[2]


def test_the_negative_prompt_counts_only_with_guidance(open_painting, painted_request):
    request = painted_request()
    other = replace(request, prompt={**request.prompt, "negative": "QQQ zzzz"})
    unguided, guided = (open_painting("sd", guidance=guidance) for guidance in (1.0, 4.0))
    assert np.array_equal(*(reply.rgb for reply in unguided.render([request, other])))
    assert not np.array_equal(*(reply.rgb for reply in guided.render([request, other])))


def test_other_painters_and_steps_that_are_warped_pass_by_the_generator(open_painting, painted_request):
    renderer = open_painting("sd")
    before = renderer._painter.forward_calls
    unpainted, plain = renderer.render(
        [painted_request(paint=False, geometry=True), painted_request(painter="mujoco", prompt={})]
    )
    assert unpainted.rgb is None and unpainted.depth is not None
    assert unpainted.painter_version.startswith("diffusion-1.")
    assert plain.rgb is not None and plain.painter_version.startswith("mujoco-")
    assert renderer._painter.forward_calls == before


@pytest.mark.parametrize(
    "change", [{"steps": 3}, {"guidance": 2.0}, {"batch": 8}, {"control_scale": 0.5}, {"sampler": "model"}]
)
def test_a_setting_that_changes_bytes_changes_the_version(open_painting, painted_request, change):
    request = painted_request(paint=False)
    one, other = (open_painting("sd", **settings).render([request])[0] for settings in ({}, change))
    assert one.painter_version != other.painter_version


def test_the_other_renderer_paints_too(tiny_config, painted_request):
    from potstill.envs.rendering.open_scene_renderer import open_scene_renderer

    renderer = open_scene_renderer("mujoco", diffusion=tiny_config("sd"))
    assert renderer.render([painted_request()])[0].rgb.shape == (1, 32, 32, 3)
    renderer.close()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"prompt": {"tabel": "oak"}}, "keys table, robot, .*got 'tabel'"),
        ({"strength": 1.5}, r"strength must be in 0..1: got 1.5"),
    ],
)
def test_a_request_that_cannot_be_painted_is_refused(open_painting, painted_request, change, message):
    with pytest.raises(ValueError, match=message):
        open_painting("sd").render([painted_request(**change)])
    assert open_painting("sd").render([painted_request()])[0].rgb is not None  # the next one is not


def test_a_model_that_gives_nan_is_an_error_and_no_black_picture(tiny_config, painted_request, tmp_path):
    from safetensors.torch import load_file, save_file

    from potstill.envs.rendering.diffusion.tiny_model import write_tiny_model
    from potstill.envs.rendering.open_scene_renderer import open_scene_renderer

    folder = write_tiny_model(tmp_path)
    weights = folder / "model" / "vae" / "diffusion_pytorch_model.safetensors"
    broken = load_file(weights)
    broken["decoder.conv_out.bias"] *= float("nan")
    save_file(broken, weights, metadata={"format": "pt"})
    config = tiny_config(model=str(folder / "model"), controlnet=str(folder / "controlnet"))
    renderer = open_scene_renderer("batch", diffusion=config)
    with pytest.raises(FloatingPointError, match="not finite; render.diffusion.dtype=float32 may help"):
        renderer.render([painted_request()])
    renderer.close()


def test_other_files_than_were_pinned_are_refused(tiny_config):
    from potstill.envs.rendering.diffusion.diffusion_painter import DiffusionPainter

    with pytest.raises(ModelUnavailableError, match="has other files .* than those that the run began with"):
        DiffusionPainter(tiny_config(pinned="0" * 64))


def test_without_a_gpu_a_gpu_is_refused(tiny_config, monkeypatch):
    from potstill.envs.rendering.diffusion.diffusion_painter import DiffusionPainter

    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ModelUnavailableError, match="sees no GPU; .*--set pools.render_gpus=1"):
        DiffusionPainter(tiny_config(device="cuda"))
    with pytest.raises(ModelUnavailableError, match="dtype must be float32 on a CPU"):
        DiffusionPainter(tiny_config(dtype="float16"))


def test_weights_that_do_not_fit_their_layers_are_one_line(tiny_config, tmp_path):
    from potstill.envs.rendering.diffusion.diffusion_painter import DiffusionPainter
    from potstill.envs.rendering.diffusion.tiny_model import write_tiny_model

    folder = write_tiny_model(tmp_path)
    (folder / "model" / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ModelUnavailableError, match="cannot be loaded"):
        DiffusionPainter(tiny_config(model=str(folder / "model"), controlnet=str(folder / "controlnet")))


def test_the_other_painters_do_without_torch():
    script = (
        "import sys, potstill.envs.rendering.open_scene_renderer as m; r = m.open_scene_renderer('batch'); r.close();"
        "import potstill.envs.rendering.procedural_painter;"
        "sys.exit(bool({'torch', 'diffusers', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0


def test_the_default_settings_name_a_model_and_its_controlnet():
    assert DiffusionConfig().model == "stabilityai/sdxl-turbo"
    assert "depth-sdxl" in DiffusionConfig().controlnet
