"""``potstill worker``: one worker by hand, the same that the pools start."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from potstill.launch.run_directory import open_run_directory
from potstill.launch.server_check import check_run_name, check_server


def run(arguments: Namespace) -> int:
    """Work until the run ends or a signal asks to stop."""
    check_run_name(arguments.run)
    directory = open_run_directory(Path(arguments.run_dir or f"runs/{arguments.run}"))
    check_server(arguments.redis)
    if directory.read_pipeline() == "collective":
        from potstill.launch.collective.composition import run_collective_worker

        return run_collective_worker(arguments.kind, arguments.redis, arguments.run, directory.root)
    from potstill.launch.dagger.composition import run_worker

    return run_worker(arguments.kind, arguments.redis, arguments.run, directory.root)
