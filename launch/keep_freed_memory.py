"""Lets a worker process keep the memory that it frees and will ask for again with its next step."""

from __future__ import annotations

import ctypes

# Names and numbers of <malloc.h>.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_BLOCK_BYTES = 2**30
_KEPT_BYTES = 2**31 - 1


def keep_freed_memory() -> bool:
    """Take blocks of up to 1 GiB from the heap, and keep up to 2 GiB of it when they are freed.

    Left alone, glibc maps each large array anew and gives it back to the kernel, which clears its pages one by one at
    their first use, which a training step on large batches feels (``benchmarks/learner.py``). No value changes by it.

    Returns:
        False where the C library cannot be told (only glibc can), and nothing was changed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _BLOCK_BYTES) and mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))
