"""The looks of an episode: one from beginning to end, or another every few steps."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from potstill.actors.rollout_job import RolloutJob
from potstill.experience.errors import PromptFileError
from potstill.experience.prompt_collection import PromptCollection


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a painter is told beside the scene."""

    seed: int
    """63 bits."""
    prompt_id: int = -1
    """-1 without prompts."""
    prompt: Mapping[str, str]


class LookSequence:
    """A pure function of the job: the same looks whichever worker acts the episode, and when it is replayed."""

    def __init__(self, job: RolloutJob) -> None:
        """Raises PromptFileError when the job's prompts are gone or altered."""
        self._job = job
        self._prompts = _load(job.prompt_file) if job.prompt_file else None
        lasting = not job.render.look_steps or job.purpose == "evaluation"
        self._lasting = (
            Look(seed=_seed(f"look {job.seed}"), prompt_id=job.prompt_id, prompt=job.prompt)
            if lasting
            else None
        )

    def at(self, step: int) -> Look:
        """The look of a picture that is painted at this step, 0 = the episode's first."""
        if self._lasting is not None:
            return self._lasting
        job = self._job
        seed = _seed(f"look {job.seed} {step // job.render.look_steps}")
        if self._prompts is None:
            return Look(seed=seed, prompt={})
        prompt = self._prompts.choose("train", seed)
        return Look(seed=seed, prompt_id=prompt.id, prompt=prompt.texts())


@functools.lru_cache(maxsize=4)
def _load(path: str) -> PromptCollection:
    """A pinned collection: its file is named by its hash."""
    try:
        collection = PromptCollection.parse(Path(path).read_bytes(), source=path)
    except OSError as error:
        raise PromptFileError(f"{path}: {error.strerror}") from error
    if collection.sha256 != Path(path).stem:
        raise PromptFileError(f"{path}: was altered since the run began")
    return collection


def _seed(text: str) -> int:
    """A hash, so that no look of an evaluation was ever a look of training."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1
