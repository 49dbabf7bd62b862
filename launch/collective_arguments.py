"""The words of ``potstill collective``."""

from __future__ import annotations

from typing import Any

from potstill.launch.one_line_parser import OneLineParser, add_verb, finish_verb
from potstill.launch.run_arguments import add_run, add_servers, add_status

#: Verb, the step after which it stops, and what it does.
_STEPS = (
    ("resume", "evaluate", "go on with an interrupted run; finished work is not redone"),
    ("collect", "collect", "go on until the bootstrap round is collected"),
    ("represent", "represent", "go on until the trajectory transformer is trained"),
    ("distil", "distil", "go on until all policies are distilled"),
    ("evaluate", "evaluate", "go on to the end: every robot on every task"),
)


def add_collective(verbs: Any) -> None:
    """Everything that begins with ``potstill collective``."""
    collective = add_verb(verbs, "collective", "distil experts of many tasks and robots into one network")
    actions = collective.add_subparsers(
        metavar="ACTION", dest="action", required=True, parser_class=OneLineParser
    )
    add_run(actions, "collective_run")
    for verb, until, text in _STEPS:
        step = add_verb(actions, verb, text)
        step.add_argument("run_dir", metavar="RUN_DIR")
        add_servers(step)
        step.set_defaults(until=until)
        finish_verb(step, "collective_step")
    add_status(actions, "collective_status")
    scale = add_verb(actions, "scale", "give a run more workers, or fewer, while it works")
    scale.add_argument("run_dir", metavar="RUN_DIR")
    scale.add_argument("--rollout", metavar="N", help="processes that step environments, 1..1000")
    finish_verb(scale, "collective_scale")
