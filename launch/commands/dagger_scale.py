"""``potstill dagger scale``: give a run's pools more workers, or fewer, while it works."""

from __future__ import annotations

from argparse import Namespace

from potstill.launch.dagger.config import RESIZABLE_POOLS
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.engine.pool_sizes import PoolSizes
from potstill.launch.engine.scale_pools import scale_pools
from potstill.launch.run_directory import open_run_directory


def run(arguments: Namespace) -> int:
    """Write down the sizes that are wanted; the runner follows within a second or two."""
    root = open_run_directory(arguments.run_dir).root
    sizes = PoolSizes(root, DaggerFolder(root).read_config().pools, RESIZABLE_POOLS)
    scale_pools(root, sizes, {pool: getattr(arguments, pool) for pool in RESIZABLE_POOLS})
    return 0
