"""The function under Meta-World's decorator."""

from __future__ import annotations

from types import FunctionType


def undecorated(function: FunctionType) -> FunctionType:
    """Without ``assert_task_is_set``, which holds for every task that we build; others as they are."""
    if "assert_task_is_set" not in function.__qualname__:
        return function
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
    return cells["func"].cell_contents
