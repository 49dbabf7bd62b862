"""The observation without its second look at the frame before."""

from __future__ import annotations

import numpy as np

from potstill.envs.task_simulation import OBSERVATION_SIZE

#: Numbers of the compressed observation.
COMPRESSED_SIZE = 21
#: What each of the 39 numbers is: the frame now (18), the frame before (18), the goal (3).
_NOW, _GOAL = slice(0, 18), slice(36, 39)


def compress_observation(observation: np.ndarray) -> np.ndarray:
    """The 21 of 39 numbers that describe one moment: ``observation[[0:18, 36:39]]``.

    | compressed | observation | what |
    |---|---|---|
    | 0..2 | 0..2 | hand, metres |
    | 3 | 3 | gripper opening, 0..1 |
    | 4..6, 7..10 | 4..6, 7..10 | first object: position in metres, quaternion |
    | 11..13, 14..17 | 11..13, 14..17 | second object, zeros where a task has none |
    | 18..20 | 36..38 | goal, metres |

    Args:
        observation: (..., 39), of any numeric type.

    Returns:
        A copy (..., 21) of the same type.

    Raises:
        ValueError: the last axis is not 39 long.
    """
    if observation.ndim == 0 or observation.shape[-1] != OBSERVATION_SIZE:
        raise ValueError(
            f"observation must have shape (..., {OBSERVATION_SIZE}): got {tuple(observation.shape)}"
        )
    return np.concatenate((observation[..., _NOW], observation[..., _GOAL]), axis=-1)
