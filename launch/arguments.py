"""The words of the command line; knows nothing of what they do, so that ``--help`` answers at once."""

from __future__ import annotations

import argparse
import difflib
import sys
from typing import Any, NoReturn

from potstill.launch.errors import BadInputError

_DESCRIPTION = "Distils privileged robot teachers into small deployable students, in rounds."
_EPILOG = """\
first steps:
  potstill doctor                         is this machine ready?
  potstill dagger run --recipe demo       train a student, watch it, read report.html
  potstill dagger resume RUN_DIR          go on after an interruption
  potstill expert train --task reach-v3   train a teacher by SAC

exit codes: 0 done, 1 failed, 2 bad input, 3 finished short of what was asked, 130 interrupted (resumable)"""


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
            raise _unknown_option(self.prog, unknown[0], options)
        if self._subparsers and "required" in message:
            verbs = next(action.choices for action in self._actions if isinstance(action.choices, dict))
            message = f"say what to do: {', '.join(verbs)}"
        raise BadInputError(f"{_where(self.prog)}{message}; see {self.prog} --help")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        raise BadInputError(
            f"{_where(self.prog)}unknown {str(action.metavar or action.dest).lower()} {value!r}; "
            f"choose from {', '.join(choices)}{_hint(str(value), choices)}"
        )


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """The parsed command line; ``command`` names the module in ``launch/commands`` that does it.

    Raises:
        BadInputError: an unknown verb or option, or one that is missing.
    """
    parser = build_parser()
    arguments, unknown = parser.parse_known_args(argv)
    if unknown and unknown[0].startswith("-"):
        raise _unknown_option(arguments.words, unknown[0].split("=", 1)[0], arguments.known_options)
    if unknown:
        raise BadInputError(
            f"{_where(arguments.words)}unexpected argument {unknown[0]!r}; see {arguments.words} --help"
        )
    return arguments


def build_parser() -> OneLineParser:
    """The whole tree of verbs."""
    parser = OneLineParser(prog="potstill", description=_DESCRIPTION, epilog=_EPILOG)
    verbs = parser.add_subparsers(metavar="VERB", dest="verb", required=True, parser_class=OneLineParser)
    _add_dagger(verbs)
    _add_expert(verbs)
    _add_sweep(verbs)
    _add_reports(verbs)
    _add_queue(verbs)
    _add_worker(verbs)
    doctor = _verb(
        verbs, "doctor", "check that this machine is ready; each problem with the command that mends it"
    )
    doctor.add_argument("--json", action="store_true", help="print the checks as JSON")
    doctor.add_argument("--redis", metavar="URL", help="also check this Redis server")
    _finish(doctor, "doctor")
    return parser


def _add_dagger(verbs: Any) -> None:
    dagger = _verb(verbs, "dagger", "distil a teacher into a pixel student by DAgger rounds")
    actions = dagger.add_subparsers(
        metavar="ACTION", dest="action", required=True, parser_class=OneLineParser
    )
    run = _verb(actions, "run", "start a new run")
    run.add_argument("--recipe", required=True, metavar="NAME|FILE", help="a recipe's name, or a YAML file")
    run.add_argument("--run-dir", metavar="DIR", help="default: runs/RECIPE-TIME")
    _add_set(run)
    run.add_argument("--redis", metavar="URL", help="use this server instead of an embedded one")
    run.add_argument(
        "--ray", metavar="ADDRESS", help="use this Ray cluster instead of a local one, e.g. auto"
    )
    run.add_argument("--dry-run", action="store_true", help="print tasks, GB and minutes; start nothing")
    _finish(run, "dagger_run")
    resume = _verb(actions, "resume", "go on with an interrupted run; finished work is not redone")
    resume.add_argument("run_dir", metavar="RUN_DIR")
    resume.add_argument(
        "--plan", action="store_true", help="print what is reused and what is redone; start nothing"
    )
    resume.add_argument("--redis", metavar="URL", help="the server the run used, if not the embedded one")
    resume.add_argument(
        "--ray", metavar="ADDRESS", help="use this Ray cluster instead of a local one, e.g. auto"
    )
    _finish(resume, "dagger_resume")
    status = _verb(actions, "status", "where a run stands")
    status.add_argument("run_dir", metavar="RUN_DIR")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.add_argument("--watch", action="store_true", help="repeat until the run ends")
    _finish(status, "dagger_status")
    replay = _verb(actions, "replay", "run a recorded episode again and compare")
    replay.add_argument("run_dir", metavar="RUN_DIR")
    replay.add_argument("episode", metavar="EPISODE", help="ROUND/INDEX, e.g. 1/7")
    _finish(replay, "dagger_replay")


def _add_expert(verbs: Any) -> None:
    expert = _verb(verbs, "expert", "train, judge and compare privileged teachers")
    actions = expert.add_subparsers(
        metavar="ACTION", dest="action", required=True, parser_class=OneLineParser
    )
    _add_expert_train(actions)
    _add_expert_evaluate(actions)
    _add_expert_grid(actions)
    _add_expert_matrix(actions)
    _add_expert_convert(actions)


def _add_expert_train(actions: Any) -> None:
    train = _verb(actions, "train", "train one expert by SAC, or go on with an interrupted one")
    train.add_argument("--task", metavar="TASK", help="a Meta-World task, e.g. reach-v3")
    train.add_argument("--robot", metavar="ROBOT", help="the arm; default: sawyer")
    train.add_argument("--seed", metavar="N", help="default: 0")
    train.add_argument("--minutes", metavar="M", help="end after this many minutes; default: no limit")
    train.add_argument("--run-dir", metavar="DIR", help="default: runs/TASK-ROBOT-seedN-DIGEST")
    _add_set(train)
    train.add_argument("--resume", metavar="RUN_DIR", help="go on with the run in this directory")
    _finish(train, "expert_train")


def _add_expert_evaluate(actions: Any) -> None:
    evaluate = _verb(actions, "evaluate", "success of a teacher on goals that no training has seen")
    evaluate.add_argument("teacher", metavar="EXPERT_DIR|oracle")
    evaluate.add_argument("--task", metavar="TASK", help="default: the expert's own")
    evaluate.add_argument("--robot", metavar="ROBOT", help="default: the expert's own, for oracle sawyer")
    evaluate.add_argument("--episodes", metavar="N", default="50", help="default: 50")
    evaluate.add_argument("--max-steps", metavar="N", default="200", help="per episode; default: 200")
    evaluate.add_argument("--workers", metavar="N", default="1", help="processes; default: 1")
    _add_set(evaluate)
    evaluate.add_argument("--json", action="store_true", help="print JSON")
    _finish(evaluate, "expert_evaluate")


def _add_expert_grid(actions: Any) -> None:
    grid = _verb(actions, "grid", "train an expert for each task, robot and seed as Tune trials")
    grid.add_argument("--tasks", metavar="A,B|mt10", help="tasks, separated by commas")
    grid.add_argument("--robots", metavar="A,B", help="default: sawyer")
    grid.add_argument("--seeds", metavar="N,M", help="default: 0")
    grid.add_argument("--minutes", metavar="M", help="of each trial; default: no limit")
    grid.add_argument("--asha", action="store_true", help="stop trials that fall behind the others")
    grid.add_argument("--run-dir", metavar="DIR", help="default: runs/grid-TIME")
    _add_set(grid)
    _add_trials(grid)
    _finish(grid, "expert_grid")


def _add_expert_matrix(actions: Any) -> None:
    matrix = _verb(actions, "matrix", "success of the oracle for every robot and task")
    matrix.add_argument("--robots", metavar="A,B", help="default: all")
    matrix.add_argument("--tasks", metavar="A,B|mt10", default="mt10", help="default: mt10")
    matrix.add_argument("--episodes", metavar="N", default="20", help="of each pair; default: 20")
    matrix.add_argument("--workers", metavar="N", default="2", help="processes; default: 2")
    matrix.add_argument("--json", action="store_true", help="print JSON")
    _finish(matrix, "expert_matrix")


def _add_expert_convert(actions: Any) -> None:
    convert = _verb(actions, "convert", "make a teacher of an RLlib checkpoint (our SAC, RLlib's SAC or PPO)")
    convert.add_argument("rllib_dir", metavar="RLLIB_DIR", help="an algorithm's or a module's checkpoint")
    convert.add_argument("--out", required=True, metavar="DIR", help="folder of the expert")
    convert.add_argument("--task", metavar="TASK", help="needed unless the checkpoint is of our own SAC")
    convert.add_argument("--robot", metavar="ROBOT", help="default: the checkpoint's own, else sawyer")
    convert.add_argument(
        "--trust-pickle", action="store_true", help="load it although its files can run any program"
    )
    _finish(convert, "expert_convert")


def _add_sweep(verbs: Any) -> None:
    sweep = _verb(verbs, "sweep", "search hyper-parameters by Tune; writes a ranked table")
    sweep.add_argument("file", metavar="FILE", nargs="?", help="the search space (YAML), or: example")
    sweep.add_argument("--run-dir", metavar="DIR", help="default: runs/sweep-TIME")
    _add_trials(sweep)
    _finish(sweep, "sweep")


def _add_set(parser: OneLineParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a setting; repeatable"
    )


def _add_trials(parser: OneLineParser) -> None:
    parser.add_argument("--concurrent", metavar="N", help="trials at a time; default: one per core")
    parser.add_argument("--resume", metavar="RUN_DIR", help="go on with the trials in this directory")
    parser.add_argument("--ray", metavar="ADDRESS", help="use this Ray cluster instead of a local one")


def _add_reports(verbs: Any) -> None:
    report = _verb(verbs, "report", "write report.json and report.html of a run again")
    report.add_argument("run_dir", metavar="RUN_DIR")
    _finish(report, "report")
    compare = _verb(verbs, "compare", "compare the success of two runs, with the right test")
    compare.add_argument("run_a", metavar="RUN_A")
    compare.add_argument("run_b", metavar="RUN_B")
    compare.add_argument("--json", action="store_true", help="print JSON")
    _finish(compare, "compare")
    dataset = _verb(verbs, "dataset", "look after the recorded episodes")
    actions = dataset.add_subparsers(
        metavar="ACTION", dest="action", required=True, parser_class=OneLineParser
    )
    check = _verb(actions, "check", "verify hashes, counts, values and manifests of every episode")
    check.add_argument("run_dir", metavar="RUN_DIR")
    check.add_argument("--json", action="store_true", help="print JSON")
    _finish(check, "dataset_check")


def _add_queue(verbs: Any) -> None:
    queue = _verb(verbs, "queue", "look into a run's task queue")
    actions = queue.add_subparsers(metavar="ACTION", dest="action", required=True, parser_class=OneLineParser)
    for name, text in (
        ("ls", "the ledger of every group of tasks, and the workers alive"),
        ("dead", "the tasks that used up their attempts, with their last error"),
        ("retry", "put dead tasks back into the queue"),
        ("purge", "delete every key of the run from the server"),
    ):
        action = _verb(actions, name, text)
        action.add_argument(
            "--redis", required=True, metavar="URL", help="redis://HOST:PORT/DB or unix://PATH"
        )
        action.add_argument("--run", required=True, metavar="RUN", help="the run's name on the server")
        if name in ("ls", "dead"):
            action.add_argument("--json", action="store_true", help="print JSON")
        if name == "retry":
            action.add_argument("tasks", nargs="*", metavar="TASK", help="default: all dead tasks")
        if name == "purge":
            action.add_argument(
                "--yes", action="store_true", help="do it; without this, only say what would go"
            )
        _finish(action, "queue_action")


def _add_worker(verbs: Any) -> None:
    worker = _verb(verbs, "worker", "start one worker by hand, on this machine")
    worker.add_argument("kind", metavar="KIND", choices=("rollout", "render", "learner"))
    worker.add_argument("--redis", required=True, metavar="URL", help="redis://HOST:PORT/DB or unix://PATH")
    worker.add_argument("--run", required=True, metavar="RUN", help="the run's name on the server")
    worker.add_argument(
        "--run-dir", metavar="DIR", help="the run directory as this machine sees it; default: runs/RUN"
    )
    _finish(worker, "worker")


def _verb(verbs: Any, name: str, text: str) -> OneLineParser:
    return verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")


def _finish(parser: OneLineParser, command: str) -> None:
    parser.add_argument("--debug", action="store_true", help="show the traceback of an unexpected error")
    options = [
        option for action in parser._actions for option in action.option_strings if option.startswith("--")
    ]
    parser.set_defaults(command=command, known_options=options, words=parser.prog)


def _where(prog: str) -> str:
    """``dagger run: `` for messages; ``main`` puts the program's name in front."""
    words = prog.removeprefix("potstill").strip()
    return f"{words}: " if words else ""


def _unknown_option(prog: str, word: str, options: list[str]) -> BadInputError:
    allowed = ", ".join(option for option in options if option != "--help")
    return BadInputError(f"{_where(prog)}unknown option {word!r}; allowed: {allowed}{_hint(word, options)}")


def _hint(word: str, words: list[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""
