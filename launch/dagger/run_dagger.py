"""Runs or resumes a DAgger run: opens the run directory, starts Redis, Ray and the pools, runs, reports."""

from __future__ import annotations

from pathlib import Path

from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.dagger.open_reporter import open_reporter
from potstill.launch.dagger.prompt_file import PromptFile
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.dagger.teacher_files import TeacherFiles
from potstill.launch.engine.reported_session import reported_session
from potstill.launch.engine.terminate_as_interrupt import terminate_as_interrupt
from potstill.launch.only_runner import only_runner
from potstill.launch.reporting.run_reporter import RunReporter
from potstill.launch.run_directory import RunDirectory


def run_dagger(
    teachers: TeacherFiles,
    run_dir: Path,
    *,
    prompts: PromptFile,
    resume: bool,
    redis_url: str | None = None,
    ray_address: str | None = None,
) -> int:
    """Run all stages of ``teachers.config`` that are not done yet; returns the exit code 0.

    Without a Redis URL an embedded server is started in the run directory; without a Ray address a Ray of our own.

    Raises:
        BadInputError: the directory holds another run, or another runner is at work in it.
        FinishedShortError, RunFailedError: see ``DaggerRunner.run``.
        KeyboardInterrupt: interrupted (SIGINT or SIGTERM); leases were given back, the run can be resumed.
    """
    config, folder = teachers.config, DaggerFolder(run_dir)
    folder.check(config, resume=resume)
    run_dir.mkdir(parents=True, exist_ok=True)
    with only_runner(run_dir), terminate_as_interrupt():
        teachers.copy(run_dir)
        prompts.copy(run_dir)
        run = folder.open(config)
        reporter = open_reporter(RunDirectory(root=run_dir))
        with reported_session(
            reporter,
            recipe=config.recipe,
            task=config.task,
            run=run,
            rounds=max(0, config.round_count - 1),
            rollouts=[config.rollouts_of(index) for index in range(config.round_count)],
            resumed=resume,
        ):
            _run_stages(config, folder, reporter, run=run, redis_url=redis_url, ray_address=ray_address)
    print(
        f"report: {run_dir / 'report.html'} (figures: report.json; look closer: potstill report, status, replay)"
    )
    return 0


def _run_stages(
    config: DaggerConfig,
    folder: DaggerFolder,
    reporter: RunReporter,
    *,
    run: str,
    redis_url: str | None,
    ray_address: str | None,
) -> None:
    # Ray and the environments take seconds to import; the first line of progress must not wait for them.
    from potstill.launch.dagger.composition import open_dagger_system

    with (
        open_dagger_system(
            config, folder, reporter, run=run, redis_url=redis_url, ray_address=ray_address
        ) as runner,
        terminate_as_interrupt(),
    ):  # again: starting Ray put its own handler in place of ours
        runner.run()
