"""What is drawn in one go: which visual in which view, in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: float32 columns of an item: pose (12), view (12), rgba (4), gloss and body (4), texture (4), slot (4).
ITEM_COLUMNS = 40
#: Stages of a draw, in this order. Plain is what has no texture and the usual shininess. See-through visuals are
#: blended near ones first and then once more far ones first, as MuJoCo does.
PLAIN, TEXTURED, SEE_THROUGH, SEE_THROUGH_AGAIN = range(4)


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchItems:
    """Items in drawing order; runs of one visual become one draw. Legend: I items, N views, V visuals."""

    visual: np.ndarray
    """(I,) int."""
    view: np.ndarray
    """(I,) int."""
    stage: np.ndarray
    """(I,) int, ``PLAIN`` .. ``SEE_THROUGH_AGAIN``, rising."""

    @staticmethod
    def of(shown: np.ndarray, stages: np.ndarray, distances: np.ndarray) -> BatchItems:
        """Opaque visuals stage by stage in their own order, then in every view the see-through ones by distance.

        Args:
            shown: (N, V) bool, which visuals to draw in which view.
            stages: (V,) int, where each visual belongs: up to ``SEE_THROUGH``.
            distances: (N, V) m from the camera.
        """
        order = np.argsort(stages, kind="stable")[: int((stages < SEE_THROUGH).sum())]
        rank, view = np.nonzero(shown[:, order].T)
        visual = order[rank]
        stage = stages[visual]
        clear = np.flatnonzero(stages == SEE_THROUGH)
        if len(clear) and shown[:, clear].any():
            near_first = clear[np.argsort(distances[:, clear], axis=1, kind="stable")].T  # (ranks, N)
            views = np.broadcast_to(np.arange(len(shown)), near_first.shape)
            for turn, ranked in ((SEE_THROUGH, near_first), (SEE_THROUGH_AGAIN, near_first[::-1])):
                kept = shown[views, ranked]  # rank by rank: equal visuals of many views stand together
                visual = np.concatenate([visual, ranked[kept]])
                view = np.concatenate([view, views[kept]])
                stage = np.concatenate([stage, np.full(int(kept.sum()), turn)])
        return BatchItems(visual=visual, view=view, stage=stage)

    def commands(self, element_start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(D, 5) uint32 indirect draw commands, and (4,) int how many of them belong to each stage.

        Args:
            element_start: (V + 1,) first index of each visual in the element buffer.
        """
        first = np.concatenate([[0], np.flatnonzero(np.diff(self.visual) | np.diff(self.stage)) + 1])
        visual = self.visual[first]
        commands = np.zeros(
            (len(first), 5), np.uint32
        )  # elements, instances, first element, base, first item
        commands[:, 0] = element_start[visual + 1] - element_start[visual]
        commands[:, 1] = np.diff(np.append(first, len(self.visual)))
        commands[:, 2] = element_start[visual]
        commands[:, 4] = first
        return commands, np.bincount(self.stage[first], minlength=4)
