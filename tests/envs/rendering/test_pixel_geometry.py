from __future__ import annotations

import numpy as np

from potstill.envs.rendering.pixel_geometry import PixelGeometry


def plane_depth(normal, distance, size=24, fovy=40.0):
    """Depth of the plane ``normal . X = -distance`` in the camera's frame, and its rays."""
    step = 2 * np.tan(np.deg2rad(fovy) / 2) / size
    offset = (np.arange(size) + 0.5 - size / 2) * step
    x, y = np.meshgrid(offset, -offset)
    rays = np.stack([x, y, -np.ones_like(x)])
    return (-distance / np.einsum("i,ihw->hw", normal, rays)).astype(np.float32)[None], rays


def test_points_lie_on_the_plane_they_were_drawn_from():
    normal = np.array([0.3, 0.5, 0.81])
    depth, _ = plane_depth(normal, 2.0)
    geometry = PixelGeometry(depth, np.array([40.0], np.float32))
    points = geometry.points(0, slice(None), slice(None))
    assert np.allclose(np.tensordot(normal, points, 1), -2.0, atol=1e-4)
    column, row = geometry.grid()
    rays = geometry.unprojections[0] @ np.stack([column, row, np.ones_like(row)])
    assert np.allclose(rays * geometry.depth, points.reshape(3, -1), atol=1e-5)


def test_the_box_of_a_ball_holds_every_pixel_that_shows_it():
    depth = np.full((1, 32, 32), 9.0, np.float32)
    geometry = PixelGeometry(depth, np.array([40.0], np.float32))
    rays = geometry.points(0, slice(None), slice(None)) / np.linalg.norm(
        geometry.points(0, slice(None), slice(None)), axis=0
    )
    for centre in np.array([[0.3, 0.2, -2.0], [-0.9, 0.7, -2.5], [0.0, 0.0, -0.1], [0.0, 0.0, 2.0]]):
        along = np.tensordot(centre, rays, 1)
        hit = (
            (centre @ centre - along**2 < 0.15**2) & (along > 0)
            if centre[2] < 0
            else np.zeros((32, 32), bool)
        )
        rows, columns = geometry.box(0, centre, 0.15)
        inside = np.zeros_like(hit)
        inside[rows, columns] = True
        assert (inside | ~hit).all()
    rows, columns = geometry.box(0, np.array([0.3, 0.2, -2.0]), 0.15)
    assert rows.stop - rows.start < 12
    assert rows.stop <= 16 <= columns.start  # above the middle and to its right


def test_normals_of_planes_lean_from_the_true_one_to_the_camera_and_are_the_same_everywhere():
    for normal in np.array([[0.0, 0.0, 1.0], [0.5, 0.0, 0.87], [-0.3, 0.4, 0.87], [0.0, 0.6, 0.8]]):
        normal /= np.linalg.norm(normal)
        depth, _ = plane_depth(normal, 1.5)
        normals = (
            PixelGeometry(depth, np.array([40.0], np.float32)).normals(np.arange(depth.size)).astype(float)
        )
        assert np.allclose(np.linalg.norm(normals, axis=0), 1, atol=1e-5)
        assert normals.std(axis=1).max() < 0.01
        across, true = normals[:2].mean(axis=1), normal[:2]
        steepness = np.linalg.norm(true)
        if steepness:  # the same direction in the picture, less steep
            assert 0.3 < np.linalg.norm(across) / steepness < 1
            assert np.allclose(across / np.linalg.norm(across), true / steepness, atol=0.02)


def test_a_step_in_depth_does_not_bend_the_normals_beside_it():
    depth = np.ones((1, 16, 16), np.float32)
    depth[:, :, 8:] = 2.0
    normals = PixelGeometry(depth, np.array([40.0], np.float32)).normals(np.arange(depth.size))
    assert np.allclose(normals, [[0], [0], [1]], atol=1e-6)


def test_a_line_one_pixel_wide_faces_the_camera():
    depth = np.full((1, 16, 16), 2.0, np.float32)
    depth[:, :, 8] = 1.0
    normals = PixelGeometry(depth, np.array([40.0], np.float32)).normals(np.arange(depth.size))
    assert normals[2].min() > 0.95
