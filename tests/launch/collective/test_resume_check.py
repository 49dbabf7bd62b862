"""A damaged run directory is refused before anything starts: one line, the file and the way out."""

from __future__ import annotations

import pytest

from potstill.experience.array_file import write_array_file
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.collective.recipes import smoke
from potstill.launch.collective.resume_check import check_resumable
from potstill.launch.collective.run_folder import CollectiveFolder
from potstill.launch.engine.stage import Stage
from potstill.launch.engine.stage_log import StageLog
from potstill.launch.errors import BadInputError
from potstill.policies.collective_file import COLLECTIVE_FILE, COLLECTIVE_KIND
from potstill.policies.representation_file import REPRESENTATION_FILE, REPRESENTATION_KIND

CHECKPOINTS = {
    "representation": ("representation", REPRESENTATION_FILE, REPRESENTATION_KIND),
    "round_00.distillation": ("round_00", COLLECTIVE_FILE, COLLECTIVE_KIND),
    "final.zeros.distillation": ("final.zeros", COLLECTIVE_FILE, COLLECTIVE_KIND),
}


@pytest.fixture
def folder(tmp_path, make_trajectory):
    """Of a run that lacks its final evaluations."""
    folder = CollectiveFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.open(smoke())
    log, store = StageLog(folder.path / "stages"), EpisodeStore(folder.episodes_url)
    store.commit(make_trajectory(round=0, index=0))
    log.finish(Stage(name="round_00.rollout", inputs={}), {"manifest": store.seal(0, requested=1).sha256})
    for stage, (name, file, kind) in CHECKPOINTS.items():
        path = folder.path / "checkpoints" / name / file
        sha256 = write_array_file(path, {}, {"any": "facts"}, kind=kind)
        log.finish(Stage(name=stage, inputs={}), {"checkpoint_sha256": sha256})
    return folder


def test_a_sound_run_is_let_pass(folder):
    check_resumable(smoke(), folder)


@pytest.mark.parametrize("stage", CHECKPOINTS)
def test_a_damaged_checkpoint_is_named_with_the_way_out(folder, stage):
    name, file, _ = CHECKPOINTS[stage]
    path = folder.path / "checkpoints" / name / file
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(BadInputError, match=f"{name}/{file}.*remove stages/{stage}.json to train it again"):
        check_resumable(smoke(), folder)


@pytest.mark.parametrize("stage", CHECKPOINTS)
def test_a_checkpoint_of_another_training_is_named(folder, stage):
    name, file, kind = CHECKPOINTS[stage]
    write_array_file(folder.path / "checkpoints" / name / file, {}, {"other": "facts"}, kind=kind)
    with pytest.raises(BadInputError, match="is not the one this run went on with"):
        check_resumable(smoke(), folder)


def test_an_episode_that_is_gone_is_named_with_the_way_out(folder):
    next((folder.path / "episodes" / "round_00").glob("*.safetensors")).unlink()
    with pytest.raises(BadInputError, match="missing; restore the file, or remove its entry"):
        check_resumable(smoke(), folder)


def test_a_missing_manifest_is_named_with_the_way_out(folder):
    (folder.path / "episodes" / "round_00" / "manifest.json").unlink()
    with pytest.raises(BadInputError, match="round_00.rollout.json to seal the round again"):
        check_resumable(smoke(), folder)
