"""``potstill expert evaluate``: success of a teacher on goals that no training has seen."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import track

from potstill.actors.teacher_source import TeacherSource
from potstill.experience.errors import ArrayFileError
from potstill.launch.configuration import build, override
from potstill.launch.errors import BadInputError
from potstill.launch.expert.judgement_config import JudgementConfig
from potstill.launch.field_types import parse_text
from potstill.launch.reporting.success_rate import SuccessRate
from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.expert_file import EXPERT_FILE, read_expert_file


def run(arguments: Namespace) -> int:
    """Print one line, or JSON with every outcome."""
    workers = parse_text(arguments.workers, int, key="--workers")
    if not 1 <= workers <= 1024:
        raise BadInputError(f"--workers must be in 1..1024: got {workers}")
    source, facts = _teacher(arguments.teacher)
    config = _config(arguments, facts)
    from potstill.launch.expert.judgement import judge_teacher

    try:
        running = judge_teacher(source, config, workers=workers)
        shown = track(running, total=config.episodes, console=Console(stderr=True), transient=True)
        outcomes = sorted(shown, key=lambda outcome: outcome.seed)
    except (ArrayFileError, ValueError) as error:
        raise BadInputError(f"expert evaluate: {error}") from None
    success = SuccessRate(successes=sum(outcome.success for outcome in outcomes), episodes=len(outcomes))
    if arguments.json:
        result = {
            "teacher": arguments.teacher,
            "sha256": source.sha256,
            "task": config.task,
            "robot": config.robot,
        }
        rate = {"success_rate": success.rate, "success_ci95": success.ci95, "eval_episodes": success.episodes}
        print(json.dumps({"results": [result | rate], "outcomes": [asdict(one) for one in outcomes]}))
    else:
        print(f"{arguments.teacher} on {config.task} with {config.robot}: success {success}")
    return 0


def _teacher(spec: str) -> tuple[TeacherSource, ExpertFacts | None]:
    if spec == "oracle":
        return TeacherSource(), None
    # The folder of an expert, or of the run that trained it.
    folder = next(
        (path for path in (Path(spec), Path(spec) / "expert") if (path / EXPERT_FILE).exists()), None
    )
    if folder is None:
        raise BadInputError(
            f"expert evaluate: {spec}: holds no expert (no {EXPERT_FILE}), and is not: oracle"
        )
    try:
        file, sha256 = read_expert_file(folder)
    except ArrayFileError as error:
        raise BadInputError(f"expert evaluate: {error}") from None
    return TeacherSource(folder=str(folder), sha256=sha256), file.facts


def _config(arguments: Namespace, facts: ExpertFacts | None) -> JudgementConfig:
    task = arguments.task or (facts.task if facts else None)
    robot = arguments.robot or (facts.robot if facts else "sawyer")
    if task is None:
        raise BadInputError("expert evaluate: the oracle knows every task: say which by --task")
    config = build(JudgementConfig, {"task": task, "robot": robot})
    settings = [f"episodes={arguments.episodes}", f"max_steps={arguments.max_steps}", *arguments.set]
    config = override(config, settings)
    if facts is not None and (facts.task, facts.robot) != (config.task, config.robot):
        raise BadInputError(
            f"{arguments.teacher}: is an expert of {facts.task} with {facts.robot}, "
            f"wanted {config.task} with {config.robot}"
        )
    return config
