"""What a second core is worth to a grid: environment steps/s of two Tune trials against one trial, in one run.

Whole grids through the command line, training included (sampling and updates); rates are of the time in which all
trials of a grid train, so that starting up is left out. Grids of one and of two trials alternate.

    .venv/bin/python benchmarks/grid.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measurement import print_measurement

POTSTILL = str(Path(sys.executable).parent / "potstill")


def main() -> None:
    options = _parse()
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(options.repetitions):
        for trials, measured in rates.items():
            measured.append(_rate(trials, options.env_steps))
    figures = {
        f"{name}_env_steps_per_second": spread
        for trials, name in ((1, "one_trial"), (2, "two_trials"))
        for spread in [{"median": statistics.median(rates[trials]), "all": rates[trials]}]
    }
    ratios = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
    print_measurement(
        "grid", {**figures, "ratio_of_each_pair": ratios}, {"two_vs_one": statistics.median(ratios)}
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env-steps", type=int, default=30_000, help="of each trial")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one short pair of grids")
    options = parser.parse_args()
    if options.quick:
        options.env_steps, options.repetitions = 4_000, 1
    return options


def _rate(trials: int, env_steps: int) -> float:
    """Environment steps/s of all trials together while all of them train."""
    with tempfile.TemporaryDirectory(prefix="potstill-grid-") as folder:
        settings = [
            f"budget.env_steps={env_steps}",
            "evaluation.interval=100000000",  # only the last one, after all training
            "evaluation.episodes=1",
            "evaluation.final_episodes=1",
            "gate.fallback_episodes=1",
        ]
        command = [POTSTILL, "expert", "grid", "--tasks", "drawer-close-v3", "--run-dir", folder]
        command += ["--seeds", ",".join(map(str, range(trials))), "--concurrent", str(trials)]
        command += [word for setting in settings for word in ("--set", setting)]
        done = subprocess.run(command, stdout=sys.stderr, check=False)
        if done.returncode not in (0, 3):  # 3: below the gate, which nobody asks here
            raise SystemExit(f"the grid ended with {done.returncode}")
        progress = [_progress(path) for path in sorted(Path(folder).glob("trials/*/events.jsonl"))]
    begin = max(points[0][0] for points in progress)
    end = min(points[-1][0] for points in progress)
    return sum(_steps(points, end) - _steps(points, begin) for points in progress) / (end - begin)


def _progress(path: Path) -> list[tuple[float, int]]:
    events = [json.loads(line) for line in path.read_text().splitlines()]
    return [(event["time"], event["env_steps"]) for event in events if event["event"] == "training_progress"]


def _steps(points: list[tuple[float, int]], time: float) -> float:
    """Steps done by a time, between two points as if done evenly."""
    for (before, done), (after, more) in zip(points, points[1:], strict=False):
        if before <= time <= after:
            return done + (more - done) * (time - before) / (after - before)
    return points[-1][1] if time > points[-1][0] else points[0][1]


if __name__ == "__main__":
    main()
