"""A mesh of which only the convex hull is left: all that MuJoCo's collisions look at."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

_GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))


class HullMesh:
    """The corners of a mesh's hull, in the order in which MuJoCo keeps them in its ``mesh_graph``.

    A collision climbs along the edges of the hull and knows its corners by their place there, which this order
    leaves as it is: the same contacts to the last bit. MuJoCo finds out the hull of whatever it compiles, and would
    lose corners that are nearly none. So it is given a ball with as many, of which the numbers are replaced.

    Args:
        model: Compiled; has a mesh of that name.
        mesh: Of the uncompiled model; becomes the ball.
    """

    def __init__(self, model: mujoco.MjModel, mesh: Any) -> None:
        self._name = mesh.name
        vertices, graph = _vertices_and_graph(model, mesh.name)
        # Counts V and F; then V addresses of edges, V vertices of the mesh, V + 3F edges, 3F vertices of the mesh.
        count = int(graph[0])
        corners, triangles = graph[2 + count : 2 + 2 * count], graph[-3 * graph[1] :]
        place = np.zeros(len(vertices), np.int32)
        place[corners] = np.arange(count)
        self._vertices, self._graph = vertices[corners], graph.copy()
        self._graph[2 + count : 2 + 2 * count] = place[corners]
        self._graph[-3 * graph[1] :] = place[triangles]
        mesh.file = ""
        ball = _ball(count)
        mesh.uservert, mesh.userface = ball.ravel(), _some_solid(ball).ravel()

    def restore(self, model: mujoco.MjModel) -> None:
        """Put the hull into the model compiled since.

        Raises:
            ValueError: the hull is not one of triangles between corners in all of space.
        """
        vertices, graph = _vertices_and_graph(model, self._name)
        if vertices.shape != self._vertices.shape or graph.shape != self._graph.shape:
            raise ValueError(f"mesh {self._name!r} must have a hull of triangles")
        vertices[:], graph[:] = self._vertices, self._graph


def _vertices_and_graph(model: mujoco.MjModel, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Live: (V, 3) float32, and the numbers that describe the hull."""
    mesh = model.mesh(name).id
    first, graph = model.mesh_vertadr[mesh], model.mesh_graph[model.mesh_graphadr[mesh] :]
    corners, triangles = int(graph[0]), int(graph[1])
    return model.mesh_vert[first : first + model.mesh_vertnum[mesh]], graph[: 2 + 3 * corners + 6 * triangles]


def _ball(count: int) -> np.ndarray:
    """``count`` points on a sphere (count, 3): a spiral from pole to pole."""
    height = 1.0 - (2.0 * np.arange(count) + 1.0) / count
    radius, turn = np.sqrt(1.0 - height**2), _GOLDEN_ANGLE * np.arange(count)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), height], axis=1)


def _some_solid(ball: np.ndarray) -> np.ndarray:
    """Faces (4, 3) of a tetrahedron: MuJoCo wants a volume, and over few faces its tree of boxes is small."""
    top, left, right, bottom = 0, len(ball) // 3, len(ball) // 2, len(ball) - 1
    if np.linalg.det(ball[[left, right, bottom]] - ball[top]) < 0.0:
        left, right = right, left
    return np.array([(top, right, left), (top, left, bottom), (top, bottom, right), (left, right, bottom)])
