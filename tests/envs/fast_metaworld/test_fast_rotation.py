from __future__ import annotations

import itertools

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from potstill.envs.fast_metaworld import fast_rotation
from potstill.envs.fast_metaworld.fast_rotation import FastRotation

#: Round numbers and zeros among them: ties between the four components are where the branches meet.
COMPONENT = st.one_of(st.floats(-1, 1), st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]))


def _matrix(quaternion: tuple[float, ...]) -> np.ndarray:
    matrix, unit = np.empty(9), np.array(quaternion)
    mujoco.mju_normalize4(unit)
    mujoco.mju_quat2Mat(matrix, unit)
    return matrix.reshape(3, 3)


def _check(matrix: np.ndarray) -> None:
    expected = Rotation.from_matrix(matrix).as_quat()
    assert FastRotation.from_matrix(matrix).as_quat().tobytes() == expected.tobytes()


@settings(max_examples=500, deadline=None)
@given(st.tuples(COMPONENT, COMPONENT, COMPONENT, COMPONENT))
def test_quaternions_are_scipys_to_the_last_bit(quaternion: tuple[float, ...]) -> None:
    _check(_matrix(quaternion))


def test_quarter_turns_are_scipys_to_the_last_bit() -> None:
    for order, signs in itertools.product(
        itertools.permutations(range(3)), itertools.product((-1.0, 1.0), repeat=3)
    ):
        matrix = np.eye(3)[list(order)] * signs
        if np.linalg.det(matrix) > 0:
            _check(matrix)


def test_mujocos_matrices_need_no_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_rotation, "Rotation", None)
    for quaternion in np.random.default_rng(0).normal(size=(100, 4)):
        FastRotation.from_matrix(_matrix(tuple(quaternion))).as_quat()


def test_a_matrix_that_scipy_would_straighten_is_left_to_scipy() -> None:
    _check(_matrix((0.3, 0.1, -0.7, 0.2)) * (1.0 + 1e-7) + 1e-9)


@pytest.mark.parametrize("matrix", [-np.eye(3), np.zeros((3, 3))])
def test_what_is_no_rotation_is_refused_as_scipy_does(matrix: np.ndarray) -> None:
    with pytest.raises(ValueError, match="determinant"):
        FastRotation.from_matrix(matrix).as_quat()
