from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from potstill.launch.arguments import parse_arguments
from potstill.launch.errors import BadInputError
from potstill.launch.redis_password import with_password

SECRET = "s3cret/@:%"


@pytest.fixture
def password(monkeypatch):
    monkeypatch.setenv("POTSTILL_REDIS_PASSWORD", SECRET)


@pytest.mark.parametrize(
    ("url", "user"),
    [
        ("redis://host:6379/0", ""),
        ("rediss://ann@host:6379/0?ssl_ca_certs=ca.pem", "ann"),
        ("redis://host", ""),
    ],
)
def test_the_password_of_the_environment_is_put_into_the_url(password, url, user):
    parts = urlsplit(with_password(url))
    assert (parts.username, unquote(parts.password)) == (user, SECRET)
    assert (parts.hostname, parts.query) == ("host", urlsplit(url).query)


@pytest.mark.parametrize(
    "url", ["redis://:other@host", "redis://ann:other@host/1", "unix:///run/redis.sock", "host", ""]
)
def test_a_url_with_a_password_or_without_a_network_stays_as_it_is(password, url):
    assert with_password(url) == url


def test_without_a_password_nothing_changes(monkeypatch):
    monkeypatch.delenv("POTSTILL_REDIS_PASSWORD", raising=False)
    assert with_password("redis://host") == "redis://host"


def test_the_password_may_be_in_a_file(monkeypatch, tmp_path):
    path = tmp_path / "password"
    path.write_text(SECRET + "\n")
    monkeypatch.setenv("POTSTILL_REDIS_PASSWORD_FILE", str(path))
    assert unquote(urlsplit(with_password("redis://host")).password) == SECRET
    monkeypatch.setenv("POTSTILL_REDIS_PASSWORD", SECRET)
    with pytest.raises(BadInputError, match="are both set"):
        with_password("redis://host")


def test_a_password_file_that_cannot_be_read_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("POTSTILL_REDIS_PASSWORD_FILE", str(tmp_path / "none"))
    with pytest.raises(BadInputError, match="none cannot be read"):
        with_password("redis://host")


def test_every_command_with_a_server_gets_it(password):
    for words in (
        ["queue", "ls", "--redis", "redis://host", "--run", "r"],
        ["dagger", "run", "--recipe", "smoke", "--redis", "redis://host"],
        ["worker", "rollout", "--redis", "redis://host", "--run", "r"],
        ["doctor", "--redis", "redis://host"],
    ):
        assert unquote(urlsplit(parse_arguments(words).redis).password) == SECRET


def test_a_refused_password_is_not_shown(password):
    potstill = str(Path(sys.executable).parent / "potstill")
    words = ["queue", "ls", "--redis", "redis://127.0.0.1:9/0", "--run", "r", "--debug"]
    done = subprocess.run([potstill, *words], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr
    assert SECRET not in done.stderr + done.stdout and "s3cret" not in done.stderr
