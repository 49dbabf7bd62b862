"""A rollout with another arm: simulated, drawn and labelled as such."""

from __future__ import annotations

from potstill.envs.task_simulation import TaskSimulation


def test_episodes_of_two_robots_share_a_worker_and_each_says_what_it_was_simulated_with(bench):
    drawn = []
    render = bench.renderer.render
    bench.renderer.render = lambda requests: drawn.extend(r.robot for r in requests) or render(requests)

    ledger = bench.run(
        *(bench.job(index, robot=robot) for index, robot in enumerate(["sawyer", "ur5e"] * 2)), batch=2
    )

    assert ledger.done == 4
    episodes = bench.episodes()
    assert [episode.meta.robot for episode in episodes] == ["sawyer", "ur5e"] * 2
    for episode in episodes:
        simulation = TaskSimulation("reach-v3", robot=episode.meta.robot)
        assert episode.meta.model_hash == simulation.model_hash
        assert episode.body_pos.shape[1] == simulation.model.nbody
    assert set(drawn) == {"sawyer", "ur5e"}
