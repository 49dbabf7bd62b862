"""Where an interrupted training goes on: the newest whole checkpoint, written aside and renamed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from potstill.experience.atomic_write import sync_folder, write_atomically
from potstill.launch.errors import BadInputError
from potstill.launch.expert.training_state import TrainingState

#: Checkpoints kept: should the newest be damaged, the one before is there.
KEPT = 2
_NAME = re.compile(r"step_(\d{8,})")
_STATE = "training.json"


class TrainingCheckpoints:
    """``folder/step_XXXXXXXX/{learner/, best/expert.safetensors, training.json}``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, state: TrainingState, *, save_learner: Callable[[Path], None], best: Path | None) -> Path:
        """Write a checkpoint and drop the oldest.

        Args:
            state: Its ``env_steps`` name the checkpoint; one of the same name is replaced.
            save_learner: Fills a new folder.
            best: Folder of the best expert so far.
        """
        target = self._folder / f"step_{state.env_steps:08d}"
        draft = self._folder / f".{target.name}.tmp"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        save_learner(draft / "learner")
        if best is not None:
            shutil.copytree(best, draft / "best")
        write_atomically(draft / _STATE, json.dumps(state.to_mapping(), indent=1).encode())
        if target.exists():
            # Renamed aside first: a folder cannot be renamed over one that is not empty.
            target.rename(old := self._folder / f".{target.name}.old")
            draft.rename(target)
            shutil.rmtree(old)
        else:
            draft.rename(target)
        sync_folder(self._folder)
        for path in self._all()[:-KEPT]:
            shutil.rmtree(path)
        return target

    def newest(self) -> tuple[Path, TrainingState] | None:
        """The newest checkpoint and its state; None when there is none yet.

        Raises:
            BadInputError: it is damaged; says how to go on with the one before.
        """
        paths = self._all()
        if not paths:
            return None
        try:
            return paths[-1], TrainingState.from_mapping(json.loads((paths[-1] / _STATE).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            raise BadInputError(
                f"{paths[-1]}: is damaged; remove it to go on from the checkpoint before it"
            ) from None

    def _all(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        found = [path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: int(path.name.removeprefix("step_")))
