"""``potstill collective resume`` and its steps: go on with a run from its directory alone."""

from __future__ import annotations

from argparse import Namespace

from potstill.launch.collective.expert_table import ExpertTable
from potstill.launch.collective.resume_check import check_resumable
from potstill.launch.collective.run_folder import CollectiveFolder
from potstill.launch.run_directory import open_run_directory
from potstill.launch.server_check import check_server


def run(arguments: Namespace) -> int:
    """Go on where the run stopped, up to the end of the step that was asked for."""
    root = open_run_directory(arguments.run_dir).root
    config = CollectiveFolder(root).read_config()
    check_resumable(config, CollectiveFolder(root))
    experts = ExpertTable.find(config, root)
    if arguments.redis:
        check_server(arguments.redis)
    print(f"potstill: going on with {config.recipe} in {root}", flush=True)
    from potstill.launch.collective.run_collective import run_collective

    return run_collective(
        experts,
        root,
        resume=True,
        until=arguments.until,
        redis_url=arguments.redis,
        ray_address=arguments.ray,
    )
