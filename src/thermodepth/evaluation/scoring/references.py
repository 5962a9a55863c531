"""Frames without truth against what another network makes of the same view: ranks, plain and beyond a layout.

    rank      Spearman's, of inverse depth with the reference
    partial   the same beyond what the place in the picture tells (`metrics.rank`)
    beyond    the same beyond that and beyond the mean of the other frames' references: what a set of streets
              has in common is more layout than six terms follow

Sky is infinitely far, whatever depth is said there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.metrics import RankReference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.metrics import Map


class FrameReference:
    """The reference of one frame, met by many maps."""

    def __init__(self, reference: Map, *, prior: Map | None = None) -> None:
        """
        Args:
            reference: `[h w]` inverse depth up to factor and offset, larger is nearer; NaN = none.
            prior: `[h w]` a guess at it that saw no picture; None: nothing is measured beyond one.
        """
        self._plain = RankReference(reference)
        self._beyond = None if prior is None else RankReference(reference, prior=prior)

    def scores(
        self,
        structure: NDArray[np.floating],
        *,
        depth_m: NDArray[np.floating] | None = None,
        sky: NDArray[np.bool_] | None = None,
    ) -> dict[str, float]:
        """By name, such as `structure_partial`; what cannot be measured is absent.

        Args:
            structure: `[h' w']` of any size, larger is nearer.
            depth_m: `[h' w']` metres; None: no metres were said.
            sky: `[h' w']` True where nothing but sky is seen; None: that was not told.
        """
        scores = self._of_head("structure", np.asarray(structure, np.float64))
        if depth_m is not None:
            inverse = 1.0 / np.asarray(depth_m, np.float64)
            scores |= self._of_head("depth", inverse if sky is None else np.where(sky, 0, inverse))
        return {name: value for name, value in scores.items() if not np.isnan(value)}

    def _of_head(self, head: str, values: Map) -> dict[str, float]:
        plain = self._plain.agreement(values)
        scores = {f"{head}_rank": plain.rank, f"{head}_partial": plain.partial}
        if self._beyond is not None:
            scores[f"{head}_beyond"] = self._beyond.agreement(values).partial
        return scores


def means_of_others(references: Sequence[Map]) -> list[Map | None]:
    """For each reference, at its size, the mean of the ranks of all others: a guess that looks at nothing.

    Args:
        references: `[h w]` each, finite.

    Returns:
        None for a reference that is alone.
    """
    if len(references) < 2:
        return [None] * len(references)
    ranks = [_resized(_shares(depth), references[0].shape) for depth in references]
    total = np.sum(ranks, axis=0)
    means = [(total - rank) / (len(ranks) - 1) for rank in ranks]
    return [_resized(mean, depth.shape) for mean, depth in zip(means, references, strict=True)]


def _shares(values: Map) -> Map:
    """[h w] of each value the share of all that is not above it."""
    from scipy.stats import rankdata

    shares: Map = rankdata(values).reshape(values.shape) / values.size
    return shares


def _resized(values: Map, size: tuple[int, ...]) -> Map:
    import cv2  # a large library

    return np.asarray(cv2.resize(values, size[::-1], interpolation=cv2.INTER_AREA), np.float64)
