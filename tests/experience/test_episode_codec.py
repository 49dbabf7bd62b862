"""An episode survives its file bit for bit; anything that is not an episode is refused by name."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from potstill.experience.episode import Episode, EpisodeMeta
from potstill.experience.episode_codec import METADATA_KEY, EpisodeFile, encode_episode
from potstill.experience.errors import EpisodeFileError


@pytest.fixture
def path(tmp_path, make_episode):
    path = tmp_path / "episode.safetensors"
    path.write_bytes(encode_episode(make_episode()))
    return path


def test_an_episode_survives_its_file_bit_for_bit(path, make_episode):
    episode = make_episode()
    with EpisodeFile(path) as file:
        loaded = file.load()
    assert loaded.meta == episode.meta
    for name, array in episode.arrays().items():
        assert getattr(loaded, name).tobytes() == array.tobytes(), name
        assert getattr(loaded, name).dtype == array.dtype


@settings(max_examples=40, deadline=None)
@given(
    steps=st.integers(1, 9),
    sizes=st.lists(st.integers(1, 5), min_size=7, max_size=7),
    run=st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()),
    seed=st.integers(0, 2**32),
)
def test_any_shape_and_any_value_survives(tmp_path_factory, steps, sizes, run, seed):
    episode = _random_episode(steps, sizes, run, seed)
    path = tmp_path_factory.mktemp("codec") / "e.safetensors"
    path.write_bytes(encode_episode(episode))
    with EpisodeFile(path) as file:
        loaded = file.load()
    assert loaded.meta == episode.meta
    assert all(np.array_equal(getattr(loaded, name), array) for name, array in episode.arrays().items())
    assert encode_episode(loaded) == path.read_bytes()


def test_rows_are_read_without_the_rest(path, make_episode):
    episode = make_episode()
    out = np.empty((3, *episode.frames.shape[1:]), np.uint8)
    with EpisodeFile(path) as file:
        assert file.read_rows("frames", 4, 7, out=out) is out
        assert np.array_equal(file.read_rows("proprio", 11, 12), episode.proprio[11:12])
    assert np.array_equal(out, episode.frames[4:7])


def test_rows_outside_the_episode_are_refused(path):
    with EpisodeFile(path) as file, pytest.raises(IndexError, match="10:13"):
        file.read_rows("frames", 10, 13)


def test_a_buffer_of_another_shape_is_refused(path):
    with EpisodeFile(path) as file, pytest.raises(ValueError, match="out must be"):
        file.read_rows("proprio", 0, 2, out=np.empty((2, 5), np.float32))


@pytest.mark.parametrize("keep", [0, 4, 9, 200, -1])
def test_a_truncated_file_is_refused_by_name(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(EpisodeFileError, match=r"episode\.safetensors"):
        EpisodeFile(path)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(EpisodeFileError, match="nowhere"):
        EpisodeFile(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"version": 2}, "version 2, this potstill reads 1"),
        ({"format": "other"}, "not an episode"),
        ({"meta": {}}, "unreadable episode metadata"),
        ({"meta": {"cameras": [], "surprise": 1}}, "unreadable episode metadata"),
    ],
)
def test_foreign_metadata_is_refused_with_the_reason(path, metadata, reason):
    with EpisodeFile(path) as file:
        changed = json.loads(file.header.metadata[METADATA_KEY]) | metadata
    path.write_bytes(save(load(path.read_bytes()), metadata={METADATA_KEY: json.dumps(changed)}))
    with pytest.raises(EpisodeFileError, match=reason):
        EpisodeFile(path)


def test_arrays_that_make_no_episode_are_refused_on_loading(path):
    with EpisodeFile(path) as file:
        metadata = dict(file.header.metadata)
    arrays = load(path.read_bytes())
    arrays["action"] = arrays["action"].astype(np.float64)
    path.write_bytes(save(arrays, metadata=metadata))
    with EpisodeFile(path) as file, pytest.raises(EpisodeFileError, match="action must be"):
        file.load()


def test_noise_is_never_taken_for_an_episode(tmp_path):
    rng = np.random.default_rng(0)
    for size in (8, 100, 5000):
        path = tmp_path / f"noise{size}"
        path.write_bytes(rng.bytes(size))
        with pytest.raises(EpisodeFileError, match="noise"):
            EpisodeFile(path)


def _random_episode(steps: int, sizes: list[int], run: str, seed: int) -> Episode:
    rng = np.random.default_rng(seed)
    proprio, privileged, actions, cameras, pixels, bodies, sites = sizes
    sites -= 1  # zero sites are legal

    def normal(*shape: int, dtype=np.float32) -> np.ndarray:
        return rng.normal(size=(steps, *shape)).astype(dtype)

    def flags() -> np.ndarray:
        return rng.random(steps) < 0.5

    meta = EpisodeMeta(
        run=run, round=3, index=7, task="t", seed=seed, actor="a", expert="e", policy_version="v",
        painter="p", painter_version="1", keyframe_interval=2, cameras=tuple(map(str, range(cameras))),
    )  # fmt: skip
    return Episode(
        meta=meta, proprio=normal(proprio), privileged=normal(privileged, dtype=np.float64),
        action=normal(actions), expert_action=normal(actions), expert_acted=flags(), reward=normal(),
        terminated=flags(), truncated=flags(), success=flags(), keyframe=flags(), step_seconds=normal(),
        frames=rng.integers(0, 256, (steps, cameras, pixels, pixels, 3), dtype=np.uint8),
        prompt_id=rng.integers(-1, 9, steps, dtype=np.int32), camera_pose=normal(cameras, 12),
        render_seed=rng.integers(-(2**62), 2**62, steps, dtype=np.int64),
        body_pos=normal(bodies, 3, dtype=np.float64), body_quat=normal(bodies, 4, dtype=np.float64),
        site_pos=normal(sites, 3, dtype=np.float64),
    )  # fmt: skip


def test_an_episode_without_the_experts_spread_has_the_bytes_it_always_had(path):
    with EpisodeFile(path) as file:
        assert "expert_log_std" not in file.header.arrays
        assert file.load().expert_log_std is None


def test_the_experts_spread_survives_the_file(tmp_path, make_episode):
    episode = make_episode()
    spread = np.full(episode.action.shape, -3.5, np.float32)
    path = tmp_path / "with.safetensors"
    path.write_bytes(encode_episode(replace(episode, expert_log_std=spread)))
    with EpisodeFile(path) as file:
        assert file.load().expert_log_std.tobytes() == spread.tobytes()


def test_a_spread_of_another_shape_than_the_action_is_refused(make_episode):
    episode = make_episode()
    with pytest.raises(ValueError, match=r"expert_log_std must be shaped like action"):
        replace(episode, expert_log_std=np.zeros((len(episode), 5), np.float32))


def test_an_episode_without_pictures_and_bodies_survives_its_file(tmp_path, make_episode):
    seen = make_episode()
    steps = len(seen)
    episode = replace(
        seen,
        meta=replace(seen.meta, cameras=()),
        frames=np.zeros((steps, 0, 0, 0, 3), np.uint8),
        camera_pose=np.zeros((steps, 0, 12), np.float32),
        body_pos=np.zeros((steps, 0, 3)),
        body_quat=np.zeros((steps, 0, 4)),
        site_pos=np.zeros((steps, 0, 3)),
    )
    path = tmp_path / "blind.safetensors"
    path.write_bytes(encode_episode(episode))
    with EpisodeFile(path) as file:
        loaded = file.load()
    assert loaded.meta == episode.meta
    assert {name: array.shape for name, array in loaded.arrays().items()} == {
        name: array.shape for name, array in episode.arrays().items()
    }
