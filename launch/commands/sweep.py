"""``potstill sweep``: draw settings, train a trial with each, rank them."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

from potstill.launch.configuration import override
from potstill.launch.errors import BadInputError, FinishedShortError
from potstill.launch.expert.new_or_resumed import new_or_resumed
from potstill.launch.expert.sweep_config import read_sweep
from potstill.launch.expert.trials_plan import PlannedTrial, TrialsPlan


def run(arguments: Namespace) -> int:
    """Check everything that can be checked, then search; 3 when trials failed or diverged."""
    plan, root, concurrent = new_or_resumed(arguments, kind="sweep", make=_plan)
    print(f"potstill: {len(plan.trials)} trials, {concurrent} at a time -> {root}", flush=True)
    from potstill.launch.expert.run_trials import run_trials

    report = run_trials(plan, root, concurrent=concurrent, address=arguments.ray)
    rows = report["results"]
    bad = [row for row in rows if row["state"] in ("failed", "diverged")]
    print(f"report: {root / 'report.json'}")
    if bad:
        raise FinishedShortError(
            f"{len(rows) - len(bad)} of {len(rows)} trials gave a figure; see {root / 'trials'}"
        )
    return 0


def _plan(arguments: Namespace) -> tuple[TrialsPlan, Path]:
    if arguments.file is None:
        raise BadInputError("sweep: say which FILE, e.g. potstill sweep example, or --resume RUN_DIR")
    sweep = read_sweep(arguments.file)
    # Ray takes seconds to import: after everything that can be refused without it.
    from potstill.cluster.search_space import draw_samples

    try:
        points = draw_samples(sweep.space, samples=sweep.config.samples, seed=sweep.config.seed)
    except ValueError as error:
        raise BadInputError(f"space: {error}") from None
    trials = tuple(
        PlannedTrial(
            config=override(sweep.base, [f"{key}={value}" for key, value in point.items()]), drawn=point
        )
        for point in points
    )
    plan = TrialsPlan(
        kind="sweep",
        asha=sweep.config.scheduler == "asha",
        metric=sweep.config.metric,
        mode=sweep.config.mode,
        trials=trials,
    )
    return plan, Path(arguments.run_dir or f"runs/sweep-{time.strftime('%Y%m%d-%H%M%S')}")
