"""Batches hold exactly the recorded rows, in a seeded order, from any step on, in bounded memory."""

from __future__ import annotations

import gc
import os
from dataclasses import replace

import numpy as np
import pytest

from potstill.experience import sample_reader
from potstill.experience.aggregation_config import AggregationConfig
from potstill.experience.episode_dataset import EpisodeDataset
from potstill.experience.episode_split import split_episodes
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import EpisodeFileError, ManifestError

NO_VALIDATION = AggregationConfig(validation_fraction=0.0)


def copies(batches) -> list[dict[str, np.ndarray]]:
    """Batches are views of a ring; a test that keeps them must copy."""
    return [{name: array.copy() for name, array in batch.items()} for batch in batches]


def same(left, right) -> bool:
    return len(left) == len(right) and all(
        np.array_equal(a[name], b[name]) for a, b in zip(left, right) for name in a
    )


def test_every_step_of_every_episode_comes_once_per_epoch_with_its_own_stack(sealed_store):
    store = sealed_store(rounds=2, episodes=4)
    dataset = EpisodeDataset(store, [0, 1], frame_stack=3, split_seed=0, config=NO_VALIDATION)
    expected = {}
    for round in (0, 1):
        for entry in store.entries(round):
            episode = store.load(entry)
            for step in range(len(episode)):
                rows = np.maximum(np.arange(step - 2, step + 1), 0)
                expected[episode.proprio[step].tobytes()] = (
                    episode.frames[rows], episode.proprio[rows], episode.expert_action[step],
                )  # fmt: skip
    total = len(expected)
    batches = copies(dataset.training_batches(batch_size=1, seed=0, start=0, stop=total))
    for batch in batches:
        frames, proprio, label = expected.pop(batch["proprio"][0, -1].tobytes())
        assert np.array_equal(batch["frames"][0], frames)
        assert np.array_equal(batch["proprio"][0], proprio)
        assert np.array_equal(batch["expert_action"][0], label)
    assert not expected


def test_batches_are_the_same_for_the_same_seed_and_differ_between_epochs(sealed_store):
    dataset = EpisodeDataset(sealed_store(), [0, 1], frame_stack=2, split_seed=0)
    per_epoch = dataset.batches_per_epoch(16)
    first = copies(dataset.training_batches(batch_size=16, seed=5, start=0, stop=2 * per_epoch))
    again = copies(dataset.training_batches(batch_size=16, seed=5, start=0, stop=2 * per_epoch))
    other = copies(dataset.training_batches(batch_size=16, seed=6, start=0, stop=2 * per_epoch))
    assert same(first, again)
    assert not same(first, other)
    assert not same(first[:per_epoch], first[per_epoch:])


def test_a_crashed_epoch_goes_on_at_the_same_batch(sealed_store):
    dataset = EpisodeDataset(sealed_store(), [0, 1], frame_stack=2, split_seed=0)

    def jitter(batch, rng):
        batch["proprio"] += rng.normal(size=batch["proprio"].shape).astype(np.float32)

    whole = copies(dataset.training_batches(batch_size=16, seed=5, start=0, stop=20, transform=jitter))
    rest = copies(dataset.training_batches(batch_size=16, seed=5, start=11, stop=20, transform=jitter))
    assert same(whole[11:], rest)


def test_validation_gives_every_held_out_sample_once(sealed_store):
    config = AggregationConfig(validation_fraction=0.4)
    dataset = EpisodeDataset(sealed_store(), [0, 1], frame_stack=1, split_seed=0, config=config)
    batches = copies(dataset.validation_batches(batch_size=7))
    seen = {row.tobytes() for batch in batches for row in batch["proprio"]}
    assert len(seen) == sum(len(batch["weight"]) for batch in batches) == dataset.samples("validation") > 0
    trained = copies(
        dataset.training_batches(batch_size=1, seed=0, start=0, stop=dataset.batches_per_epoch(1))
    )
    assert not seen & {batch["proprio"][0].tobytes() for batch in trained}


def test_old_rounds_weigh_less_when_asked(sealed_store):
    config = AggregationConfig(validation_fraction=0.0, old_weight=0.25)
    dataset = EpisodeDataset(sealed_store(), [0, 1], frame_stack=1, split_seed=0, config=config)
    stop = dataset.batches_per_epoch(1)
    weights = [
        b["weight"][0] for b in copies(dataset.training_batches(batch_size=1, seed=0, start=0, stop=stop))
    ]
    assert sorted(set(weights)) == [0.25, 1.0]
    assert weights.count(1.0) == weights.count(0.25) == stop // 2


def test_statistics_are_those_of_all_training_rows(sealed_store):
    store = sealed_store()
    dataset = EpisodeDataset(store, [0, 1], frame_stack=2, split_seed=0, config=NO_VALIDATION)
    rows = np.concatenate([store.load(entry).proprio for r in (0, 1) for entry in store.entries(r)])
    mean, std = dataset.statistics("proprio")
    assert np.allclose(mean, rows.mean(0), atol=1e-6) and np.allclose(std, rows.std(0), atol=1e-5)


def test_a_round_that_is_not_sealed_is_refused(sealed_store, make_episode):
    store = sealed_store(rounds=1)
    store.commit(make_episode(round=1))
    with pytest.raises(ManifestError, match="not sealed"):
        EpisodeDataset(store, [0, 1], frame_stack=1, split_seed=0)


def test_episodes_of_another_shape_are_refused_by_name(sealed_store, make_episode):
    store = sealed_store(rounds=1)
    entry = store.commit(make_episode(round=1, size=20)).entry
    store.seal(1, requested=1)
    with pytest.raises(EpisodeFileError, match=entry.file):
        EpisodeDataset(store, [0, 1], frame_stack=1, split_seed=0, config=NO_VALIDATION)


def test_a_file_that_vanishes_while_training_is_an_error_by_name(sealed_store):
    store = sealed_store(rounds=1, episodes=2)
    dataset = EpisodeDataset(store, [0], frame_stack=1, split_seed=0, config=NO_VALIDATION)
    gone = store.entries(0)[1]
    store.local_path(gone).unlink()
    with pytest.raises(EpisodeFileError, match=gone.file):
        list(dataset.training_batches(batch_size=4, seed=0, start=0, stop=50))


def test_open_files_stay_bounded(sealed_store, monkeypatch):
    monkeypatch.setattr(sample_reader, "_OPEN_FILES", 3)
    dataset = EpisodeDataset(sealed_store(), [0, 1], frame_stack=1, split_seed=0)
    before = len(os.listdir("/proc/self/fd"))
    list(dataset.training_batches(batch_size=8, seed=0, start=0, stop=40))
    assert len(os.listdir("/proc/self/fd")) - before <= 3
    dataset.close()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_leaving_in_the_middle_stops_the_reading_thread(sealed_store):
    import threading

    dataset = EpisodeDataset(sealed_store(), [0, 1], frame_stack=1, split_seed=0)
    for _ in dataset.training_batches(batch_size=8, seed=0, start=0, stop=10**6):
        break
    gc.collect()
    assert not [thread for thread in threading.enumerate() if thread.name == "batch-stream"]


def test_data_larger_than_the_allowed_memory_streams_in_bounded_memory(tmp_path, start_python):
    """150 MB of episodes are read through twice while the process grows by less than a quarter of that."""
    code = """
import psutil
from potstill.experience.episode_dataset import EpisodeDataset
from potstill.experience.episode_store import EpisodeStore
store = EpisodeStore(sys.argv[1])
for index in range(25):
    store.commit(synthetic_episode(index=index, steps=125, size=128, cameras=1))
store.seal(0, requested=25)
dataset = EpisodeDataset(store, [0], frame_stack=1, split_seed=0)
process = psutil.Process()
before = process.memory_info().rss
peak, read = 0, 0
for batch in dataset.training_batches(batch_size=64, seed=0, start=0, stop=2 * dataset.batches_per_epoch(64)):
    read += batch["frames"].nbytes
    peak = max(peak, process.memory_info().rss - before)
print(peak, read)
"""
    out, _ = start_python(code, tmp_path).communicate(timeout=100)
    peak, read = map(int, out.split())
    assert read > 200e6
    assert peak < 37e6


@pytest.fixture
def store_of_worlds(tmp_path, make_episode):
    """``build([{...}, ...])``: a sealed round with one episode for each set of changed facts."""

    def build(worlds):
        store = EpisodeStore(tmp_path / "worlds")
        for index, changes in enumerate(worlds):
            episode = make_episode(index=index)
            store.commit(replace(episode, meta=replace(episode.meta, **changes)))
        store.seal(0, requested=len(worlds))
        return store

    return build


def test_episodes_of_several_robots_train_together(store_of_worlds):
    worlds = [{"robot": "panda", "model_hash": "a" * 64}, {"robot": "z1", "model_hash": "b" * 64}]
    store = store_of_worlds(worlds * 4)
    assert EpisodeDataset(store, [0], frame_stack=1, split_seed=0).samples("train") > 0


@pytest.mark.parametrize("fraction", [0.0, 0.5])
def test_an_episode_that_names_a_robot_it_was_not_simulated_with_is_refused(fraction, store_of_worlds):
    config = AggregationConfig(validation_fraction=fraction)
    honest = {"robot": "panda", "model_hash": "a" * 64}
    store = store_of_worlds([honest] * 7 + [{"robot": "panda", "model_hash": "b" * 64}])
    with pytest.raises(EpisodeFileError, match=r"reach-v3 with panda.*model"):
        EpisodeDataset(store, [0], frame_stack=1, split_seed=0, config=config)


def test_two_splits_of_different_models_are_refused_even_if_each_agrees_with_itself(store_of_worlds):
    store = store_of_worlds([{"robot": "panda", "model_hash": letter * 64} for letter in "ab"])
    config = AggregationConfig(validation_fraction=0.5)
    entries = store.manifest(0).entries
    parting = next(s for s in range(99) if len(split_episodes(entries, config, seed=s)["train"]) == 1)
    with pytest.raises(EpisodeFileError, match="mislabelled"):
        EpisodeDataset(store, [0], frame_stack=1, split_seed=parting, config=config)
