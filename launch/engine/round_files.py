"""A round's files against what the queue and the settings say of it: after a kill, the files are right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from potstill.experience.atomic_write import write_atomically
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import EpisodeFileError
from potstill.experience.round_manifest import EpisodeEntry
from potstill.launch.engine.event_sink import EventSink
from potstill.launch.engine.stage import Stage
from potstill.launch.engine.stage_log import StageLog
from potstill.launch.errors import BadInputError
from potstill.queues.task import Task
from potstill.queues.task_queue import TaskQueue


class RoundFiles:
    """Call order, before a round is collected: ``make_room``, then ``reconcile``; after it ``seal``."""

    def __init__(
        self, *, run_dir: Path, queue: TaskQueue, store: EpisodeStore, stages: StageLog, events: EventSink
    ) -> None:
        self._run_dir = run_dir
        self._queue = queue
        self._store = store
        self._stages = stages
        self._events = events

    def make_room(self, stage: Stage, round_index: int) -> None:
        """Episodes of a round collected under other settings are set aside, never mixed in and never deleted."""
        folder = self._run_dir / "episodes" / f"round_{round_index:02d}"
        if folder.exists() and not self.holds(stage):
            shelf = self._run_dir / "superseded"
            shelf.mkdir(exist_ok=True)
            kept = shelf / f"{folder.name}.{len(list(shelf.glob(f'{folder.name}.*')))}"
            # A finished collection of these episodes must not count as done once they are gone.
            self._stages.forget(stage.name)
            folder.rename(kept)
            self._events.write("warning", message=f"settings changed: old episodes moved to {kept}")
        write_atomically(self._marker(stage), stage.key.encode())

    def holds(self, stage: Stage) -> bool:
        """Whether the round's folder is being filled under these very settings."""
        marker = self._marker(stage)
        return marker.exists() and marker.read_text() == stage.key

    def reconcile(self, round_index: int, tasks: list[Task], *, sealed: bool = False) -> None:
        """Files are the truth: a committed episode is done even if the server forgot it, and one whose file is
        gone or damaged is not, whatever the server says.

        Raises:
            BadInputError: a damaged episode of a sealed round, on which students were trained.
        """
        known = self._queue.results(tasks[0].group)
        there: set[str] = set()
        forgotten: list[tuple[Task, dict[str, Any]]] = []
        for entry in self._store.entries(round_index):
            if entry.index >= len(tasks):
                continue  # sealing the round will refuse it by name
            task = tasks[entry.index]
            try:
                if task.id in known:
                    self._store.local_path(entry)
                else:
                    forgotten.append((task, self._result_of(entry)))
                there.add(task.id)
            except EpisodeFileError as error:
                if sealed:
                    raise BadInputError(f"{error}; restore the file: the round is sealed") from None
                self._store.discard(round_index, entry.index)
                self._events.write("warning", message=f"collected again: {error}")
        self._queue.adopt([task for task, _ in forgotten], [result for _, result in forgotten])
        self._queue.revive([task_id for task_id in known if task_id not in there])

    def seal(self, round_index: int, requested: int) -> dict[str, Any]:
        """Seal the complete round: its manifest's hash, what it counts, and how often its actors succeeded.

        Raises:
            ManifestError: the round is not complete.
        """
        manifest = self._store.seal(round_index, requested=requested)
        entries = manifest.entries
        return {
            "manifest": manifest.sha256,
            "rollouts_committed": len(entries),
            "duplicates": len(entries) - len({entry.index for entry in entries}),
            "lost": requested - len(entries),
            "actor_success_rate": sum(entry.success for entry in entries) / len(entries),
        }

    def _marker(self, stage: Stage) -> Path:
        return self._run_dir / "stages" / f"{stage.name}.collecting"

    def _result_of(self, entry: EpisodeEntry) -> dict[str, Any]:
        """What the worker that committed this episode would have told the ledger."""
        episode = self._store.load(entry)
        return {
            "index": entry.index,
            "seed": entry.seed,
            "success": entry.success,
            "steps": entry.steps,
            "return": float(episode.reward.sum()),
            "frames": entry.steps * episode.frames.shape[1],
            "render_calls": int(episode.keyframe.sum()),
            "attempt": 0,
        }
