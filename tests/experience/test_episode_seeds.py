from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from potstill.experience.episode_seeds import evaluation_seed, final_evaluation_seed, rollout_seed

indices = st.integers(0, 99_999)
rounds = st.integers(0, 100)
runs = st.integers(0, 2**31 - 1)
places = st.tuples(runs, rounds, indices)


@given(places, places)
def test_two_rollouts_share_a_seed_only_if_they_are_the_same_one(one, other):
    assert (rollout_seed(*one) == rollout_seed(*other)) == (one == other)


@given(places, st.integers(0, 9_999), st.integers(0, 9_999))
def test_no_evaluation_shares_a_seed_with_a_rollout_or_with_the_other_evaluation(place, index, other):
    assert len({rollout_seed(*place), evaluation_seed(index), final_evaluation_seed(other)}) == 3


def test_the_largest_seed_of_all_is_still_accepted_by_an_environment():
    from potstill.envs.metaworld_env import MetaWorldEnv

    env = MetaWorldEnv("reach-v3")
    largest = rollout_seed(2**31 - 1, 100, 99_999)
    first, again = (env.reset(seed=largest)[0]["privileged"].tobytes() for _ in range(2))
    assert first == again != env.reset(seed=largest - 1)[0]["privileged"].tobytes()
