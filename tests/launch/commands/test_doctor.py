from __future__ import annotations

import json
from importlib import metadata

import pytest

from potstill.launch.health import doctor, machine_checks, package_checks, server_checks
from potstill.launch.health.finding import fail, ok, warn


@pytest.fixture
def findings(monkeypatch):
    """Replaces the checks; gives the list that they will find."""
    found = []
    monkeypatch.setattr(doctor, "_checks", lambda folder, redis_url: [lambda: found])
    return found


def test_this_machine_passes_and_every_check_has_a_line(command):
    code, out, _ = command("doctor", "--json")
    found = json.loads(out)
    problems = [check for check in found["checks"] if check["status"] == "fail"]
    assert code == 0 and found["ok"], problems
    assert len(found["checks"]) >= 20
    assert all("\n" not in check["message"] for check in found["checks"])
    assert all(check["fix"] for check in found["checks"] if check["status"] != "ok")
    names = {check["check"] for check in found["checks"]}
    assert {
        "OpenGL by egl",
        "embedded server",
        "embedded server version",
        "ray works",
        "ffmpeg",
        "diffusion",
        "torch",
    } <= names


def test_a_failure_exits_1_with_the_command_that_mends_it(command, findings):
    findings += [ok("a", "fine"), warn("b", "so so", "mend b"), fail("c", "broken", "mend c")]
    code, out, _ = command("doctor")
    assert code == 1
    assert "fail  c  broken\n         -> mend c" in out
    assert out.endswith("1 ok, 1 warnings, 1 failures\n")


def test_a_warning_is_no_failure(command, findings):
    findings += [warn("b", "so so", "mend b")]
    assert command("doctor")[0] == 0


def test_a_check_that_breaks_is_a_finding(command, monkeypatch):
    def check_weather():
        raise RuntimeError("rain")

    monkeypatch.setattr(doctor, "_checks", lambda folder, redis_url: [check_weather])
    code, out, _ = command("doctor")
    assert code == 1 and "fail  weather  RuntimeError: rain" in out


def test_the_missing_extra_of_the_diffusion_painter_is_a_warning_with_the_pip_line(monkeypatch):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    found = package_checks.check_diffusion()
    assert found.status == "warn" and "only needed for render.painter=diffusion" in found.message
    assert "pip install 'potstill[diffusion]'" in found.fix


def test_other_versions_of_the_extra_are_named(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "0.1")
    found = package_checks.check_diffusion()
    assert found.status == "warn" and "other versions of diffusers, transformers, accelerate" in found.message


def test_a_missing_package_and_another_version_come_with_the_pip_line(monkeypatch):
    assert package_checks.check_package("surely-not-there").status == "fail"
    monkeypatch.setattr(package_checks, "pinned_versions", lambda: {"numpy": "1.0.0"})
    finding = package_checks.check_package("numpy")
    assert finding.status == "warn" and "pip install 'numpy==1.0.0'" in finding.fix


def test_an_opengl_library_that_does_not_load_is_found():
    finding = package_checks.check_opengl("glfw_nowhere")
    assert finding.status == "fail" and "apt-get install -y libegl1" in finding.fix


def test_a_full_disk_and_a_read_only_folder_are_found(monkeypatch, tmp_path):
    monkeypatch.setattr(machine_checks.psutil, "disk_usage", lambda path: type("Usage", (), {"free": 2**29}))
    assert machine_checks.check_disk(tmp_path).status == "fail"
    assert machine_checks.check_write(tmp_path / "nowhere").status == "fail"
    assert machine_checks.check_write(tmp_path).status == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_with_a_long_path_is_found(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/tmp/" + "x" * 90)
    assert machine_checks.check_socket_path().status == "fail"


@pytest.mark.parametrize(
    ("facts", "holes"),
    [
        ({"redis_version": "6.2.14"}, True),
        ({"redis_version": "8.6.2"}, True),
        ({"redis_version": "8.6.3"}, False),
        ({"redis_version": "7.2.4", "valkey_version": "8.0.5"}, True),
        ({"redis_version": "7.2.4", "valkey_version": "8.0.6"}, False),
        ({"redis_version": "7.2.4", "valkey_version": "8.1.3"}, True),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, False),
    ],
)
def test_servers_with_known_holes_are_told_from_mended_ones(facts, holes):
    assert server_checks.has_known_holes(facts) is holes


def test_a_redis_url_is_checked_too(tmp_path):
    from potstill.cluster.embedded_redis import EmbeddedRedis

    assert server_checks.check_redis_url("redis://127.0.0.1:1")[0].status == "fail"
    with EmbeddedRedis(tmp_path) as server:
        found = server_checks.check_redis_url(server.url)
    assert [finding.status for finding in found] == ["ok", "ok"]


def test_no_answer_in_time_is_a_busy_machine_and_not_a_broken_package(monkeypatch):
    monkeypatch.setattr(package_checks, "_PROCESS_SECONDS", 0.01)
    finding = package_checks.check_torch()
    assert finding.status == "warn" and "no answer" in finding.message and "less busy" in finding.fix


def test_a_broken_package_says_what_it_died_of(monkeypatch):
    monkeypatch.setattr(package_checks, "_TORCH", "raise ImportError('libtorch.so is gone')")
    finding = package_checks.check_torch()
    assert finding.status == "fail" and "libtorch.so is gone" in finding.message and "torch" in finding.fix
