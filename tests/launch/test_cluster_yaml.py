"""The cluster file: what Ray accepts, authenticated, without a secret in it."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "launch").glob("cluster_*.yaml"))


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def cluster(request: pytest.FixtureRequest) -> dict[str, Any]:
    return yaml.safe_load(request.param.read_text())


def _commands(cluster: dict[str, Any], *kinds: str) -> list[str]:
    return [command for key, value in cluster.items() if key.endswith(kinds) for command in value]


def test_there_is_a_cluster_file() -> None:
    assert FILES


def test_rays_own_schema_accepts_it(cluster: dict[str, Any]) -> None:
    ray = importlib.util.find_spec("ray")
    assert ray is not None and ray.submodule_search_locations
    schema = Path(ray.submodule_search_locations[0]) / "autoscaler" / "ray-schema.json"
    jsonschema.validate(cluster, json.loads(schema.read_text()))


def test_every_node_starts_with_token_authentication_and_gets_the_token(cluster: dict[str, Any]) -> None:
    starts = [command for command in _commands(cluster, "_start_ray_commands") if "ray start" in command]
    assert len(starts) == 2
    assert all(re.search(r"\bRAY_AUTH_MODE=token \S*ray start\b", command) for command in starts)
    assert cluster["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert "chmod 600 ~/.ray/auth_token" in cluster["setup_commands"]


def test_the_dashboard_answers_on_the_loopback_interface_only(cluster: dict[str, Any]) -> None:
    (head,) = [command for command in cluster["head_start_ray_commands"] if "ray start" in command]
    assert "--dashboard-host=127.0.0.1" in head


def test_the_queue_has_a_password_and_is_bound_to_the_heads_private_address(cluster: dict[str, Any]) -> None:
    (settings,) = [command for command in cluster["head_setup_commands"] if "requirepass" in command]
    lines = dict(line.split(" ", 1) for line in settings.splitlines() if " " in line)
    assert lines["bind"].split() == [cluster["provider"]["head_ip"], "127.0.0.1"]
    assert lines["appendonly"] == "yes" and lines["maxmemory-policy"] == "noeviction"
    assert settings.startswith("umask 077;")


def test_no_secret_stands_in_it(cluster: dict[str, Any]) -> None:
    text = yaml.safe_dump(cluster, width=10_000)
    # The password is read from its file, and nothing looks like one.
    assert re.findall(r"requirepass (\S+)", text.replace("\\n", "\n")) == ["$(cat"]
    assert not re.search(r"rediss?://[^@\s]*:[^@\s$]+@", text)
    assert not re.search(r"[0-9a-f]{32}|[A-Za-z0-9_-]{40}", re.sub(r"[\w~.-]*/[\w/.*~-]+", "", text))


def test_every_command_is_sound_shell(cluster: dict[str, Any]) -> None:
    for command in _commands(cluster, "_commands"):
        # As Ray wraps it.
        done = subprocess.run(["bash", "-n", "-c", f"true && ({command})"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
