"""An expert below its threshold is replaced by the disturbed oracle, and the manifest says so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from potstill.experience.history_archive import SPLITS, HistoryArchive
from potstill.policies.expert_file import EXPERT_FILE, ExpertFile, read_expert_file
from potstill.policies.expert_manifest import ORACLE_FALLBACK, ExpertManifest

#: Where an expert goes that did not pass, within its folder.
REJECTED = "rejected"


def apply_gate(
    folder: Path,
    *,
    threshold: float,
    label_history: Callable[[], HistoryArchive],
    collect_fallback: Callable[[], HistoryArchive],
) -> ExpertManifest:
    """Judge the expert in ``folder`` by the success rate in its facts; write ``folder/manifest.json``.

    May be killed and called again: an expert that was set aside is found there.

    Args:
        folder: Holds the final expert, evaluated; or nothing, when training diverged.
        threshold: Success rate from which on an expert is good enough, [0, 1].
        label_history: Called when it passes: labels the learning history with it.
        collect_fallback: Called when it does not: the oracle's history takes the place of its own.

    Raises:
        ArrayFileError: the expert is corrupt.
        StoreFullError: no space.
    """
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(f"threshold must be in [0, 1]: got {threshold}")
    found = _find(folder)
    passed = found is not None and found[0].facts.eval_episodes > 0 and _rate(found) >= threshold
    if not passed and (folder / EXPERT_FILE).exists():
        (folder / REJECTED).mkdir(exist_ok=True)
        os.replace(folder / EXPERT_FILE, folder / REJECTED / EXPERT_FILE)
    archive = label_history() if passed else collect_fallback()
    sha256 = found[1] if found else ""
    manifest = ExpertManifest(
        expert=sha256 if passed else ORACLE_FALLBACK,
        reason=_reason(found, threshold, passed=passed),
        task=archive.facts.task,
        robot=archive.facts.robot,
        model_hash=archive.facts.model_hash,
        threshold=threshold,
        success_rate=_rate(found),
        eval_episodes=found[0].facts.eval_episodes if found else 0,
        rejected="" if passed else sha256,
        history={split: sum(len(shard["episodes"]) for shard in archive.of(split)) for split in SPLITS},
    )
    manifest.write(folder)
    return manifest


def _find(folder: Path) -> tuple[ExpertFile, str] | None:
    for place in (folder, folder / REJECTED):
        if (place / EXPERT_FILE).exists():
            return read_expert_file(place)
    return None


def _rate(found: tuple[ExpertFile, str] | None) -> float:
    return found[0].facts.success_rate if found else 0.0


def _reason(found: tuple[ExpertFile, str] | None, threshold: float, *, passed: bool) -> str:
    if found is None:
        return "no expert came out of the training"
    facts = found[0].facts
    if not facts.eval_episodes:
        return "the expert was never evaluated"
    word = "at least" if passed else "below"
    return f"success rate {facts.success_rate:.3f} of {facts.eval_episodes} episodes is {word} {threshold:g}"
