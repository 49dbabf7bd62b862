"""Prompt collections: what a scene could be made of and lit by, as versioned JSON lines with a fixed split."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from potstill.experience.errors import PromptFileError
from potstill.experience.stable_draw import stable_draw

#: The classes of bodies that a prompt dresses; ``background`` is floor, walls and sky.
REGIONS = ("table", "robot", "object", "goal", "background")
PromptSplit = Literal["train", "held_out"]

#: Collections that come with potstill, ``NAME.jsonl``.
_SHIPPED = Path(__file__).parent / "prompts"
_HEADER_KEYS = ("collection", "version", "about")
_PROMPT_KEYS = ("id", "title", "split", "regions", "light", "negative", "metadata")
_MAX_TEXT = 300
_MAX_ID = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One look of the whole scene."""

    id: int
    """0..2**31-1, unique in its collection; recorded with every step."""
    title: str
    """For people."""
    split: PromptSplit
    """``held_out`` prompts are never trained on."""
    regions: Mapping[str, str]
    """A description for each of ``REGIONS``."""
    light: str
    """Light, weather and time of day, for the whole scene."""
    negative: str
    """What must not appear (for generators that heed it); may be empty."""
    metadata: Mapping[str, str]
    """Free facts, e.g. setting and era; no painter reads them."""

    def texts(self) -> dict[str, str]:
        """What a render request carries: the regions, ``light`` and ``negative``."""
        return {**self.regions, "light": self.light, "negative": self.negative}


@dataclass(frozen=True, kw_only=True)
class PromptCollection:
    """A file of prompts: a header line, then one prompt per line."""

    name: str
    """``collection-vVERSION``."""
    about: str
    sha256: str
    """Of the file's bytes."""
    prompts: tuple[Prompt, ...]

    @classmethod
    def find(cls, name: str) -> PromptCollection:
        """A collection that comes with potstill by its name, or the file at a path ending in ``.jsonl``.

        Raises:
            PromptFileError: not there, or malformed.
        """
        return cls.parse(prompt_file(name).read_bytes(), source=name)

    @classmethod
    def parse(cls, data: bytes, *, source: str) -> PromptCollection:
        """Check and read a file's bytes; ``source`` is how messages call it.

        Raises:
            PromptFileError: not UTF-8 or JSON, missing or unknown keys, wrong values, duplicate ids, empty splits.
        """
        try:
            lines = data.decode("utf-8").splitlines()
        except UnicodeDecodeError as error:
            raise PromptFileError(f"{source}: is not UTF-8 at byte {error.start}") from None
        numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
        if not numbered:
            raise PromptFileError(f"{source}: is empty; its first line must be a header with {_HEADER_KEYS}")
        header = _Line(source, *numbered[0])
        header.check_keys(_HEADER_KEYS)
        name = f"{header.text('collection')}-v{header.integer('version')}"
        prompts = tuple(_prompt(_Line(source, number, line)) for number, line in numbered[1:])
        _check_ids(prompts, source, [number for number, _ in numbered[1:]])
        for split in ("train", "held_out"):
            if not any(prompt.split == split for prompt in prompts):
                raise PromptFileError(f"{source}: split: no prompt is in {split!r}")
        return cls(
            name=name,
            about=header.text("about"),
            sha256=hashlib.sha256(data).hexdigest(),
            prompts=prompts,
        )

    def of_split(self, split: PromptSplit) -> tuple[Prompt, ...]:
        """The prompts of one split, in the file's order; never empty."""
        return tuple(prompt for prompt in self.prompts if prompt.split == split)

    def choose(self, split: PromptSplit, seed: int) -> Prompt:
        """The prompt of the episode with this seed: uniform over the split, the same in every process."""
        prompts = self.of_split(split)
        return prompts[int(stable_draw(f"prompt {seed}") * len(prompts))]


def prompt_file(name: str) -> Path:
    """Where a collection is: one of potstill's by its name, or a path ending in ``.jsonl``.

    Raises:
        PromptFileError: not there; names those there are.
    """
    path = Path(name) if name.endswith(".jsonl") else _SHIPPED / f"{name}.jsonl"
    if path.is_file():
        return path
    shipped = sorted(file.stem for file in _SHIPPED.glob("*.jsonl"))
    near = difflib.get_close_matches(name, shipped, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise PromptFileError(
        f"no prompt collection {name!r}: give the path of a .jsonl file, or one of {', '.join(shipped)}{hint}"
    )


class _Line:
    """One line of the file; every complaint names it and the key."""

    def __init__(self, source: str, number: int, text: str) -> None:
        self._where = f"{source} line {number}"
        try:
            self.values = json.loads(text, object_pairs_hook=self._without_repeats)
        except (ValueError, RecursionError) as error:
            raise PromptFileError(f"{self._where}: is not JSON: {error}") from None
        if not isinstance(self.values, dict):
            raise self.error("must be a JSON object")

    def _without_repeats(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise self.error(f"{key}: is given twice")
        return dict(pairs)

    def error(self, message: str) -> PromptFileError:
        return PromptFileError(f"{self._where}: {message}")

    def check_keys(self, wanted: tuple[str, ...], *, inside: str = "") -> None:
        values = self.values[inside] if inside else self.values
        prefix = f"{inside}." if inside else ""
        for key in values:
            if key not in wanted:
                near = difflib.get_close_matches(key, wanted, n=1)
                hint = f"; did you mean {prefix}{near[0]}?" if near else f"; allowed: {', '.join(wanted)}"
                raise self.error(f"{prefix}{key}: unknown key{hint}")
        for key in wanted:
            if key not in values:
                raise self.error(f"{prefix}{key}: is missing")

    def text(self, key: str, *, inside: str = "", may_be_empty: bool = False) -> str:
        value = self.values[inside][key] if inside else self.values[key]
        name = f"{inside}.{key}" if inside else key
        if not isinstance(value, str):
            raise self.error(f"{name}: must be a text: got {value!r:.60}")
        if not value.strip() and not may_be_empty:
            raise self.error(f"{name}: is empty")
        if len(value) > _MAX_TEXT or not value.isprintable():
            raise self.error(f"{name}: must be one line of at most {_MAX_TEXT} characters: got {len(value)}")
        return value

    def integer(self, key: str) -> int:
        value = self.values[key]
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_ID:
            raise self.error(f"{key}: must be an integer in 0..{_MAX_ID}: got {value!r:.60}")
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        value = self.values[key]
        if not isinstance(value, dict):
            raise self.error(f"{key}: must be a JSON object: got {value!r:.60}")
        return value


def _prompt(line: _Line) -> Prompt:
    line.check_keys(_PROMPT_KEYS)
    line.mapping("regions")
    line.check_keys(REGIONS, inside="regions")
    split = line.text("split")
    if split not in ("train", "held_out"):
        raise line.error(f"split: must be train or held_out: got {split!r}")
    return Prompt(
        id=line.integer("id"),
        title=line.text("title"),
        split="train" if split == "train" else "held_out",
        regions={region: line.text(region, inside="regions") for region in REGIONS},
        light=line.text("light"),
        negative=line.text("negative", may_be_empty=True),
        metadata={key: line.text(key, inside="metadata") for key in line.mapping("metadata")},
    )


def _check_ids(prompts: tuple[Prompt, ...], source: str, numbers: list[int]) -> None:
    first: dict[int, int] = {}
    for prompt, number in zip(prompts, numbers):
        if prompt.id in first:
            raise PromptFileError(
                f"{source} line {number}: id: {prompt.id} is already the id of line {first[prompt.id]}"
            )
        first[prompt.id] = number
