from __future__ import annotations

import json


def episode_file(directory, round=1, index=0):
    return next((directory.episodes / f"round_{round:02d}").glob(f"{index:05d}.*.safetensors"))


def test_a_sound_store_is_ok(command, run_with_episodes):
    code, out, _ = command("dataset", "check", run_with_episodes.root)
    assert code == 0
    assert out.splitlines() == [f"round {n}: 3 episodes, 36 steps, sealed: ok" for n in range(3)]


def test_a_flipped_byte_is_found_and_named(command, run_with_episodes):
    file = episode_file(run_with_episodes)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    code, out, _ = command("dataset", "check", run_with_episodes.root)
    assert code == 1 and file.name in out and "round 0: 3 episodes, 36 steps, sealed: ok" in out
    assert f"potstill dagger resume {run_with_episodes.root}" in out


def test_a_missing_episode_is_found(command, run_with_episodes):
    file = episode_file(run_with_episodes)
    file.unlink()
    code, out, _ = command("dataset", "check", run_with_episodes.root, "--json")
    found = json.loads(out)
    assert code == 1 and found["ok"] is False
    assert any(file.name in problem for problem in found["rounds"][1]["problems"])


def test_a_truncated_episode_is_found(command, run_with_episodes):
    file = episode_file(run_with_episodes)
    file.write_bytes(file.read_bytes()[:-7])
    assert command("dataset", "check", run_with_episodes.root)[0] == 1


def test_a_doctored_manifest_is_found(command, run_with_episodes):
    manifest = run_with_episodes.episodes / "round_02" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"requested": 3', b'"requested": 2'))
    manifest.write_bytes(manifest.read_bytes()[:-9])
    code, out, _ = command("dataset", "check", run_with_episodes.root)
    assert code == 1 and "round_02" in out


def test_an_entry_that_lies_about_its_episode_is_found(command, run_with_episodes):
    entry = run_with_episodes.episodes / "round_00" / "00001.json"
    entry.write_bytes(entry.read_bytes().replace(b'"steps": 12', b'"steps": 13'))
    code, out, _ = command("dataset", "check", run_with_episodes.root)
    assert code == 1 and "0/1" in out


def test_a_round_under_way_is_no_problem(command, run_with_episodes):
    (run_with_episodes.episodes / "round_02" / "manifest.json").unlink()
    code, out, _ = command("dataset", "check", run_with_episodes.root)
    assert code == 0 and "round 2: 3 episodes, 36 steps, not sealed yet: ok" in out


def test_a_run_without_episodes_is_refused(refused, finished_run):
    assert "no episodes yet" in refused("dataset", "check", finished_run.root)
