"""The one task that every peer does: nothing (speed), or a file of its own per execution (faults)."""

import asyncio
import os
import time
from pathlib import Path

#: When each execution of this process ended.
ended = []


def act(folder, index, seconds):
    """One execution. With a folder it leaves a file there: ``INDEX.PID.NANOSECONDS``."""
    if seconds:
        time.sleep(seconds)
    _leave_trace(folder, index)
    ended.append(time.perf_counter())


async def act_async(folder, index, seconds):
    """``act`` for libraries with an event loop."""
    if seconds:
        await asyncio.sleep(seconds)
    _leave_trace(folder, index)
    ended.append(time.perf_counter())


def _leave_trace(folder, index):
    if folder:
        (Path(folder) / f"{index}.{os.getpid()}.{time.time_ns()}").touch()
