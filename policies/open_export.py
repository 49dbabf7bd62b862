"""From a checkpoint folder of any kind to a network that can leave."""

from __future__ import annotations

from pathlib import Path

from potstill.experience.errors import ArrayFileError
from potstill.policies.collective_checkpoint import load_collective
from potstill.policies.collective_export import CollectiveExport
from potstill.policies.collective_file import COLLECTIVE_FILE
from potstill.policies.expert_export import ExpertExport
from potstill.policies.expert_file import EXPERT_FILE, read_expert_file
from potstill.policies.export_module import ExportModule
from potstill.policies.pixel_export import PixelExport
from potstill.policies.policy_checkpoint import load_policy
from potstill.policies.policy_file import POLICY_FILE


def open_export(folder: Path) -> tuple[ExportModule, str]:
    """The network of a pixel student's, collective policy's or expert's folder, and its checkpoint's sha256.

    Raises:
        ArrayFileError: none of them is there, or it is corrupt; names the file.
    """
    if (folder / POLICY_FILE).exists():
        policy, sha256 = load_policy(folder)
        return PixelExport(policy), sha256
    if (folder / COLLECTIVE_FILE).exists():
        collective, sha256 = load_collective(folder)
        return CollectiveExport(collective), sha256
    if (folder / EXPERT_FILE).exists():
        file, sha256 = read_expert_file(folder)
        return ExpertExport(file), sha256
    raise ArrayFileError(f"{folder}: holds no policy ({POLICY_FILE}, {COLLECTIVE_FILE} or {EXPERT_FILE})")
