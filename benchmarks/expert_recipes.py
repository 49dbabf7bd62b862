r"""What each part of the experts' recipe is worth: gradient updates until 80 % and 95 % of 50 held-out goals.

The recipe, the same with one part taken out, and plain SAC with everything out, over seeds; whole trainings through
the command line. The figure of docs/results/experts.md:

    benchmarks/expert_recipes.py --task reach-v3 --seeds 0 1 2 --updates 20000 --runs runs/recipes --parallel 2

Finished runs in ``--runs`` are read, not repeated; an interrupted one is resumed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

from measurement import print_measurement

from potstill.launch.configuration import override
from potstill.learners.sac.config import SacConfig

POTSTILL = str(Path(sys.executable).parent / "potstill")
#: What is changed in each variant.
VARIANTS: dict[str, tuple[str, ...]] = {
    "recipe": (),
    "without demonstrations": ("sac.demo_episodes=0",),
    "without layer norm": ("sac.critic_layer_norm=false",),
    "action repeat 1": ("sac.action_repeat=1", "sac.discount=0.985"),
    "update ratio 1": ("sac.update_ratio=1",),
    "width 256": ("sac.hidden=256,256",),
    "discount 0.99": ("sac.discount=0.99",),
    "plain SAC": (
        "sac.demo_episodes=0",
        "sac.critic_layer_norm=false",
        "sac.action_repeat=1",
        "sac.update_ratio=1",
        "sac.actor_every=1",
        "sac.hidden=256,256",
        "sac.batch_size=256",
        "sac.discount=0.99",
    ),
}
LEVELS = (0.8, 0.95)
_EVALUATION_UPDATES = 2_500


def main() -> None:
    arguments = _parse()
    cases = [(variant, seed) for seed, variant in product(arguments.seeds, VARIANTS)]
    with ThreadPoolExecutor(arguments.parallel) as pool:
        results = list(pool.map(lambda case: _trained(arguments, *case), cases))
    figures: dict[str, Any] = {}
    for variant in VARIANTS:
        runs = [result for (name, _), result in zip(cases, results, strict=True) if name == variant]
        figures[variant] = _summary(runs)
        print(f"{variant}: {json.dumps(figures[variant])}", flush=True)
    print_measurement("expert_recipes", {"task": arguments.task, **figures}, _ratios(figures))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", default="reach-v3")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--updates", type=int, default=20_000, help="budget of one training")
    parser.add_argument("--parallel", type=int, default=1, help="trainings at the same time")
    parser.add_argument("--runs", type=Path, help="folder of the run directories (default: a temporary one)")
    parser.add_argument("--quick", action="store_true", help="500 updates each: proves the script, no claim")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seeds, arguments.updates = [0], 500
    arguments.runs = arguments.runs or Path(tempfile.mkdtemp(prefix="potstill-recipes-"))
    return arguments


def _trained(arguments: argparse.Namespace, variant: str, seed: int) -> dict[str, Any]:
    """The success rate of each evaluation, by environment steps and by gradient updates."""
    folder = arguments.runs / f"{variant.replace(' ', '_')}.{arguments.task}.{seed}"
    if (
        not (folder / "report.json").exists()
        or not json.loads((folder / "report.json").read_text())["finished"]
    ):
        steps = _env_steps_per_update(VARIANTS[variant])
        settings = (
            f"budget.env_steps={max(1_000, round(arguments.updates * steps))}",
            # The same number of updates between two evaluations, whatever a variant makes of its steps.
            f"evaluation.interval={max(100, round(_EVALUATION_UPDATES * steps))}",
            "gate.fallback_episodes=1",  # no history is wanted of a variant that fails
            f"evaluation.stop_at={LEVELS[-1]}",
            *VARIANTS[variant],
        )
        command = [POTSTILL, "expert", "train"]
        if (folder / "config.yaml").exists():
            command += ["--resume", str(folder)]
        else:
            command += ["--task", arguments.task, "--seed", str(seed), "--run-dir", str(folder)]
            command += [word for setting in settings for word in ("--set", setting)]
        done = subprocess.run(command, stdout=sys.stderr, check=False)
        if done.returncode not in (0, 3):  # 3: it fell short, which is a result here
            raise SystemExit(f"{folder}: the training ended with {done.returncode}")
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    curve = [
        (event["env_steps"], sum(event["successes"]) / len(event["successes"]))
        for event in events
        if event["event"] == "evaluation_finished"
    ]
    return {"curve": curve, "env_steps_per_update": _env_steps_per_update(VARIANTS[variant])}


def _env_steps_per_update(settings: tuple[str, ...]) -> float:
    sac = override(SacConfig(), [setting.removeprefix("sac.") for setting in settings])
    return sac.action_repeat / sac.update_ratio


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    summary: dict[str, Any] = {"best": [max(rate for _, rate in run["curve"]) for run in runs]}
    for level in LEVELS:
        reached = [next((steps for steps, rate in run["curve"] if rate >= level), None) for run in runs]
        summary[f"env_steps_to_{level:.0%}"] = reached
        summary[f"updates_to_{level:.0%}"] = [
            None if steps is None else round(steps / run["env_steps_per_update"])
            for steps, run in zip(reached, runs, strict=True)
        ]
    return summary


def _ratios(figures: dict[str, Any]) -> dict[str, float]:
    """Median updates to the first level, of the recipe over each variant; left out where a seed never got there."""
    key = f"updates_to_{LEVELS[0]:.0%}"
    counts = {name: figures[name][key] for name in VARIANTS}
    if None in counts["recipe"]:
        return {}
    own = statistics.median(counts["recipe"])
    return {
        f"updates_vs_{name.replace(' ', '_').lower()}": own / statistics.median(values)
        for name, values in counts.items()
        if name != "recipe" and None not in values
    }


if __name__ == "__main__":
    main()
