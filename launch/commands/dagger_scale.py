"""``potstill dagger scale``: give a run's pools more workers, or fewer, while it works."""

from __future__ import annotations

from argparse import Namespace

from potstill.launch.dagger.config import RESIZABLE_POOLS
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.engine.pool_sizes import PoolSizes
from potstill.launch.errors import BadInputError
from potstill.launch.only_runner import has_runner
from potstill.launch.run_directory import open_run_directory


def run(arguments: Namespace) -> int:
    """Write down the sizes that are wanted; the runner follows within a second or two."""
    root = open_run_directory(arguments.run_dir).root
    sizes = PoolSizes(root, DaggerFolder(root).read_config().pools, RESIZABLE_POOLS)
    wishes = {
        pool: _count(pool, text) for pool in RESIZABLE_POOLS if (text := getattr(arguments, pool)) is not None
    }
    if not wishes:
        raise BadInputError("which pool? give --rollout N, --render N or both")
    before = sizes.read()
    try:
        after = sizes.write(wishes)
    except ValueError as error:
        raise BadInputError(str(error)) from None
    for pool in wishes:
        setting = RESIZABLE_POOLS[pool]
        print(f"{pool} workers: {getattr(before, setting)} -> {getattr(after, setting)}")
    print(
        "the runner follows at once"
        if has_runner(root)
        else "counts from the next resume: no runner is at work"
    )
    return 0


def _count(pool: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadInputError(f"--{pool}: expected a number of workers: got {text!r}") from None
