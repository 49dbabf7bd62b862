"""``potstill report``: write both reports of a run again, from its events and episodes."""

from __future__ import annotations

import json
from argparse import Namespace

from potstill.launch.collective.open_reporter import write_collective_page, write_collective_report
from potstill.launch.expert.reporter import write_expert_page, write_expert_report
from potstill.launch.expert.run_folder import ExpertFolder
from potstill.launch.reporting.rate_text import rate_text
from potstill.launch.reporting.report_files import write_report_html, write_report_json
from potstill.launch.reporting.success_rate import SuccessRate
from potstill.launch.run_directory import RunDirectory, open_run_directory


def run(arguments: Namespace) -> int:
    """Write report.json and report.html and say where they are."""
    directory = open_run_directory(arguments.run_dir)
    pipeline = directory.read_pipeline()
    if pipeline == "expert":
        return _report_expert(directory)
    if pipeline == "collective":
        return _report_collective(directory)
    write_report_json(directory)
    write_report_html(directory)
    report = json.loads(directory.report_json.read_text(encoding="utf-8"))
    for entry in [*report["rounds"], report["final"]]:
        label = f"round {entry['round']}" if "round" in entry else "final"
        episodes = entry["eval_episodes"]
        success = SuccessRate(successes=round((entry["success_rate"] or 0.0) * episodes), episodes=episodes)
        print(f"{label:8} success {success}")
    if not report["finished"]:
        print(f"not finished; go on with: potstill dagger resume {directory.root}")
    print(directory.report_json)
    print(directory.report_html)
    return 0


def _report_expert(directory: RunDirectory) -> int:
    folder = ExpertFolder(directory.root)
    write_expert_report(folder)
    write_expert_page(folder)
    result = json.loads(directory.report_json.read_text(encoding="utf-8"))["results"][0]
    print(
        f"{result['label']}  {result['state']}  {result['env_steps']:,} env steps  success {rate_text(result)}"
    )
    print(directory.report_json)
    print(directory.report_html)
    return 0


def _report_collective(directory: RunDirectory) -> int:
    write_collective_report(directory)
    write_collective_page(directory)
    report = json.loads(directory.report_json.read_text(encoding="utf-8"))
    for row in report["summary"]:
        print(f"{row['context']:6} {row['robots']:11} success {rate_text(row)}")
    if not report["finished"]:
        print(f"not finished; go on with: potstill collective resume {directory.root}")
    print(directory.report_json)
    print(directory.report_html)
    return 0
