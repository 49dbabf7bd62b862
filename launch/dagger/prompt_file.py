"""A run's prompts: found, checked, and copied into the run directory, where the file's name is its hash."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from potstill.envs.rendering.render_config import RenderConfig
from potstill.experience.atomic_write import write_atomically
from potstill.experience.errors import PromptFileError
from potstill.experience.prompt_collection import PromptCollection, prompt_file
from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.dagger.stages import (
    evaluation_render,
)
from potstill.launch.errors import BadInputError

#: A pinned collection, relative to the run directory. Stages see this name, so other prompts are another input.
_PINNED = re.compile(r"prompts/([0-9a-f]{64})\.jsonl")


@dataclass(frozen=True, kw_only=True)
class PromptFile:
    """What ``find`` found; nothing is written before ``copy``."""

    config: DaggerConfig
    """As given, with ``render.prompt_collection`` pinned where a painter of the run takes prompts."""
    data: bytes | None
    """The collection's bytes; None where there is nothing to copy."""

    @classmethod
    def find(cls, config: DaggerConfig, run_dir: Path) -> PromptFile:
        """Read and check the collection that ``config.render`` names, if prompts are painted in rounds or final looks.

        Raises:
            BadInputError: missing, malformed or changed; says where.
        """
        name = config.render.prompt_collection
        looks = [evaluation_render(config, look) for look in config.evaluation.final_looks]
        prompted = [render for render in (config.render, *looks) if render.takes_prompts]
        if not prompted:
            return cls(config=config, data=None)
        if _PINNED.fullmatch(name):
            pinned_prompts(prompted[0], run_dir)
            return cls(config=config, data=None)
        try:
            data = prompt_file(name).read_bytes()
            collection = PromptCollection.parse(data, source=name)
        except (OSError, PromptFileError) as error:
            raise BadInputError(f"render.prompt_collection: {error}") from None
        pinned = f"prompts/{collection.sha256}.jsonl"
        return cls(config=replace(config, render=replace(config.render, prompt_collection=pinned)), data=data)

    def copy(self, run_dir: Path) -> None:
        """Put the collection into the run directory, so that it can be resumed and replayed from itself alone."""
        if self.data is not None:
            write_atomically(run_dir / self.config.render.prompt_collection, self.data)


def pinned_prompts(render: RenderConfig, run_dir: Path) -> PromptCollection | None:
    """The prompts of a run; None where the painter takes none.

    Raises:
        BadInputError: the file is gone or was altered.
    """
    if not render.takes_prompts:
        return None
    match = _PINNED.fullmatch(render.prompt_collection)
    if not match:
        raise ValueError(f"the prompt collection {render.prompt_collection!r} was never pinned")
    path = run_dir / render.prompt_collection
    try:
        collection = PromptCollection.parse(path.read_bytes(), source=str(path))
    except (OSError, PromptFileError) as error:
        raise BadInputError(f"render.prompt_collection: {error}; restore the file") from None
    if collection.sha256 != match.group(1):
        raise BadInputError(f"render.prompt_collection: {path} was altered; restore the file")
    return collection
