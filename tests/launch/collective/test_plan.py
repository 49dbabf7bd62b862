from __future__ import annotations

import re
from dataclasses import replace

from potstill.launch.collective.plan import describe_plan


def figures(config):
    """(rollouts, trainings, evaluation episodes) that a plan promises."""
    found = re.search(r"(\d+) rollouts, (\d+) trainings, (\d+) evaluation episodes", describe_plan(config))
    return tuple(map(int, found.groups()))


def test_a_plan_promises_exactly_what_a_run_does(uninterrupted):
    rig, _ = uninterrupted
    kinds = rig.queue.metrics().groups
    rollouts = sum(ledger.done for group, ledger in kinds.items() if ".rollout." in group)
    evaluations = sum(ledger.done for group, ledger in kinds.items() if ".evaluation." in group)
    trainings = rig.queue.ledger().done - rollouts - evaluations
    assert figures(rig.config) == (rollouts, trainings, evaluations) == (14, 5, 20)


def test_without_codes_one_training_less_is_promised(tiny):
    assert figures(replace(tiny, contexts=("id", "zeros")))[1] == figures(tiny)[1] - 1


def test_a_plan_names_the_run_its_disk_and_its_minutes(tiny):
    lines = describe_plan(tiny).splitlines()
    assert lines[0] == "tiny: 2 tasks x 1 robot, 2 rounds"
    # 14 episodes of at most 6 steps.
    assert lines[2] == "disk     at most 0.00 GB of episodes"
    assert re.fullmatch(r"minutes  about \d+ on two .*", lines[3])


def test_more_of_anything_takes_longer(tiny):
    def minutes(config):
        return int(re.search(r"about (\d+)", describe_plan(config)).group(1))

    large = replace(tiny, rounds=50, collection=replace(tiny.collection, episodes=1000, max_steps=500))
    assert minutes(tiny) < minutes(large) < minutes(replace(large, rounds=100))
