"""``potstill doctor``: is this machine ready?"""

from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from potstill.launch.health.doctor import run_doctor


def run(arguments: Namespace) -> int:
    """Print one line per check; 1 if any of them fails."""
    findings = run_doctor(Path.cwd(), redis_url=arguments.redis)
    counts = Counter(finding.status for finding in findings)
    if arguments.json:
        print(json.dumps({"ok": not counts["fail"], "checks": [asdict(finding) for finding in findings]}))
        return int(counts["fail"] > 0)
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        print(f"{finding.status:4}  {finding.check.ljust(width)}  {' '.join(finding.message.split())}")
        if finding.fix:
            print(f"{'':4}  {'':{width}}  -> {finding.fix}")
    print(f"{counts['ok']} ok, {counts['warn']} warnings, {counts['fail']} failures")
    return int(counts["fail"] > 0)
