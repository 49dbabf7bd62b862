"""``potstill collective run``: check everything that can be checked, then start."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

from potstill.launch.collective.expert_table import ExpertTable
from potstill.launch.collective.recipes import load_recipe
from potstill.launch.collective.run_folder import CollectiveFolder
from potstill.launch.configuration import override
from potstill.launch.errors import BadInputError
from potstill.launch.reporting.counted import counted
from potstill.launch.server_check import check_server


def run(arguments: Namespace) -> int:
    """Start a new run; refuses a directory that already holds one."""
    config = override(load_recipe(arguments.recipe), arguments.set)
    run_dir = Path(arguments.run_dir or f"runs/{config.recipe}-{time.strftime('%Y%m%d-%H%M%S')}")
    # Ctrl-C names the directory, also one that was chosen here.
    arguments.run_dir = str(run_dir)
    if run_dir.exists() and not run_dir.is_dir():
        raise BadInputError(f"--run-dir {run_dir}: is a file, not a folder")
    CollectiveFolder(run_dir).check(config, resume=False)
    if arguments.redis:
        check_server(arguments.redis)
    experts = ExpertTable.find(config, run_dir)
    if arguments.dry_run:
        from potstill.launch.collective.plan import describe_plan

        print(describe_plan(config))
        return 0
    # Said before the slow imports, so that something is on the screen at once.
    print(
        f"potstill: {config.recipe} ({counted(len(config.tasks), 'task')} x "
        f"{counted(len(config.robots), 'robot')}) -> {run_dir}",
        flush=True,
    )
    from potstill.launch.collective.run_collective import run_collective

    return run_collective(
        experts, run_dir, resume=False, redis_url=arguments.redis, ray_address=arguments.ray
    )
