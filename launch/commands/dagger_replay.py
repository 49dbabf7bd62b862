"""``potstill dagger replay``: run a recorded episode again and compare."""

from __future__ import annotations

from argparse import Namespace

from potstill.launch.run_directory import open_run_directory


def run(arguments: Namespace) -> int:
    """Replay one episode of a run."""
    root = open_run_directory(arguments.run_dir).root
    from potstill.launch.dagger.replay import replay_episode

    return replay_episode(root, arguments.episode)
