"""Gives a run's pools more workers, or fewer, while it works."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potstill.launch.engine.pool_sizes import PoolSizes
from potstill.launch.errors import BadInputError
from potstill.launch.only_runner import has_runner


def scale_pools(run_dir: Path, sizes: PoolSizes[Any], texts: Mapping[str, str | None]) -> None:
    """Write down the sizes that are wanted and say so; the runner follows within a second or two.

    Args:
        run_dir: Of the run.
        sizes: Of the run.
        texts: By pool the number that was given, None where none was.

    Raises:
        BadInputError: no pool, no number, or one out of range.
    """
    wishes = {pool: _count(pool, text) for pool, text in texts.items() if text is not None}
    if not wishes:
        raise BadInputError(f"which pool? give {' or '.join(f'--{pool} N' for pool in texts)}")
    before = sizes.read()
    try:
        after = sizes.write(wishes)
    except ValueError as error:
        raise BadInputError(str(error)) from None
    for pool in wishes:
        setting = sizes.settings[pool]
        print(f"{pool} workers: {getattr(before, setting)} -> {getattr(after, setting)}")
    print(
        "the runner follows at once"
        if has_runner(run_dir)
        else "counts from the next resume: no runner is at work"
    )


def _count(pool: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadInputError(f"--{pool}: expected a number of workers: got {text!r}") from None
