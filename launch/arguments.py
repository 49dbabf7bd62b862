"""The words of the command line; knows nothing of what they do, so that ``--help`` answers at once."""

from __future__ import annotations

import argparse
from typing import Any

from potstill.launch.collective_arguments import add_collective
from potstill.launch.errors import BadInputError
from potstill.launch.expert_arguments import add_expert, add_sweep
from potstill.launch.one_line_parser import (
    OneLineParser,
    add_verb,
    finish_verb,
    unknown_option,
    where,
)
from potstill.launch.queue_arguments import add_queue
from potstill.launch.redis_password import with_password
from potstill.launch.run_arguments import add_run, add_servers, add_status

_DESCRIPTION = "Distils privileged robot teachers into small deployable students, in rounds."
_EPILOG = """\
first steps:
  potstill doctor                         is this machine ready?
  potstill dagger run --recipe demo       train a student, watch it, read report.html
  potstill dagger resume RUN_DIR          go on after an interruption
  potstill expert train --task reach-v3   train a teacher by SAC

exit codes: 0 done, 1 failed, 2 bad input, 3 finished short of what was asked, 130 interrupted (resumable)"""


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """The parsed command line; ``command`` names the module in ``launch/commands`` that does it.

    Raises:
        BadInputError: an unknown verb or option, or one that is missing.
    """
    parser = build_parser()
    arguments, unknown = parser.parse_known_args(argv)
    if unknown and unknown[0].startswith("-"):
        raise unknown_option(arguments.words, unknown[0].split("=", 1)[0], arguments.known_options)
    if unknown:
        raise BadInputError(
            f"{where(arguments.words)}unexpected argument {unknown[0]!r}; see {arguments.words} --help"
        )
    if getattr(arguments, "redis", None):
        arguments.redis = with_password(arguments.redis)
    return arguments


def build_parser() -> OneLineParser:
    """The whole tree of verbs."""
    parser = OneLineParser(prog="potstill", description=_DESCRIPTION, epilog=_EPILOG)
    verbs = parser.add_subparsers(metavar="VERB", dest="verb", required=True, parser_class=OneLineParser)
    _add_dagger(verbs)
    add_collective(verbs)
    add_expert(verbs)
    add_sweep(verbs)
    _add_export(verbs)
    _add_reports(verbs)
    _add_prompts(verbs)
    add_queue(verbs)
    _add_worker(verbs)
    doctor = add_verb(
        verbs, "doctor", "check that this machine is ready; each problem with the command that mends it"
    )
    doctor.add_argument("--json", action="store_true", help="print the checks as JSON")
    doctor.add_argument("--redis", metavar="URL", help="also check this Redis server")
    finish_verb(doctor, "doctor")
    return parser


def _add_dagger(verbs: Any) -> None:
    dagger = add_verb(verbs, "dagger", "distil a teacher into a pixel student by DAgger rounds")
    actions = dagger.add_subparsers(
        metavar="ACTION", dest="action", required=True, parser_class=OneLineParser
    )
    add_run(actions, "dagger_run")
    resume = add_verb(actions, "resume", "go on with an interrupted run; finished work is not redone")
    resume.add_argument("run_dir", metavar="RUN_DIR")
    resume.add_argument(
        "--plan", action="store_true", help="print what is reused and what is redone; start nothing"
    )
    add_servers(resume)
    finish_verb(resume, "dagger_resume")
    add_status(actions, "dagger_status")
    scale = add_verb(actions, "scale", "give a run more workers, or fewer, while it works")
    scale.add_argument("run_dir", metavar="RUN_DIR")
    scale.add_argument("--rollout", metavar="N", help="processes that step environments, 1..1000")
    scale.add_argument("--render", metavar="N", help="processes that draw, 1..1000")
    finish_verb(scale, "dagger_scale")
    replay = add_verb(actions, "replay", "run a recorded episode again and compare")
    replay.add_argument("run_dir", metavar="RUN_DIR")
    replay.add_argument("episode", metavar="EPISODE", help="ROUND/INDEX, e.g. 1/7")
    finish_verb(replay, "dagger_replay")


def _add_export(verbs: Any) -> None:
    export = add_verb(verbs, "export", "write a trained network as one file that runs without potstill")
    export.add_argument(
        "checkpoint", metavar="CHECKPOINT", help="a checkpoint's folder, or a run directory: its final policy"
    )
    export.add_argument(
        "--format", metavar="FORMAT", default="onnx", choices=("onnx", "torchscript"), help="default: onnx"
    )
    export.add_argument("--out", metavar="FILE", help="ends in .onnx or .pt; default: beside the checkpoint")
    export.add_argument("--force", action="store_true", help="replace the file if it exists")
    finish_verb(export, "export")


def _add_reports(verbs: Any) -> None:
    report = add_verb(verbs, "report", "write report.json and report.html of a run again")
    report.add_argument("run_dir", metavar="RUN_DIR")
    finish_verb(report, "report")
    compare = add_verb(verbs, "compare", "compare the success of two runs, with the right test")
    compare.add_argument("run_a", metavar="RUN_A")
    compare.add_argument("run_b", metavar="RUN_B")
    compare.add_argument("--json", action="store_true", help="print JSON")
    finish_verb(compare, "compare")
    dataset = add_verb(verbs, "dataset", "look after the recorded episodes")
    actions = dataset.add_subparsers(
        metavar="ACTION", dest="action", required=True, parser_class=OneLineParser
    )
    check = add_verb(actions, "check", "verify hashes, counts, values and manifests of every episode")
    check.add_argument("run_dir", metavar="RUN_DIR")
    check.add_argument("--json", action="store_true", help="print JSON")
    finish_verb(check, "dataset_check")


def _add_prompts(verbs: Any) -> None:
    prompts = add_verb(verbs, "prompts", "look at collections of prompts for generated pictures")
    actions = prompts.add_subparsers(
        metavar="ACTION", dest="action", required=True, parser_class=OneLineParser
    )
    show = add_verb(actions, "show", "check a collection and paint a contact sheet of it")
    show.add_argument(
        "collection", metavar="COLLECTION|FILE", help="a name, e.g. tabletop-v1, or a .jsonl file"
    )
    show.add_argument(
        "--count", metavar="N", default="16", help="pictures, spread over the collection; default: 16"
    )
    show.add_argument("--task", metavar="TASK", default="reach-v3", help="whose scene; default: reach-v3")
    show.add_argument("--size", metavar="PIXELS", default="160", help="of a picture; default: 160")
    show.add_argument("--out", required=True, metavar="FILE.png", help="where the sheet goes")
    finish_verb(show, "prompts_show")


def _add_worker(verbs: Any) -> None:
    worker = add_verb(verbs, "worker", "start one worker by hand, on this machine")
    worker.add_argument("kind", metavar="KIND", choices=("rollout", "render", "learner"))
    worker.add_argument("--redis", required=True, metavar="URL", help="redis://HOST:PORT/DB or unix://PATH")
    worker.add_argument("--run", required=True, metavar="RUN", help="the run's name on the server")
    worker.add_argument(
        "--run-dir", metavar="DIR", help="the run directory as this machine sees it; default: runs/RUN"
    )
    finish_verb(worker, "worker")
