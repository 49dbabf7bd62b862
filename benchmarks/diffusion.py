"""The diffusion painter: pictures per second on whatever device there is.

``--model`` and ``--controlnet`` name folders (or names in the Hugging Face cache); without them, and with ``--quick``,
a tiny model with random weights paints, which measures the machinery and nothing else. A picture is one camera of one
scene with the prompts of all regions that it shows. ``together_vs_alone``: one call with all requests against one call
for each, in turns. Seconds are of CPU time where the CPU paints, else of the clock; medians of the repetitions.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("LP_NUM_THREADS", "0")

import torch
from measurement import print_measurement

from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.envs.rendering.diffusion.tiny_model import write_tiny_model
from potstill.envs.rendering.open_scene_renderer import open_scene_renderer
from potstill.envs.rendering.records import RenderRequest
from potstill.envs.rendering.render_config import DEFAULT_CAMERAS
from potstill.experience.prompt_collection import PromptCollection

TASK, STUDENT_SIZE = "reach-v3", 64


def main():
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        config = _config(options, Path(folder))
        started = time.perf_counter()
        renderer = open_scene_renderer("batch", diffusion=config)
        load_seconds = time.perf_counter() - started
    figures, ratios = _speed(renderer, _requests(options.scenes), options, config)
    renderer.close()
    print_measurement("diffusion", {"load_seconds": load_seconds, **figures}, ratios)


def _options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="", help="folder or cached name; default: the tiny model")
    parser.add_argument("--controlnet", default="", help="folder or cached name, of the model's family")
    parser.add_argument("--size", type=int, default=512, help="side of the generated picture")
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--batch", type=int, default=8, help="rows of a forward call")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--scenes", type=int, default=4, help="scenes painted together, two cameras each")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="the tiny model, a few pictures, under a minute")
    options = parser.parse_args()
    if bool(options.model) != bool(options.controlnet):
        parser.error("--model and --controlnet go together")
    if options.quick or not options.model:
        options.model = options.controlnet = ""
        options.size, options.steps, options.repetitions = 64, 2, min(3, options.repetitions)
    return options


def _config(options, folder):
    model, controlnet = options.model, options.controlnet
    if not model:
        tiny = write_tiny_model(folder)
        model, controlnet = str(tiny / "model"), str(tiny / "controlnet")
    return DiffusionConfig(
        model=model,
        controlnet=controlnet,
        size=options.size,
        steps=options.steps,
        batch=options.batch,
        device=options.device,
    )


def _requests(count):
    env = MetaWorldEnv(TASK)
    prompts = PromptCollection.find("tabletop-v1").of_split("train")
    requests = []
    for index in range(count):
        env.reset(seed=index)
        request = RenderRequest(
            task=TASK,
            scene=env.scene_state(),
            cameras=DEFAULT_CAMERAS,
            size=STUDENT_SIZE,
            painter="diffusion",
            seed=index,
            prompt=prompts[index].texts(),
        )
        requests.append(request)
    return requests


def _speed(renderer, requests, options, config):
    on_gpu = config.device != "cpu" and torch.cuda.is_available()
    clock = time.perf_counter if on_gpu else time.process_time
    pictures = sum(len(request.cameras) for request in requests)
    renderer.render(requests)  # builds scenes, embeds texts, warms the device up
    together, alone = [], []
    for _ in range(options.repetitions):
        together.append(_seconds(clock, lambda: renderer.render(requests)))
        alone.append(_seconds(clock, lambda: [renderer.render([request]) for request in requests]))
    seconds = statistics.median(together)
    figures = {
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "model": options.model or "tiny, random weights",
        "size": config.size,
        "steps": config.steps,
        "batch_rows": config.batch,
        "pictures": pictures,
        "pictures_per_s": pictures / seconds,
        "picture_ms": 1000 * seconds / pictures,
        "gpu_memory_gib": torch.cuda.max_memory_allocated() / 2**30 if on_gpu else 0.0,
    }
    return figures, {"together_vs_alone": statistics.median(alone) / seconds}


def _seconds(clock, work):
    started = clock()
    work()
    return clock() - started


if __name__ == "__main__":
    main()
