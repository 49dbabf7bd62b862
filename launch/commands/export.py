"""``potstill export``: a checkpoint becomes one file that acts without potstill, and is compared before it counts."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill.experience.atomic_write import sync_folder, temporary_file
from potstill.experience.errors import ArrayFileError, StoreFullError
from potstill.launch.errors import BadInputError, RunFailedError
from potstill.launch.exported_checkpoint import find_exported_checkpoint
from potstill.launch.installed_versions import installed_versions
from potstill.launch.run_directory import RunDirectory

if TYPE_CHECKING:
    from potstill.policies.export_check import ExportCheck, Latency
    from potstill.policies.export_format import ExportFormat
    from potstill.policies.export_module import ExportModule

_SUFFIXES = {"onnx": ".onnx", "torchscript": ".pt"}


def run(arguments: Namespace) -> int:
    """Write the file and say how close and how fast it is; nothing is left behind when it is not close enough."""
    checkpoint = find_exported_checkpoint(Path(arguments.checkpoint))
    out = _out(arguments, checkpoint)
    # Torch takes seconds to import.
    from potstill.policies.open_export import open_export

    try:
        module, sha256 = open_export(checkpoint.parent)
    except ArrayFileError as error:
        raise BadInputError(f"export: {error}") from None
    facts = module.facts() | module.interface()
    facts |= {"checkpoint_sha256": sha256, "potstill": installed_versions(["potstill"])["potstill"]}
    if facts["what"] == "pixel student":
        facts |= _world(checkpoint.parent, facts)
    check = _write(module, facts, _format(arguments.format), out)
    print(f"network  {facts['what']} of {checkpoint.parent} (version {sha256[:12]})")
    print(f"file     {out} ({out.stat().st_size / 1e6:.2f} MB)")
    print(f"check    differs by at most {check.difference:.1e} on {check.rows:,} seeded inputs")
    print(
        f"latency  {_milliseconds(check.exported)} by {arguments.format}, {_milliseconds(check.eager)} by torch"
    )
    print("         one observation at a time, one thread")
    return 0


def _out(arguments: Namespace, checkpoint: Path) -> Path:
    suffix = _SUFFIXES[arguments.format]
    out = checkpoint.with_suffix(suffix) if arguments.out is None else Path(arguments.out)
    if out.suffix != suffix:
        raise BadInputError(f"--out must end in {suffix} with --format {arguments.format}: got {out}")
    if out.is_dir():
        raise BadInputError(f"--out {out}: is a folder")
    if out.exists() and not arguments.force:
        raise BadInputError(f"--out {out}: exists already; replace it by --force, or choose another file")
    return out


def _format(name: str) -> ExportFormat:
    if name == "onnx":
        from potstill.policies.onnx_format import OnnxFormat

        return OnnxFormat()
    from potstill.policies.torchscript_format import TorchscriptFormat

    return TorchscriptFormat()


def _world(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Task, robot and camera names of a student, which only its run knows; None for a checkpoint on its own."""
    run = RunDirectory(root=folder.parent.parent)
    config = run.read_config() if folder.parent == run.checkpoints and run.config.is_file() else {}
    names = config.get("render", {}).get("cameras")
    return {
        "task": config.get("task"),
        "robot": config.get("robot", "sawyer") if config else None,
        "cameras": {"names": names, **facts["cameras"]},
    }


def _write(
    module: ExportModule, facts: Mapping[str, Any], file_format: ExportFormat, out: Path
) -> ExportCheck:
    from potstill.policies.export_check import TOLERANCE, check_export

    content = file_format.encode(module, facts)
    try:
        with temporary_file(out, content) as draft:
            check = check_export(module, file_format.load(draft))
            if not check.passed:
                raise RunFailedError(
                    f"export: the file differs from the network by {check.difference:.1e}, "
                    f"more than {TOLERANCE:.0e}; nothing was written"
                )
            os.replace(draft, out)
            sync_folder(out.parent)
    except StoreFullError as error:
        raise RunFailedError(str(error)) from None
    except OSError as error:
        raise BadInputError(f"--out {out}: {error.strerror}") from None
    return check


def _milliseconds(latency: Latency) -> str:
    return f"p50 {latency.p50:.3f} ms, p99 {latency.p99:.3f} ms"
