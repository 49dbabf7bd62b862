"""An episode is on one side for ever; what is kept of old rounds is seeded."""

from __future__ import annotations

import pytest

from potstill.experience.aggregation_config import AggregationConfig
from potstill.experience.episode_split import split_episodes
from potstill.experience.round_manifest import EpisodeEntry


def entries(rounds: int, episodes: int = 100) -> list[EpisodeEntry]:
    return [
        EpisodeEntry(
            run="r", round=round, index=index, file=f"{index:05d}.00000000.safetensors", sha256="", bytes=1,
            steps=1, success=True, seed=0, actor="a",
        )
        for round in range(rounds)
        for index in range(episodes)
    ]  # fmt: skip


def ids(split) -> set[tuple[int, int]]:
    return {(entry.round, entry.index) for entry in split}


def test_the_split_does_not_change_when_rounds_are_added():
    config = AggregationConfig(validation_fraction=0.2)
    two, four = (split_episodes(entries(rounds), config, seed=3) for rounds in (2, 4))
    assert ids(two["validation"]) == {i for i in ids(four["validation"]) if i[0] < 2}
    assert ids(two["train"]) == {i for i in ids(four["train"]) if i[0] < 2}


def test_the_sides_are_disjoint_complete_and_about_as_large_as_asked():
    split = split_episodes(entries(5), AggregationConfig(validation_fraction=0.2), seed=1)
    assert not ids(split["train"]) & ids(split["validation"])
    assert len(split["train"]) + len(split["validation"]) == 500
    # Binomial(500, 0.2) has a standard deviation of 9; fixed seed.
    assert 70 <= len(split["validation"]) <= 130


def test_another_seed_gives_another_split():
    first, second = (split_episodes(entries(1), AggregationConfig(), seed=seed) for seed in (0, 1))
    assert ids(first["validation"]) != ids(second["validation"])


def test_the_keep_ratio_thins_old_rounds_and_leaves_the_newest_whole():
    config = AggregationConfig(validation_fraction=0.0, old_keep_ratio=0.25)
    kept = split_episodes(entries(3), config, seed=0)["train"]
    by_round = [sum(entry.round == round for entry in kept) for round in range(3)]
    assert by_round[2] == 100
    assert all(10 <= count <= 40 for count in by_round[:2])


def test_the_cap_keeps_the_same_number_of_every_round():
    config = AggregationConfig(validation_fraction=0.1, max_episodes_per_round=7)
    kept = split_episodes(entries(3), config, seed=0)["train"]
    assert [sum(entry.round == round for entry in kept) for round in range(3)] == [7, 7, 7]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("validation_fraction", 1.0),
        ("validation_fraction", float("nan")),
        ("old_weight", 0.0),
        ("old_keep_ratio", 1.5),
        ("max_episodes_per_round", 0),
    ],
)
def test_a_bad_setting_is_named(name, value):
    with pytest.raises(ValueError, match=f"{name} must be .* got"):
        AggregationConfig(**{name: value})
