"""The queue a command line means: of a run directory, or of a run on a server."""

from __future__ import annotations

import contextlib
import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from potstill.launch.errors import BadInputError
from potstill.launch.run_directory import open_run_directory
from potstill.launch.server_check import check_run_name, check_server

if TYPE_CHECKING:
    from potstill.queues.redis_task_queue import RedisTaskQueue


@contextlib.contextmanager
def run_queue(arguments: Namespace) -> Iterator[tuple[RedisTaskQueue, str]]:
    """The queue and the run's name. Of a run that is not alive, its embedded server is started for the while.

    Raises:
        BadInputError: no such run, no name, or no server that will do.
    """
    with contextlib.ExitStack() as stack:
        root = None if arguments.run_dir is None else open_run_directory(arguments.run_dir).root
        run = arguments.run if root is None else _name_of(root)
        if run is None or (root is None and arguments.redis is None):
            raise BadInputError("which queue? give --run-dir DIR, or --redis URL and --run RUN")
        check_run_name(run)
        url = arguments.redis or _embedded(root, stack)
        check_server(url)
        from potstill.queues.open_queue import open_queue

        yield open_queue(url, run, outage_seconds=2.0), run


def _name_of(root: Path) -> str:
    try:
        return str(json.loads((root / "run.json").read_text())["run"])
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInputError(f"--run-dir: {root / 'run.json'} is missing or damaged") from None


def _embedded(root: Path | None, stack: contextlib.ExitStack) -> str:
    from potstill.cluster.embedded_redis import EmbeddedRedis
    from potstill.queues.errors import QueueUnavailableError

    if root is None or not (root / "redis").is_dir():
        raise BadInputError(f"--run-dir: {root} has no embedded server; add --redis URL")
    try:
        return stack.enter_context(EmbeddedRedis(root / "redis")).url
    except QueueUnavailableError as error:
        raise BadInputError(
            f"--run-dir: {error}; if its data are damaged: potstill queue rebuild {root}"
        ) from None
