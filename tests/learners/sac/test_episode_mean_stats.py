"""Means over episodes of several runners."""

from __future__ import annotations

from ray.rllib.utils.metrics.metrics_logger import DEFAULT_STATS_CLS_LOOKUP, MetricsLogger

from potstill.learners.sac.episode_mean_stats import EpisodeMeanStats

LOOKUP = {**DEFAULT_STATS_CLS_LOOKUP, "episode_mean": EpisodeMeanStats}


def test_runners_with_few_and_many_episodes_count_by_episodes():
    root = MetricsLogger(root=True, stats_cls_lookup=LOOKUP)
    reports = []
    for values in ([1.0, 1.0, 1.0], [0.0]):
        runner = MetricsLogger(stats_cls_lookup=LOOKUP)
        for value in values:
            runner.log_value("success", value, reduce="episode_mean")
        reports.append(runner.reduce())
        assert runner.stats["success"].values == [], "reported once"
    root.aggregate(reports, key="evaluation")
    assert root.peek(("evaluation", "success"), latest_merged_only=True) == 0.75
    assert root.compile()["evaluation"]["success"] == 0.75
