"""The words of ``potstill queue``."""

from __future__ import annotations

from typing import Any

from potstill.launch.one_line_parser import OneLineParser, add_verb, finish_verb


def add_queue(verbs: Any) -> None:
    """Everything that begins with ``potstill queue``."""
    queue = add_verb(verbs, "queue", "look into a run's task queue, and mend it")
    actions = queue.add_subparsers(metavar="ACTION", dest="action", required=True, parser_class=OneLineParser)
    _add_looks(actions)
    _add_mends(actions)
    rebuild = add_verb(
        actions, "rebuild", "restore a run's ledger from its files, e.g. after Redis lost its data"
    )
    rebuild.add_argument("run_dir", metavar="RUN_DIR")
    rebuild.add_argument(
        "--redis", metavar="URL", help="the server the run is to use, if not the embedded one"
    )
    finish_verb(rebuild, "queue_rebuild")


def _add_looks(actions: Any) -> None:
    ledger = _queue_verb(actions, "ls", "the ledger of every group, ages, latencies, and the workers alive")
    ledger.add_argument("--json", action="store_true", help="print JSON")
    finish_verb(ledger, "queue_look")
    dead = _queue_verb(actions, "dead", "the tasks that used up their attempts, with their tracebacks")
    dead.add_argument("tasks", nargs="*", metavar="TASK", help="default: all dead tasks")
    dead.add_argument("--json", action="store_true", help="print JSON")
    finish_verb(dead, "queue_look")
    finish_verb(_queue_verb(actions, "metrics", "every number of the queue as Prometheus text"), "queue_look")
    watch = _queue_verb(actions, "watch", "look again and again, until Ctrl-C")
    watch.add_argument("--every", metavar="SECONDS", default="2", help="between two looks; default: 2")
    watch.add_argument("--for", dest="duration", metavar="SECONDS", help="stop after; default: never")
    finish_verb(watch, "queue_watch")


def _add_mends(actions: Any) -> None:
    retry = _queue_verb(actions, "retry", "put dead tasks back into the queue")
    retry.add_argument("tasks", nargs="*", metavar="TASK", help="default: all dead tasks")
    finish_verb(retry, "queue_mend")
    cancel = _queue_verb(
        actions, "cancel", "call off tasks; who works on one stops within a third of its lease"
    )
    cancel.add_argument("tasks", nargs="*", metavar="TASK")
    cancel.add_argument("--group", metavar="GROUP", help="every open task of this group")
    cancel.add_argument("--all", action="store_true", help="every open task of the run")
    finish_verb(cancel, "queue_mend")
    purge = _queue_verb(actions, "purge", "delete a group, or all keys of the run, from the server")
    purge.add_argument("--group", metavar="GROUP", help="only this group, which must be settled")
    purge.add_argument("--yes", action="store_true", help="do it; without this, only say what would go")
    finish_verb(purge, "queue_mend")


def _queue_verb(actions: Any, name: str, text: str) -> OneLineParser:
    verb = add_verb(actions, name, text)
    verb.add_argument(
        "--run-dir", metavar="DIR", help="the run; its embedded server unless --redis names another"
    )
    verb.add_argument(
        "--redis", metavar="URL", help="redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix://PATH"
    )
    verb.add_argument(
        "--run", metavar="RUN", help="the run's name on the server, where there is no --run-dir"
    )
    return verb
