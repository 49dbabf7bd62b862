"""Runs or resumes a collective run: opens the run directory, starts Redis, Ray and the pools, runs, reports."""

from __future__ import annotations

from pathlib import Path

from potstill.launch.collective.expert_table import ExpertTable
from potstill.launch.collective.open_reporter import open_collective_reporter
from potstill.launch.collective.run_folder import CollectiveFolder
from potstill.launch.collective.steps import Step
from potstill.launch.engine.reported_session import reported_session
from potstill.launch.engine.terminate_as_interrupt import terminate_as_interrupt
from potstill.launch.only_runner import only_runner
from potstill.launch.run_directory import RunDirectory


def run_collective(
    experts: ExpertTable,
    run_dir: Path,
    *,
    resume: bool,
    until: Step = "evaluate",
    redis_url: str | None = None,
    ray_address: str | None = None,
) -> int:
    """Run all stages up to the end of a step that are not done yet; returns the exit code 0.

    Without a Redis URL an embedded server is started in the run directory; without a Ray address a Ray of our own.

    Raises:
        BadInputError: the directory holds another run, or another runner is at work in it.
        FinishedShortError, RunFailedError: see ``CollectiveRunner.run``.
        KeyboardInterrupt: interrupted (SIGINT or SIGTERM); leases were given back, the run can be resumed.
    """
    config, folder = experts.config, CollectiveFolder(run_dir)
    folder.check(config, resume=resume)
    run_dir.mkdir(parents=True, exist_ok=True)
    with only_runner(run_dir), terminate_as_interrupt():
        experts.copy(run_dir)
        run = folder.open(config)
        reporter = open_collective_reporter(RunDirectory(root=run_dir))
        with reported_session(
            reporter,
            recipe=config.recipe,
            run=run,
            tasks=config.tasks,
            robots=config.robots,
            unseen_robots=config.unseen_robots,
            contexts=config.contexts,
            rounds=config.rounds,
            resumed=resume,
        ):
            # Ray and the environments take seconds to import; the first line of progress must not wait for them.
            from potstill.launch.collective.composition import open_collective_system

            with (
                open_collective_system(
                    experts, folder, reporter, redis_url=redis_url, ray_address=ray_address
                ) as runner,
                terminate_as_interrupt(),
            ):  # again: starting Ray put its own handler in place of ours
                runner.run(until=until)
    print(f"report: {run_dir / 'report.html'} (figures: report.json)")
    return 0
