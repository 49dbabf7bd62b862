"""Two runs side by side: success with intervals, and the exact test that fits how they were evaluated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from potstill.launch.errors import BadInputError
from potstill.launch.reporting.event_log import read_events
from potstill.launch.reporting.report import latest_by_round
from potstill.launch.reporting.success_rate import SuccessRate
from potstill.launch.run_directory import RunDirectory

#: A difference is called one below this probability of seeing it, or a larger one, by chance.
SIGNIFICANCE = 0.05
#: Standard normal quantiles for a two-sided test at 5 % with 80 % power.
_QUANTILES = 1.960 + 0.842
#: Values of the unknown common rate that Barnard's test looks at for the worst one.
_COMMON_RATES = 1001


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One evaluation of run A against one of run B."""

    label: str
    """``round 2`` or ``final``."""
    a: SuccessRate
    b: SuccessRate
    test: str
    """``McNemar, N pairs``: same seeds; ``Barnard``: different ones; empty without episodes."""
    p_value: float | None
    """Two-sided, exact, not corrected for looking at several rounds; None without episodes."""
    verdict: str
    """What may be said, in words."""


def compare_runs(a: RunDirectory, b: RunDirectory) -> list[Comparison]:
    """Compare every round that both runs evaluated, and their final figures.

    Episodes that share their seed are compared as pairs, which sees smaller differences; they must be all of
    both evaluations, else every episode counts and the two samples are taken as independent.

    Raises:
        BadInputError: the runs have no evaluation in common.
    """
    ours, theirs = _evaluations(a), _evaluations(b)
    common = [label for label in ours if label in theirs]
    if not common:
        raise BadInputError(f"{a.root} and {b.root}: have no evaluated round in common; nothing to compare")
    return [_compare(label, ours[label], theirs[label]) for label in common]


def mcnemar_p(only_a: int, only_b: int) -> float:
    """Exact two-sided McNemar test from the pairs in which only one of the two succeeded."""
    from scipy.stats import binomtest

    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue) if only_a + only_b else 1.0


def barnard_p(a: SuccessRate, b: SuccessRate) -> float:
    """Barnard's exact two-sided test of two independent rates, with the pooled Wald statistic.

    Not ``scipy.stats.barnard_exact``: it compares statistics without a tolerance, so that rounding drops
    tables that tie with the observed one (SciPy 1.17: 0.0187 for 2 of 6 against 6 of 6; 0.0210 is right).
    """
    import numpy as np
    from scipy.stats import binom

    i, j = np.arange(a.episodes + 1)[:, None], np.arange(b.episodes + 1)[None, :]
    pooled = (i + j) / (a.episodes + b.episodes)
    variance = pooled * (1 - pooled) * (1 / a.episodes + 1 / b.episodes)
    difference = np.abs(i / a.episodes - j / b.episodes)
    # All or none in both: no difference, hence the least extreme table.
    statistic = np.divide(difference, np.sqrt(variance), out=np.zeros_like(difference), where=variance > 0)
    extreme = statistic >= statistic[a.successes, b.successes] - 1e-9
    common = np.linspace(0.0, 1.0, _COMMON_RATES)[:, None]
    chance_a, chance_b = binom.pmf(i.T, a.episodes, common), binom.pmf(j, b.episodes, common)
    return float(min(1.0, ((chance_a @ extreme) * chance_b).sum(axis=1).max()))


def episodes_needed(a: SuccessRate, b: SuccessRate) -> int | None:
    """Episodes per run that would show the difference at hand four times in five; None if there is none."""
    if a.rate is None or b.rate is None or a.rate == b.rate:
        return None
    # Shrunk (Agresti-Coull) rates: 0 of 5 against 5 of 5 would otherwise need a single episode.
    rates = [(r.successes + 2) / (r.episodes + 4) for r in (a, b)]
    spread = sum(rate * (1 - rate) for rate in rates)
    return math.ceil(_QUANTILES**2 * spread / (rates[0] - rates[1]) ** 2) if rates[0] != rates[1] else None


def _evaluations(directory: RunDirectory) -> dict[str, Mapping[str, Any]]:
    """Evaluation events by label, rounds first."""
    latest = latest_by_round(read_events(directory.events))
    rounds = sorted(round for name, round in latest if name == "evaluation_finished" and round is not None)
    found = {f"round {round}": latest[("evaluation_finished", round)] for round in rounds}
    finals = [event for (name, _), event in latest.items() if name == "final_evaluation_finished"]
    if finals:
        found["final"] = max(finals, key=lambda event: event["time"])
    return found


def _compare(label: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Comparison:
    a_by_seed = dict(zip(ours["seeds"], map(int, ours["successes"])))
    b_by_seed = dict(zip(theirs["seeds"], map(int, theirs["successes"])))
    a = SuccessRate(successes=sum(a_by_seed.values()), episodes=len(a_by_seed))
    b = SuccessRate(successes=sum(b_by_seed.values()), episodes=len(b_by_seed))
    if not a.episodes or not b.episodes:
        return Comparison(label=label, a=a, b=b, test="", p_value=None, verdict="not enough episodes: none")
    if a_by_seed.keys() == b_by_seed.keys():
        only_a = sum(a_by_seed[seed] > b_by_seed[seed] for seed in a_by_seed)
        only_b = sum(b_by_seed[seed] > a_by_seed[seed] for seed in a_by_seed)
        test, p = f"McNemar, {a.episodes} pairs", mcnemar_p(only_a, only_b)
    else:
        test, p = "Barnard", barnard_p(a, b)
    return Comparison(label=label, a=a, b=b, test=test, p_value=p, verdict=_verdict(a, b, p))


def _verdict(a: SuccessRate, b: SuccessRate, p: float) -> str:
    assert a.rate is not None and b.rate is not None
    if p < SIGNIFICANCE:
        return "A is better" if a.rate > b.rate else "B is better"
    needed = episodes_needed(a, b)
    if needed is None:
        return "no difference seen"
    if needed <= min(a.episodes, b.episodes):
        return "no difference shown"
    return f"not enough episodes: about {needed} each would show a difference this large"
