"""The parser of every verb: it complains in one line and names the nearest word."""

from __future__ import annotations

import argparse
import difflib
import sys
from typing import Any, NoReturn

from potstill.launch.errors import BadInputError


class OneLineParser(argparse.ArgumentParser):
    """Complains in one line that names the nearest word, instead of printing the usage."""

    def __init__(self, **settings: Any) -> None:
        # Abbreviated options would change their meaning whenever a new option is added.
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse, remembering the words: a misspelt required option is better named than missed."""
        self._words = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise ``BadInputError`` for ``main`` to print."""
        options = [option for option in self._option_string_actions if option.startswith("--")]
        words = [word.split("=", 1)[0] for word in self._words]
        unknown = [word for word in words if word.startswith("--") and word not in options]
        if unknown and not self._subparsers:
            raise unknown_option(self.prog, unknown[0], options)
        if self._subparsers and "required" in message:
            verbs = next(action.choices for action in self._actions if isinstance(action.choices, dict))
            message = f"say what to do: {', '.join(verbs)}"
        raise BadInputError(f"{where(self.prog)}{message}; see {self.prog} --help")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        raise BadInputError(
            f"{where(self.prog)}unknown {str(action.metavar or action.dest).lower()} {value!r}; "
            f"choose from {', '.join(choices)}{_hint(str(value), choices)}"
        )


def add_verb(verbs: Any, name: str, text: str) -> OneLineParser:
    """The parser of one more verb; ``text`` begins with a small letter."""
    return verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")


def finish_verb(parser: OneLineParser, command: str) -> None:
    """Last: the options that all verbs have, and the module in ``launch/commands`` that does it."""
    parser.add_argument("--debug", action="store_true", help="show the traceback of an unexpected error")
    options = [
        option for action in parser._actions for option in action.option_strings if option.startswith("--")
    ]
    parser.set_defaults(command=command, known_options=options, words=parser.prog)


def where(prog: str) -> str:
    """``dagger run: `` for messages; ``main`` puts the program's name in front."""
    words = prog.removeprefix("potstill").strip()
    return f"{words}: " if words else ""


def unknown_option(prog: str, word: str, options: list[str]) -> BadInputError:
    """What to raise for an option that a verb does not have."""
    allowed = ", ".join(option for option in options if option != "--help")
    return BadInputError(f"{where(prog)}unknown option {word!r}; allowed: {allowed}{_hint(word, options)}")


def _hint(word: str, words: list[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def add_set(parser: OneLineParser) -> None:
    """``--set``, as every verb with a configuration has it."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a setting; repeatable"
    )
