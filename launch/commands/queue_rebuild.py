"""``potstill queue rebuild``: restore a run's ledger from its episodes, manifests and stages."""

from __future__ import annotations

import contextlib
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from potstill.launch.collective.run_folder import CollectiveFolder
from potstill.launch.dagger.prompt_file import PromptFile
from potstill.launch.dagger.resume_check import check_resumable
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.dagger.teacher_files import TeacherFiles
from potstill.launch.errors import BadInputError
from potstill.launch.only_runner import only_runner
from potstill.launch.run_directory import open_run_directory
from potstill.launch.server_check import check_server


def run(arguments: Namespace) -> int:
    """Rebuild, then say what the ledger holds."""
    directory = open_run_directory(arguments.run_dir)
    if directory.read_pipeline() == "collective":
        return _empty_collective(arguments, directory.root.resolve())
    root = directory.root.resolve()
    folder = DaggerFolder(root)
    config = folder.read_config()
    check_resumable(config, folder)
    config = TeacherFiles.find(PromptFile.find(config, root).config, root).config
    with only_runner(root), _server(arguments.redis, root) as url:
        from potstill.launch.dagger.ledger_rebuild import LedgerRebuild
        from potstill.queues.open_queue import open_queue

        queue = open_queue(url, folder.read_run(), outage_seconds=2.0)
        rebuild = LedgerRebuild(
            config=config, run=folder.read_run(), run_dir=root, queue=queue, store_url=folder.episodes_url
        )
        rebuild.rebuild()
        ledger = queue.ledger()
    for warning in rebuild.warnings:
        print(f"warning: {warning}")
    print(
        f"run {folder.read_run()}: {ledger.submitted} tasks, {ledger.done} of them done and {ledger.waiting} waiting, "
        f"restored from files; go on with: potstill dagger resume {arguments.run_dir}"
    )
    return 0


def _empty_collective(arguments: Namespace, root: Path) -> int:
    """A collective run asks its queue for nothing that is finished: resume fills an empty ledger from files."""
    folder = CollectiveFolder(root)
    with only_runner(root), _server(arguments.redis, root) as url:
        from potstill.queues.open_queue import open_queue

        open_queue(url, folder.read_run(), outage_seconds=2.0).purge()
    print(
        f"run {folder.read_run()}: the ledger is empty; finished stages and committed episodes count from files: "
        f"go on with: potstill collective resume {arguments.run_dir}"
    )
    return 0


@contextlib.contextmanager
def _server(redis_url: str | None, root: Path) -> Iterator[str]:
    """The server's URL; damaged data of the embedded one are set aside."""
    if redis_url is not None:
        check_server(redis_url)
        yield redis_url
        return
    from potstill.cluster.embedded_redis import EmbeddedRedis
    from potstill.queues.errors import QueueUnavailableError

    try:
        server = EmbeddedRedis(root / "redis")
    except QueueUnavailableError as error:
        print(f"{error}\nits data are set aside: {_set_aside(root / 'redis')}")
        server = EmbeddedRedis(root / "redis")
    with server:
        yield server.url


def _set_aside(directory: Path) -> Path:
    data = directory / "appendonlydir"
    if not data.is_dir():
        raise BadInputError(f"RUN_DIR: the embedded server does not start, and {data} is not there to blame")
    kept = directory / f"appendonlydir.damaged-{len(list(directory.glob('appendonlydir.damaged-*')))}"
    data.rename(kept)
    return kept
