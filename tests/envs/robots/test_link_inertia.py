"""Against numbers computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from potstill.envs.robots.link_inertia import link_inertia


def test_one_rod_is_a_solid_cylinder_of_its_length_and_a_housing():
    centre, inertia = link_inertia([(0, 0, 0), (0, 0, 0.4)], radius=0.1, mass=2.0)
    along = 2.0 * 0.1**2 / 2
    across = 2.0 * (3 * 0.1**2 + 0.5**2) / 12
    assert centre == pytest.approx([0, 0, 0.2])
    assert inertia == pytest.approx(np.diag([across, across, along]))


def test_a_link_without_length_is_a_ball():
    centre, inertia = link_inertia([(1, 2, 3), (1, 2, 3)], radius=0.1, mass=5.0)
    assert centre == pytest.approx([1, 2, 3])
    assert inertia == pytest.approx(0.4 * 5.0 * 0.1**2 * np.eye(3))


def test_two_rods_share_the_mass_by_length_and_count_from_their_common_centre():
    # Along x from 0 to 0.9 (with the housing 1.0: 2 kg), then along y from 0 to 0.4 (0.5: 1 kg).
    centre, inertia = link_inertia([(0, 0, 0), (0.9, 0, 0), (0.9, 0.4, 0)], radius=0.1, mass=3.0)
    assert centre == pytest.approx([(2 * 0.45 + 0.9) / 3, 0.2 / 3, 0])
    across = [2 * (0.03 + 1.0) / 12, 1 * (0.03 + 0.25) / 12]
    offsets = [(0.45 - 0.6, -0.2 / 3), (0.9 - 0.6, 0.2 - 0.2 / 3)]
    about_z = sum(across) + sum(m * (x**2 + y**2) for m, (x, y) in zip((2, 1), offsets))
    assert inertia[2, 2] == pytest.approx(about_z)
    assert inertia[0, 1] == pytest.approx(-sum(m * x * y for m, (x, y) in zip((2, 1), offsets)))
    assert inertia == pytest.approx(inertia.T)
