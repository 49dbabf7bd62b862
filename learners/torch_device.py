"""Where torch computes: the device of a training, and how many threads it may take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def choose_device(name: str) -> torch.device:
    """The device by the name in a configuration: auto (the GPU when there is one), cpu or cuda.

    Raises:
        ValueError: cuda on a machine without a GPU.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be auto or cpu on this machine: got 'cuda', but torch finds no GPU")
    return torch.device(name)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """``count`` threads for torch's own loops inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
