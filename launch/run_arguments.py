"""The words that every pipeline with rounds has: run, its servers, status."""

from __future__ import annotations

from typing import Any

from potstill.launch.one_line_parser import OneLineParser, add_set, add_verb, finish_verb

_RAY = "use this Ray cluster instead of a local one, e.g. auto"


def add_run(actions: Any, command: str) -> None:
    """``run``, done by ``command``."""
    run = add_verb(actions, "run", "start a new run")
    run.add_argument("--recipe", required=True, metavar="NAME|FILE", help="a recipe's name, or a YAML file")
    run.add_argument("--run-dir", metavar="DIR", help="default: runs/RECIPE-TIME")
    add_set(run)
    run.add_argument("--redis", metavar="URL", help="use this server instead of an embedded one")
    run.add_argument("--ray", metavar="ADDRESS", help=_RAY)
    run.add_argument("--dry-run", action="store_true", help="print tasks, GB and minutes; start nothing")
    finish_verb(run, command)


def add_servers(parser: OneLineParser) -> None:
    """``--redis`` and ``--ray`` of a verb that goes on with a run."""
    parser.add_argument("--redis", metavar="URL", help="the server the run used, if not the embedded one")
    parser.add_argument("--ray", metavar="ADDRESS", help=_RAY)


def add_status(actions: Any, command: str) -> None:
    """``status``, done by ``command``."""
    status = add_verb(actions, "status", "where a run stands")
    status.add_argument("run_dir", metavar="RUN_DIR")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.add_argument("--watch", action="store_true", help="repeat until the run ends")
    status.add_argument("--redis", metavar="URL", help="the server the run uses, if not the embedded one")
    finish_verb(status, command)
