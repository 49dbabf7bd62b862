"""Whether a Redis URL and a run's name are usable, found out before anything starts."""

from __future__ import annotations

from potstill.launch.errors import BadInputError
from potstill.queues.errors import QueueUnavailableError
from potstill.queues.task import ID_PATTERN


def check_server(url: str) -> None:
    """Talk to the server once, for less than two seconds.

    Raises:
        BadInputError: not a Redis URL, nobody answers, a wrong password, a server that evicts keys.
    """
    # redis-py takes a quarter of a second to import; commands without a URL do not wait for it.
    from potstill.queues.server_settings import server_settings

    try:
        settings = server_settings(url, ["maxmemory-policy"])
    except (ValueError, QueueUnavailableError) as error:
        raise BadInputError(f"--redis: {error}") from None
    policy = settings.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        raise BadInputError(
            f"--redis: this server may forget tasks (maxmemory-policy is {policy}, allowed: noeviction); "
            "mend it with: redis-cli config set maxmemory-policy noeviction"
        )


def check_run_name(run: str) -> None:
    """Raise ``BadInputError`` for a name that cannot be a run's namespace."""
    if not ID_PATTERN.match(run):
        raise BadInputError(f"--run: {run!r} is not a run's name; it must match {ID_PATTERN.pattern}")
