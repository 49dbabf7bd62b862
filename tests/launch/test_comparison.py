from __future__ import annotations

import json
from math import comb

import pytest
from scipy.stats import barnard_exact

from potstill.launch.comparison import barnard_p, compare_runs, episodes_needed, mcnemar_p
from potstill.launch.reporting.success_rate import SuccessRate


def evaluation(round, successes, first_seed=0, name="evaluation_finished"):
    seeds = list(range(first_seed, first_seed + len(successes)))
    return name, dict(
        round=round, seeds=seeds, successes=successes, steps=[1] * len(seeds), evaluation_seconds=1.0
    )


def rate(successes, episodes):
    return SuccessRate(successes=successes, episodes=episodes)


def test_mcnemar_is_the_binomial_tail_of_the_pairs_that_differ():
    # 1 against 9 of 10 differing pairs: twice the probability of at most 1 head in 10 tosses = 22/1024.
    assert mcnemar_p(1, 9) == pytest.approx(2 * (comb(10, 0) + comb(10, 1)) / 2**10)
    assert mcnemar_p(0, 5) == pytest.approx(0.0625)
    assert mcnemar_p(0, 0) == mcnemar_p(4, 4) == 1.0


def test_barnard_agrees_with_a_maximum_over_the_nuisance_rate():
    """2 of 6 against 6 of 6, by brute force: all tables at least as extreme, at the worst common rate."""
    n = 6

    def statistic(i, j):
        pooled = (i + j) / (2 * n)
        spread = (pooled * (1 - pooled) * 2 / n) ** 0.5
        return abs(i - j) / n / spread if spread else 0.0

    extreme = [
        (i, j) for i in range(n + 1) for j in range(n + 1) if statistic(i, j) >= statistic(2, 6) - 1e-9
    ]  # fmt: skip
    worst = max(
        sum(comb(n, i) * comb(n, j) * p ** (i + j) * (1 - p) ** (2 * n - i - j) for i, j in extreme)
        for p in (step / 1000 for step in range(1, 1000))
    )
    assert barnard_p(rate(2, 6), rate(6, 6)) == pytest.approx(worst, rel=1e-6)


@pytest.mark.parametrize(
    ("a", "b"), [((3, 10), (8, 10)), ((12, 20), (18, 20)), ((40, 50), (47, 50)), ((5, 12), (20, 30))]
)
def test_barnard_agrees_with_scipy_where_no_tables_tie_by_rounding(a, b):
    table = [[a[0], b[0]], [a[1] - a[0], b[1] - b[0]]]
    assert barnard_p(rate(*a), rate(*b)) == pytest.approx(barnard_exact(table).pvalue, rel=1e-3)


def test_equal_rates_differ_by_chance_alone():
    assert barnard_p(rate(0, 5), rate(0, 5)) == barnard_p(rate(3, 6), rate(5, 10)) == 1.0


def test_runs_that_share_their_seeds_are_compared_in_pairs(make_run):
    a = make_run("a", [evaluation(0, [1] * 12 + [0] * 8)])
    b = make_run("b", [evaluation(0, [1] * 20)])
    (row,) = compare_runs(a, b)
    assert row.test == "McNemar, 20 pairs"
    assert row.p_value == pytest.approx(2 / 2**8)
    assert row.verdict == "B is better"


def test_pairs_follow_the_seeds_and_not_their_order(make_run):
    name, facts = evaluation(0, [1, 0, 1, 1, 0, 1])
    turned = {**facts, "seeds": facts["seeds"][::-1], "successes": facts["successes"][::-1]}
    (row,) = compare_runs(make_run("a", [(name, facts)]), make_run("b", [(name, turned)]))
    assert row.p_value == 1.0 and row.verdict == "no difference seen"


def test_runs_with_seeds_of_their_own_are_compared_as_two_samples(make_run):
    a = make_run("a", [evaluation(0, [1] * 5 + [0] * 25)])
    b = make_run("b", [evaluation(0, [1] * 25 + [0] * 5, first_seed=1000)])
    (row,) = compare_runs(a, b)
    assert row.test == "Barnard" and row.p_value < 1e-5 and row.verdict == "B is better"


def test_too_few_episodes_are_said_plainly(make_run):
    a = make_run("a", [evaluation(0, [1, 0, 0])])
    b = make_run("b", [evaluation(0, [1, 1, 0], first_seed=9)])
    (row,) = compare_runs(a, b)
    assert row.verdict.startswith("not enough episodes: about ")


def test_the_episodes_needed_follow_the_textbook():
    # Agresti-Coull rates 52/104 and 72/104; (1.96 + 0.842)^2 * (.25 + .21302) / .19231^2 = 98.3
    assert episodes_needed(rate(50, 100), rate(70, 100)) == 99
    assert episodes_needed(rate(5, 10), rate(5, 10)) is None
    assert episodes_needed(rate(0, 0), rate(5, 10)) is None


def test_rounds_that_only_one_run_has_are_left_out_and_the_final_figure_is_last(make_run):
    final = evaluation(1, [1] * 4, 50, name="final_evaluation_finished")
    a = make_run("a", [evaluation(0, [1]), evaluation(1, [1]), final])
    b = make_run("b", [evaluation(0, [1]), final])
    assert [row.label for row in compare_runs(a, b)] == ["round 0", "final"]


def test_the_command_prints_a_table_with_intervals(command, finished_run):
    code, out, _ = command("compare", finished_run.root, finished_run.root)
    assert code == 0
    assert (
        "round 2  0.90 [0.60, 0.98] of 10" in out
        and "McNemar, 20 pairs" in out
        and "no difference seen" in out
    )


def test_the_command_prints_json(command, finished_run):
    code, out, _ = command("compare", finished_run.root, finished_run.root, "--json")
    rows = json.loads(out)
    assert code == 0 and rows[-1]["a"]["success_rate"] == 0.85 and rows[-1]["p_value"] == 1.0


def test_runs_without_a_common_evaluation_are_refused(refused, make_run):
    a, b = make_run("a", [evaluation(0, [1])]), make_run("b", [evaluation(1, [1])])
    assert "no evaluated round in common" in refused("compare", a.root, b.root)


def test_runs_of_different_tasks_are_refused(refused, make_run):
    a, b = make_run("a", [evaluation(0, [1])]), make_run("b", [evaluation(0, [1])])
    b.config.write_text(b.config.read_text().replace("task: reach-v3", "task: push-v3"))
    assert "reach-v3" in refused("compare", a.root, b.root)
