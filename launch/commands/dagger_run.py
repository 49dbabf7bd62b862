"""``potstill dagger run``: check everything that can be checked, then start."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

from potstill.launch.configuration import override
from potstill.launch.dagger.pinned_generator import pinned_generator
from potstill.launch.dagger.prompt_file import PromptFile
from potstill.launch.dagger.recipes import load_recipe
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.dagger.teacher_files import TeacherFiles
from potstill.launch.errors import BadInputError
from potstill.launch.graphics_check import check_graphics
from potstill.launch.server_check import check_server


def run(arguments: Namespace) -> int:
    """Start a new run; refuses a directory that already holds one."""
    config = override(load_recipe(arguments.recipe), arguments.set)
    run_dir = Path(arguments.run_dir or f"runs/{config.recipe}-{time.strftime('%Y%m%d-%H%M%S')}")
    # Ctrl-C names the directory, also one that was chosen here.
    arguments.run_dir = str(run_dir)
    if run_dir.exists() and not run_dir.is_dir():
        raise BadInputError(f"--run-dir {run_dir}: is a file, not a folder")
    DaggerFolder(run_dir).check(config, resume=False)
    if arguments.redis:
        check_server(arguments.redis)
    prompts = PromptFile.find(pinned_generator(config), run_dir)
    teachers = TeacherFiles.find(prompts.config, run_dir)
    if arguments.dry_run:
        from potstill.launch.dagger.plan import describe_plan

        print(describe_plan(config, None))
        return 0
    check_graphics()
    # Said before the slow imports, so that something is on the screen at once.
    print(f"potstill: {config.recipe} ({config.task}, {config.rounds} rounds) -> {run_dir}", flush=True)
    from potstill.launch.dagger.run_dagger import run_dagger

    return run_dagger(
        teachers, run_dir, prompts=prompts, resume=False, redis_url=arguments.redis, ray_address=arguments.ray
    )
