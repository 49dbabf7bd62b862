"""The entry point: parse, call the command, turn every ending into one line and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import time
import traceback
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from potstill.cluster.errors import RayStartError
from potstill.launch.arguments import parse_arguments
from potstill.launch.errors import BadInputError, CommandError, exit_code_of

#: What goes on with an interrupted command, given its run directory.
_RESUME = {
    "dagger_run": "dagger resume",
    "dagger_resume": "dagger resume",
    "collective_run": "collective resume",
    "collective_step": "collective resume",
    "expert_train": "expert train --resume",
    "expert_grid": "expert grid --resume",
    "sweep": "sweep --resume",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    arguments = Namespace(command=None, debug=False)
    try:
        arguments = parse_arguments(argv)
        return _command(arguments.command)(arguments)
    except BrokenPipeError:
        # The reader (head, less) has gone; later writes at interpreter exit would complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        _explain(error, arguments)
        return exit_code_of(error)


def _command(name: str) -> Callable[[Namespace], int]:
    # Imported by name and only now: ``--help`` and bad options never wait for torch or ray.
    return importlib.import_module(f"potstill.launch.commands.{name}").run


def _explain(error: BaseException, arguments: Namespace) -> None:
    if isinstance(error, KeyboardInterrupt):
        run_dir, resume = getattr(arguments, "run_dir", None), _RESUME.get(str(arguments.command))
        _say("interrupted" + (f"; resume with: potstill {resume} {run_dir}" if resume and run_dir else ""))
    elif isinstance(error, CommandError | RayStartError):
        _say(("" if isinstance(error, BadInputError) else "failed: ") + str(error))
        if arguments.debug:
            traceback.print_exception(error)
    elif arguments.debug:
        traceback.print_exception(error)
    else:
        summary = f"{type(error).__name__}: {error}".rstrip(": ")
        _say(f"unexpected error: {summary} (traceback: {_write_log(error)}; or run again with --debug)")


def _say(message: str) -> None:
    print("potstill: " + " ".join(message.split()), file=sys.stderr, flush=True)


def _write_log(error: BaseException) -> Path:
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    path = Path(tempfile.gettempdir()) / f"potstill-error-{name}.log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    return path


if __name__ == "__main__":
    sys.exit(main())
