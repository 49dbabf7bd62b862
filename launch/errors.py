"""What a command may end with, and the exit code of each ending."""

from __future__ import annotations

#: Ctrl-C, as shells expect it (128 + SIGINT).
INTERRUPTED_EXIT_CODE = 130


class CommandError(Exception):
    """Root of the endings a user is told about in one line, without a traceback."""

    exit_code = 1


class RunFailedError(CommandError):
    """The run failed and says why; it may be resumed once the cause is mended."""

    exit_code = 1


class BadInputError(CommandError):
    """What the user gave is wrong; one line names the key, what was given and what is allowed."""

    exit_code = 2


class FinishedShortError(CommandError):
    """The run finished with less than was asked; the message says how much."""

    exit_code = 3


def exit_code_of(error: BaseException) -> int:
    """The process's exit code for whatever ended the command."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED_EXIT_CODE
    return error.exit_code if isinstance(error, CommandError) else 1
