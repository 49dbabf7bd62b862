"""``potstill dagger resume``: go on with an interrupted run from its directory alone."""

from __future__ import annotations

from argparse import Namespace

from potstill.launch.dagger.pinned_generator import pinned_generator
from potstill.launch.dagger.prompt_file import PromptFile
from potstill.launch.dagger.resume_check import check_resumable
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.dagger.teacher_files import TeacherFiles
from potstill.launch.graphics_check import check_graphics
from potstill.launch.run_directory import open_run_directory
from potstill.launch.server_check import check_server


def run(arguments: Namespace) -> int:
    """Go on where the run stopped; ``--plan`` only says what that means."""
    root = open_run_directory(arguments.run_dir).root
    config = DaggerFolder(root).read_config()
    check_resumable(config, DaggerFolder(root))
    prompts = PromptFile.find(pinned_generator(config), root)
    teachers = TeacherFiles.find(prompts.config, root)
    if arguments.redis:
        check_server(arguments.redis)
    if arguments.plan:
        from potstill.launch.dagger.plan import describe_plan

        print(describe_plan(teachers.config, root))
        return 0
    check_graphics()
    print(f"potstill: resuming {config.recipe} ({config.task}) in {root}", flush=True)
    from potstill.launch.dagger.run_dagger import run_dagger

    return run_dagger(
        teachers, root, prompts=prompts, resume=True, redis_url=arguments.redis, ray_address=arguments.ray
    )
