"""What do windows from the mapped table cost, against a loop over rows and against columns in memory?

Packs synthetic episodes without pictures, then draws stratified batches of 256 windows of 20 states. All figures
are processor time of this process, the three ways of gathering alternate. Run alone:
``python benchmarks/trajectory_table.py [--quick]``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from potstill.experience.context_history import ContextHistory
from potstill.experience.context_window import ContextWindows, stack_windows
from potstill.experience.episode import Episode, EpisodeMeta
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.stratified_sampler import StratifiedSampler
from potstill.experience.trajectory_table import TrajectoryTable

sys.path.insert(0, str(Path(__file__).parent))
from measurement import print_measurement

BATCH, WINDOW, STEPS = 256, 20, 500
TASKS, ROBOTS = 10, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less data, fewer repetitions")
    quick = parser.parse_args().quick
    per_cell, repetitions = (1, 5) if quick else (6, 21)
    with tempfile.TemporaryDirectory() as folder:
        store = EpisodeStore(Path(folder) / "episodes")
        fill(store, per_cell)
        began = time.process_time()
        table = TrajectoryTable(store, [0], cache=Path(folder) / "cache", split_seed=0)
        pack_seconds = time.process_time() - began
        sampler = StratifiedSampler(table.cell_of_row, batch_size=BATCH, seed=0)
        in_memory = {name: np.array(column) for name, column in table.columns.items()}

        def from_memory(rows: np.ndarray) -> ContextWindows:
            mapped, table.columns = table.columns, in_memory
            try:
                return table.windows(rows, WINDOW)
            finally:
                table.columns = mapped

        ways: dict[str, Callable[[np.ndarray], ContextWindows]] = {
            "mapped": lambda rows: table.windows(rows, WINDOW),
            "memory": from_memory,
            "loop": lambda rows: row_by_row(table, rows),
        }
        check_that_all_agree(ways, sampler.batch(0))
        times = {name: [] for name in ("sampler", *ways)}
        for step in range(repetitions):
            times["sampler"].append(milliseconds(lambda: sampler.batch(step)))
            for name, gather in ways.items():
                times[name].append(milliseconds(lambda: gather(sampler.batch(step))))
    median = {name: statistics.median(values) for name, values in times.items()}
    for name in ways:
        median[name] -= median["sampler"]
    figures = {f"batch_cpu_ms_{name}": value for name, value in median.items()}
    figures |= {"rows": len(table), "pack_cpu_us_per_row": 1e6 * pack_seconds / len(table)}
    ratios = {
        "loop_over_mapped": median["loop"] / median["mapped"],
        "mapped_over_memory": median["mapped"] / median["memory"],
    }
    print_measurement("trajectory_table", figures, ratios)


def fill(store: EpisodeStore, per_cell: int) -> None:
    """One sealed round of ``per_cell`` episodes of every task with every robot."""
    cells = [(f"task-{t}", f"robot-{r}") for t in range(TASKS) for r in range(ROBOTS)] * per_cell
    for index, (task, robot) in enumerate(cells):
        store.commit(episode(index, task, robot))
    store.seal(0, requested=len(cells))


def episode(index: int, task: str, robot: str) -> Episode:
    """Random numbers in the shape of the collective pipeline's episodes."""
    rng = np.random.default_rng(index)
    no, action = np.zeros(STEPS, bool), rng.uniform(-1, 1, (STEPS, 4)).astype(np.float32)
    meta = EpisodeMeta(
        run="bench", round=0, index=index, task=task, robot=robot, seed=index, actor="random", expert="oracle",
        policy_version="", painter="none", painter_version="", keyframe_interval=1, cameras=(),
    )  # fmt: skip
    return Episode(
        meta=meta, proprio=rng.normal(size=(STEPS, 21)).astype(np.float32), privileged=rng.normal(size=(STEPS, 39)),
        action=action, expert_action=action.copy(), expert_acted=no, reward=rng.random(STEPS, np.float32),
        terminated=no.copy(), truncated=no.copy(), success=no.copy(), frames=np.zeros((STEPS, 0, 0, 0, 3), np.uint8),
        keyframe=no.copy(), prompt_id=np.zeros(STEPS, np.int32), render_seed=np.zeros(STEPS, np.int64),
        camera_pose=np.zeros((STEPS, 0, 12), np.float32), body_pos=np.zeros((STEPS, 0, 3)),
        body_quat=np.zeros((STEPS, 0, 4)), site_pos=np.zeros((STEPS, 0, 3)), step_seconds=np.zeros(STEPS, np.float32),
    )  # fmt: skip


def row_by_row(table: TrajectoryTable, rows: np.ndarray) -> ContextWindows:
    """The same windows as an episode that is played sees them: one after another."""
    columns, windows = table.columns, []
    for row in rows.tolist():
        history = ContextHistory(WINDOW, *table.sizes)
        for past in range(row - min(WINDOW - 1, int(columns["step"][row])), row):
            history.see(columns["state"][past])
            history.did(columns["action"][past], columns["reward"][past])
        history.see(columns["state"][row])
        windows.append(history.window())
    return stack_windows(windows)


def check_that_all_agree(ways: dict[str, Callable[[np.ndarray], ContextWindows]], rows: np.ndarray) -> None:
    first, *others = (gather(rows) for gather in ways.values())
    for other in others:
        for name in ("states", "actions", "rewards", "valid"):
            assert np.array_equal(getattr(first, name), getattr(other, name)), name


def milliseconds(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    began = time.process_time()
    work()
    return 1e3 * (time.process_time() - began)


if __name__ == "__main__":
    main()
