"""Where committed episodes live: immutable files, first commit wins, a sealed manifest per round."""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from potstill.experience.atomic_write import TEMPORARY_SUFFIX
from potstill.experience.episode import Episode
from potstill.experience.episode_codec import EpisodeFile, encode_episode
from potstill.experience.errors import EpisodeFileError, ManifestError
from potstill.experience.local_shelf import LocalShelf
from potstill.experience.remote_shelf import RemoteShelf
from potstill.experience.round_manifest import EpisodeEntry, RoundManifest
from potstill.experience.shelf import Shelf

_ENTRY = re.compile(r"^(\d{5,9})\.json$")
_DATA = re.compile(r"^(\d{5,9})\.[0-9a-f]{8}\.safetensors$")
_TEMPORARY = re.compile(rf"^\.(\d{{5,9}})\..*{re.escape(TEMPORARY_SUFFIX)}$")
_ROUND = re.compile(r"^round_(\d{2,6})$")


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The outcome of a commit."""

    entry: EpisodeEntry
    """The episode that counts, which is another worker's when ``committed`` is False."""
    committed: bool
    """Whether this commit was the first."""


class EpisodeStore:
    """Episodes of one run, by round and index.

    ::

        URL/round_00/00017.1f0c22ab.safetensors   data; its name holds the start of its sha256
        URL/round_00/00017.json                   entry; created exclusively: the episode counts from here on
        URL/round_00/manifest.json                written by ``seal`` once every entry is there

    Any number of processes may commit the same (round, index); exactly one counts, the others remove their
    data and are told the winner's entry. A killed process can leave only files that no entry names;
    ``remove_orphans`` takes them away.
    """

    def __init__(self, url: str | Path, *, cache: Path | None = None) -> None:
        """``url`` is a local path or any fsspec URL; ``cache`` holds local copies of a remote store's files
        (default: a temporary folder that lives as long as this object).
        """
        filesystem, root = fsspec.core.url_to_fs(str(url))
        self._own_cache: tempfile.TemporaryDirectory | None = None
        self._shelf: Shelf
        if isinstance(filesystem, LocalFileSystem):
            self._shelf = LocalShelf(Path(root))
        else:
            if cache is None:
                self._own_cache = tempfile.TemporaryDirectory(prefix="potstill-episodes-")
                cache = Path(self._own_cache.name)
            self._shelf = RemoteShelf(filesystem, root, cache=cache)

    def commit(self, episode: Episode) -> Commit:
        """Store an episode under its (round, index) unless it is there already.

        Raises:
            StoreFullError: no space; the episode does not count and its files are removed.
        """
        meta = episode.meta
        existing = self.entry(meta.round, meta.index)
        if existing is not None:
            # Who committed it may have died before it was safe on the disk: "create" makes sure of that.
            self._shelf.create(_entry_name(meta.round, meta.index), existing.to_json())
            return Commit(entry=existing, committed=False)
        data = encode_episode(episode)
        entry = _describe(episode, data)
        folder = _folder(meta.round)
        try:
            self._shelf.write(f"{folder}/{entry.file}", data)
            won = self._shelf.create(_entry_name(meta.round, meta.index), entry.to_json())
        except BaseException:
            self._remove_unless_named(entry)
            raise
        if won:
            return Commit(entry=entry, committed=True)
        return Commit(entry=self._remove_unless_named(entry) or entry, committed=False)

    def entry(self, round: int, index: int) -> EpisodeEntry | None:
        """The entry of one episode, or None when it is not committed.

        Raises:
            ManifestError: the entry file is corrupt.
        """
        name = _entry_name(round, index)
        try:
            entry = EpisodeEntry.from_json(self._shelf.read(name))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ManifestError(f"{self._shelf.describe(name)}: {error}") from error
        if (entry.round, entry.index) != (round, index):
            raise ManifestError(f"{self._shelf.describe(name)}: is the entry of {entry.round}/{entry.index}")
        return entry

    def entries(self, round: int) -> list[EpisodeEntry]:
        """Everything committed to a round so far, by index."""
        matches = (_ENTRY.match(name) for name in self._shelf.names(_folder(round)))
        found = (self.entry(round, int(match.group(1))) for match in matches if match)
        return sorted((entry for entry in found if entry is not None), key=lambda entry: entry.index)

    def rounds(self) -> list[int]:
        """Every round with a folder, sorted."""
        return sorted(int(match.group(1)) for name in self._shelf.names("") if (match := _ROUND.match(name)))

    def seal(self, round: int, *, requested: int) -> RoundManifest:
        """Write the manifest of a complete round and remove what no entry names. Repeating it is harmless.

        Raises:
            ManifestError: episodes 0..requested-1 are not all there, or there are more.
        """
        try:
            manifest = RoundManifest(round=round, requested=requested, entries=tuple(self.entries(round)))
        except ValueError as error:
            raise ManifestError(
                f"{self._shelf.describe(_folder(round))}: cannot be sealed: {error}"
            ) from error
        self._shelf.write(_manifest_name(round), manifest.to_json())
        self.remove_orphans(round)
        return manifest

    def manifest(self, round: int) -> RoundManifest:
        """The sealed manifest of a round.

        Raises:
            ManifestError: not sealed, altered, or not of this round.
        """
        name = _manifest_name(round)
        try:
            manifest = RoundManifest.from_json(self._shelf.read(name))
        except FileNotFoundError as error:
            raise ManifestError(f"{self._shelf.describe(name)}: missing: the round is not sealed") from error
        except ValueError as error:
            raise ManifestError(f"{self._shelf.describe(name)}: {error}") from error
        if manifest.round != round:
            raise ManifestError(f"{self._shelf.describe(name)}: is the manifest of round {manifest.round}")
        return manifest

    def local_path(self, entry: EpisodeEntry) -> Path:
        """A local file with the episode's bytes; their number is checked, not their hash (see ``verify``).

        Raises:
            EpisodeFileError: the file is missing or of the wrong size.
        """
        name = _data_name(entry)
        try:
            path = self._shelf.local_path(name)
            size = path.stat().st_size
        except FileNotFoundError as error:
            raise EpisodeFileError(f"{self._shelf.describe(name)}: missing") from error
        if size != entry.bytes:
            raise EpisodeFileError(
                f"{self._shelf.describe(name)}: {size} bytes, committed with {entry.bytes}"
            )
        return path

    def load(self, entry: EpisodeEntry) -> Episode:
        """The whole episode; raises EpisodeFileError when missing or corrupt."""
        with EpisodeFile(self.local_path(entry)) as file:
            return file.load()

    def verify(self, round: int) -> list[str]:
        """Hash every data file of a round again; returns one line per problem, naming the file."""
        problems = []
        for entry in self.entries(round):
            where = self._shelf.describe(_data_name(entry))
            try:
                data = self._shelf.read(_data_name(entry))
            except FileNotFoundError:
                problems.append(f"{where}: missing")
                continue
            if hashlib.sha256(data).hexdigest() != entry.sha256:
                problems.append(f"{where}: corrupt: its sha256 is not the committed one")
        return problems

    def discard(self, round: int, index: int) -> None:
        """Forget one episode (its data is damaged), so that it can be committed again; unseals the round."""
        self._shelf.remove(_manifest_name(round))
        self._shelf.remove(_entry_name(round, index))
        for name in self._shelf.names(_folder(round)):
            if (match := _DATA.match(name)) and int(match.group(1)) == index:
                self._shelf.remove(f"{_folder(round)}/{name}")

    def remove_orphans(self, round: int) -> list[str]:
        """Remove files left by killed or beaten workers, of committed episodes only: others may be in flight.

        Returns their names.
        """
        files = {entry.index: entry.file for entry in self.entries(round)}
        orphans = []
        for name in self._shelf.names(_folder(round)):
            match = _DATA.match(name) or _TEMPORARY.match(name)
            if match and name != files.get(int(match.group(1)), name):
                self._shelf.remove(f"{_folder(round)}/{name}")
                orphans.append(name)
        return orphans

    def _remove_unless_named(self, entry: EpisodeEntry) -> EpisodeEntry | None:
        """Remove a data file that lost, unless the winner wrote the very same bytes. Returns the winner."""
        winner = self.entry(entry.round, entry.index)
        if winner is None or winner.file != entry.file:
            self._shelf.remove(_data_name(entry))
        return winner


def _describe(episode: Episode, data: bytes) -> EpisodeEntry:
    digest = hashlib.sha256(data).hexdigest()
    return EpisodeEntry(
        run=episode.meta.run,
        round=episode.meta.round,
        index=episode.meta.index,
        file=f"{episode.meta.index:05d}.{digest[:8]}.safetensors",
        sha256=digest,
        bytes=len(data),
        steps=len(episode),
        success=episode.succeeded,
        seed=episode.meta.seed,
        actor=episode.meta.actor,
    )


def _folder(round: int) -> str:
    if not 0 <= round < 10**6:
        raise ValueError(f"round must be 0..999999: got {round}")
    return f"round_{round:02d}"


def _entry_name(round: int, index: int) -> str:
    if not 0 <= index < 10**9:
        raise ValueError(f"index must be 0..999999999: got {index}")
    return f"{_folder(round)}/{index:05d}.json"


def _manifest_name(round: int) -> str:
    return f"{_folder(round)}/manifest.json"


def _data_name(entry: EpisodeEntry) -> str:
    return f"{_folder(entry.round)}/{entry.file}"
