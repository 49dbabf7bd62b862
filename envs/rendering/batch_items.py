"""What is drawn in one go: which visual in which view, in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: float32 columns of an item: pose (12), view (12), rgba (4), gloss and body (4), texture (4), slot (4).
ITEM_COLUMNS = 40


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchItems:
    """Items in drawing order; runs of one visual become one draw. Legend: I items."""

    visual: np.ndarray
    """(I,) int."""
    view: np.ndarray
    """(I,) int."""
    opaque: int
    """So many items come before the see-through ones."""

    @staticmethod
    def of(shown: np.ndarray, transparent: np.ndarray, distances: np.ndarray) -> BatchItems:
        """Opaque visuals in their own order, then in every view the see-through ones, far ones first.

        Args:
            shown: (N, V) bool, which visuals to draw in which view.
            transparent: (V,) bool.
            distances: (N, V) m from the camera.
        """
        visual, view = np.nonzero((shown & ~transparent).T)
        opaque = len(visual)
        clear = np.flatnonzero(transparent)
        if len(clear) and shown[:, clear].any():
            order = clear[np.argsort(-distances[:, clear], axis=1, kind="stable")]  # (N, ranks)
            views = np.broadcast_to(np.arange(len(shown))[:, None], order.shape)
            kept = shown[views, order].T  # rank by rank, so that equal visuals of many views stand together
            visual = np.concatenate([visual, order.T[kept]])
            view = np.concatenate([view, views.T[kept]])
        return BatchItems(visual=visual, view=view, opaque=opaque)

    def commands(self, element_start: np.ndarray) -> tuple[np.ndarray, int]:
        """(D, 5) uint32 indirect draw commands, and how many of them are opaque.

        Args:
            element_start: (V + 1,) first index of each visual in the element buffer.
        """
        changes = np.flatnonzero(np.diff(self.visual)) + 1
        first = np.unique(np.concatenate([[0], changes, [self.opaque]]))
        first = first[first < len(self.visual)].astype(np.intp)
        visual = self.visual[first]
        commands = np.zeros(
            (len(first), 5), np.uint32
        )  # elements, instances, first element, base, first instance
        commands[:, 0] = element_start[visual + 1] - element_start[visual]
        commands[:, 1] = np.diff(np.append(first, len(self.visual)))
        commands[:, 2] = element_start[visual]
        commands[:, 4] = first
        return commands, int((first < self.opaque).sum())
