"""``potstill collective status``: where a run stands, for people and for scripts."""

from __future__ import annotations

import functools
from argparse import Namespace

from potstill.launch.collective.run_folder import CollectiveFolder
from potstill.launch.engine.status_loop import print_status
from potstill.launch.run_directory import open_run_directory
from potstill.launch.server_check import check_server


def run(arguments: Namespace) -> int:
    """Print the status once, or again and again until the run has finished."""
    from potstill.launch.collective.status import read_collective_status

    root = open_run_directory(arguments.run_dir).root
    CollectiveFolder(root).check_pipeline()
    if arguments.redis:
        check_server(arguments.redis)
    read = functools.partial(read_collective_status, root, redis_url=arguments.redis)
    print_status(read, as_json=arguments.json, watch=arguments.watch)
    return 0
