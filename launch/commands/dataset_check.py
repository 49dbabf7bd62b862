"""``potstill dataset check``: verify every episode of a run."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict

from potstill.launch.dataset_check import check_dataset
from potstill.launch.errors import BadInputError
from potstill.launch.run_directory import open_run_directory


def run(arguments: Namespace) -> int:
    """Print what was found; 1 if anything is wrong."""
    directory = open_run_directory(arguments.run_dir)
    if not directory.episodes.is_dir():
        raise BadInputError(f"{directory.episodes}: there are no episodes yet")
    rounds = check_dataset(directory.episodes)
    failed = any(found.problems for found in rounds)
    if arguments.json:
        print(json.dumps({"ok": not failed, "rounds": [asdict(found) for found in rounds]}))
        return int(failed)
    for found in rounds:
        state = "sealed" if found.sealed else "not sealed yet"
        verdict = f"{len(found.problems)} problems" if found.problems else "ok"
        print(f"round {found.round}: {found.episodes} episodes, {found.steps} steps, {state}: {verdict}")
        for problem in found.problems:
            print(f"  {problem}")
    if failed:
        print(f"damaged episodes are collected again by: potstill dagger resume {directory.root}")
    return int(failed)
