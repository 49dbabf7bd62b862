"""A damaged run directory is refused before anything starts: exit 2, one line, the file and the way out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from potstill.experience.array_file import write_array_file
from potstill.experience.episode import Episode
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.dagger.recipes import smoke
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.engine.stage import Stage
from potstill.launch.engine.stage_log import StageLog
from potstill.launch.main import main
from potstill.policies.policy_file import POLICY_FILE, POLICY_KIND

Damage = Callable[[Path], None]


@pytest.fixture
def run_dir(tmp_path: Path, make_episode: Callable[..., Episode]) -> Path:
    """A run that was interrupted after its first training."""
    folder = DaggerFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.open(smoke())
    (folder.path / "events.jsonl").touch()
    store = EpisodeStore(folder.episodes_url)
    for index in range(2):
        store.commit(make_episode(round=0, index=index))
    log = StageLog(folder.path / "stages")
    manifest = store.seal(0, requested=2).sha256
    log.finish(Stage(name="round_00.rollout", inputs={}), {"manifest": manifest})
    checkpoint = folder.path / "checkpoints" / "round_00"
    checkpoint.mkdir(parents=True)
    sha256 = write_array_file(checkpoint / POLICY_FILE, {}, {"any": "facts"}, kind=POLICY_KIND)
    log.finish(Stage(name="round_00.training", inputs={}), {"checkpoint_sha256": sha256})
    return folder.path


def _truncate(pattern: str) -> Damage:
    def damage(run_dir: Path) -> None:
        path = sorted(run_dir.glob(pattern))[0]
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage


def _cut_in_a_key(run_dir: Path) -> None:
    path = run_dir / "config.yaml"
    path.write_text(path.read_text().partition("task:")[0] + "ta")


def _remove(pattern: str) -> Damage:
    return lambda run_dir: sorted(run_dir.glob(pattern))[0].unlink()


def _other_policy(run_dir: Path) -> None:
    path = run_dir / "checkpoints" / "round_00" / POLICY_FILE
    write_array_file(path, {}, {"other": "facts"}, kind=POLICY_KIND)


def _other_manifest(run_dir: Path) -> None:
    path = run_dir / "stages" / "round_00.rollout.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"outputs": {"manifest": "0" * 64}}))


def test_a_sound_run_directory_passes(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dagger", "resume", str(run_dir), "--plan"]) == 0
    assert "redo" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_remove("checkpoints/*/policy.safetensors"), "missing"),
        (_truncate("checkpoints/*/policy.safetensors"), "policy.safetensors"),
        (_other_policy, "not the one this run went on with"),
        (_remove("episodes/round_00/manifest.json"), "manifest.json"),
        (_truncate("episodes/round_00/manifest.json"), "manifest.json"),
        (_other_manifest, "not the one this run trained on"),
        (_remove("episodes/round_00/*.safetensors"), "missing"),
        (_truncate("episodes/round_00/*.safetensors"), "bytes, committed with"),
        (_truncate("stages/round_00.training.json"), "damaged"),
        (_cut_in_a_key, "config.yaml"),
        (_remove("run.json"), "run.json"),
    ],
)
def test_damage_is_refused_in_one_line_and_nothing_is_touched(
    run_dir: Path, capsys: pytest.CaptureFixture[str], damage: Damage, words: str
) -> None:
    damage(run_dir)
    before = {path: path.stat().st_mtime_ns for path in run_dir.rglob("*")}

    code = main(["dagger", "resume", str(run_dir)])

    errors = capsys.readouterr().err.strip()
    assert code == 2, errors
    assert words in errors and "Traceback" not in errors
    assert len(errors.splitlines()) == 1
    assert {path: path.stat().st_mtime_ns for path in run_dir.rglob("*")} == before


def test_a_recipe_does_not_run_over_another_recipes_run(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dagger", "run", "--recipe", "demo", "--run-dir", str(run_dir)]) == 2
    assert "already holds a run of recipe 'smoke'" in capsys.readouterr().err
