"""The password of the Redis server from the environment: a command line can be read by every user with ``ps``."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, urlsplit

from potstill.launch.errors import BadInputError

#: Holds the password itself.
PASSWORD_VARIABLE = "POTSTILL_REDIS_PASSWORD"
#: Holds the path of a file whose first line is the password.
PASSWORD_FILE_VARIABLE = "POTSTILL_REDIS_PASSWORD_FILE"


def with_password(url: str) -> str:
    """The URL with the password of the environment, unless it has one already, or is a local socket.

    Raises:
        BadInputError: both variables are set, or the file cannot be read.
    """
    password = _password()
    scheme, separator, rest = url.partition("://")
    if not password or not separator or scheme not in ("redis", "rediss") or _has_password(url):
        return url
    user, at, host = rest.rpartition("@")
    return f"{scheme}://{user if at else ''}:{quote(password, safe='')}@{host}"


def _has_password(url: str) -> bool:
    try:
        return urlsplit(url).password is not None
    except ValueError:
        return True  # malformed: whoever opens it says so


def _password() -> str:
    direct, path = os.environ.get(PASSWORD_VARIABLE, ""), os.environ.get(PASSWORD_FILE_VARIABLE, "")
    if direct and path:
        raise BadInputError(f"{PASSWORD_VARIABLE} and {PASSWORD_FILE_VARIABLE} are both set: unset one")
    if not path:
        return direct
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{PASSWORD_FILE_VARIABLE}: {path} cannot be read: {error}") from None
    return lines[0] if lines else ""
