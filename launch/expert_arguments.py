"""The words of ``potstill expert`` and ``potstill sweep``."""

from __future__ import annotations

from typing import Any

from potstill.launch.one_line_parser import OneLineParser, add_set, add_verb, finish_verb


def add_expert(verbs: Any) -> None:
    """Everything that begins with ``potstill expert``."""
    expert = add_verb(verbs, "expert", "train, judge and compare privileged teachers")
    actions = expert.add_subparsers(
        metavar="ACTION", dest="action", required=True, parser_class=OneLineParser
    )
    _add_expert_train(actions)
    _add_expert_evaluate(actions)
    _add_expert_grid(actions)
    _add_expert_matrix(actions)
    _add_expert_convert(actions)


def _add_expert_train(actions: Any) -> None:
    train = add_verb(actions, "train", "train one expert by SAC, or go on with an interrupted one")
    train.add_argument("--task", metavar="TASK", help="a Meta-World task, e.g. reach-v3")
    train.add_argument("--robot", metavar="ROBOT", help="the arm; default: sawyer")
    train.add_argument("--seed", metavar="N", help="default: 0")
    train.add_argument("--minutes", metavar="M", help="end after this many minutes; default: no limit")
    train.add_argument("--run-dir", metavar="DIR", help="default: runs/TASK-ROBOT-seedN-DIGEST")
    add_set(train)
    train.add_argument("--resume", metavar="RUN_DIR", help="go on with the run in this directory")
    finish_verb(train, "expert_train")


def _add_expert_evaluate(actions: Any) -> None:
    evaluate = add_verb(actions, "evaluate", "success of a teacher on goals that no training has seen")
    evaluate.add_argument("teacher", metavar="EXPERT_DIR|oracle")
    evaluate.add_argument("--task", metavar="TASK", help="default: the expert's own")
    evaluate.add_argument("--robot", metavar="ROBOT", help="default: the expert's own, for oracle sawyer")
    evaluate.add_argument("--episodes", metavar="N", default="50", help="default: 50")
    evaluate.add_argument("--max-steps", metavar="N", default="200", help="per episode; default: 200")
    evaluate.add_argument("--workers", metavar="N", default="1", help="processes; default: 1")
    add_set(evaluate)
    evaluate.add_argument("--json", action="store_true", help="print JSON")
    finish_verb(evaluate, "expert_evaluate")


def _add_expert_grid(actions: Any) -> None:
    grid = add_verb(actions, "grid", "train an expert for each task, robot and seed as Tune trials")
    grid.add_argument("--tasks", metavar="A,B|mt10", help="tasks, separated by commas")
    grid.add_argument("--robots", metavar="A,B", help="default: sawyer")
    grid.add_argument("--seeds", metavar="N,M", help="default: 0")
    grid.add_argument("--minutes", metavar="M", help="of each trial; default: no limit")
    grid.add_argument("--asha", action="store_true", help="stop trials that fall behind the others")
    grid.add_argument("--run-dir", metavar="DIR", help="default: runs/grid-TIME")
    add_set(grid)
    _add_trials(grid)
    finish_verb(grid, "expert_grid")


def _add_expert_matrix(actions: Any) -> None:
    matrix = add_verb(actions, "matrix", "success of the oracle for every robot and task")
    matrix.add_argument("--robots", metavar="A,B", help="default: all")
    matrix.add_argument("--tasks", metavar="A,B|mt10", default="mt10", help="default: mt10")
    matrix.add_argument("--episodes", metavar="N", default="20", help="of each pair; default: 20")
    matrix.add_argument("--workers", metavar="N", default="2", help="processes; default: 2")
    matrix.add_argument("--json", action="store_true", help="print JSON")
    finish_verb(matrix, "expert_matrix")


def _add_expert_convert(actions: Any) -> None:
    convert = add_verb(
        actions, "convert", "make a teacher of an RLlib checkpoint (our SAC, RLlib's SAC or PPO)"
    )
    convert.add_argument("rllib_dir", metavar="RLLIB_DIR", help="an algorithm's or a module's checkpoint")
    convert.add_argument("--out", required=True, metavar="DIR", help="folder of the expert")
    convert.add_argument("--task", metavar="TASK", help="needed unless the checkpoint is of our own SAC")
    convert.add_argument("--robot", metavar="ROBOT", help="default: the checkpoint's own, else sawyer")
    convert.add_argument(
        "--trust-pickle", action="store_true", help="load it although its files can run any program"
    )
    finish_verb(convert, "expert_convert")


def add_sweep(verbs: Any) -> None:
    """``potstill sweep``."""
    sweep = add_verb(verbs, "sweep", "search hyper-parameters by Tune; writes a ranked table")
    sweep.add_argument("file", metavar="FILE", nargs="?", help="the search space (YAML), or: example")
    sweep.add_argument("--run-dir", metavar="DIR", help="default: runs/sweep-TIME")
    _add_trials(sweep)
    finish_verb(sweep, "sweep")


def _add_trials(parser: OneLineParser) -> None:
    parser.add_argument("--concurrent", metavar="N", help="trials at a time; default: one per core")
    parser.add_argument("--resume", metavar="RUN_DIR", help="go on with the trials in this directory")
    parser.add_argument("--ray", metavar="ADDRESS", help="use this Ray cluster instead of a local one")
