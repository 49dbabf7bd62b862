from __future__ import annotations

import mujoco
import numpy as np

from potstill.envs.rendering.rotation_matrices import rotation_matrices


def test_matrices_equal_mujocos_own():
    quaternions = np.random.default_rng(0).normal(size=(50, 4))
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    expected = np.empty((50, 9))
    for row, quaternion in zip(expected, quaternions):
        mujoco.mju_quat2Mat(row, quaternion)
    assert np.allclose(rotation_matrices(quaternions).reshape(-1, 9), expected, atol=1e-14)
