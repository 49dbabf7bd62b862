"""``potstill dagger status``: where a run stands, for people and for scripts."""

from __future__ import annotations

import functools
from argparse import Namespace

from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.engine.status_loop import print_status
from potstill.launch.run_directory import open_run_directory
from potstill.launch.server_check import check_server


def run(arguments: Namespace) -> int:
    """Print the status once, or again and again until the run has finished."""
    from potstill.launch.dagger.status import read_status

    root = open_run_directory(arguments.run_dir).root
    DaggerFolder(root).check_pipeline()
    if arguments.redis:
        check_server(arguments.redis)
    read = functools.partial(read_status, root, redis_url=arguments.redis)
    print_status(read, as_json=arguments.json, watch=arguments.watch)
    return 0
