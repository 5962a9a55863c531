"""How far the steps of ln depth are from the true ones, over 1, 2, 4 and 8 pixels.

    mean |(ln p_j - ln p_i) - (ln d_j - ln d_i)|,    j = i + h pixels to the right or below

over all such pairs of which both pixels have truth, horizontal and vertical ones pooled: 0.01 is a step
that is 1 % of the depth too large or too small. A short span sees texture and blurred edges, a long one
tilted and bent surfaces. Source: the gradient matching of Li & Snavely 2018
(MegaDepth, arXiv 1804.00607), at spans of full resolution as in Ummenhofer et al. 2017 (DeMoN, arXiv
1612.02401) instead of on smaller maps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thermodepth.metrics.arrays import Map
from thermodepth.metrics.row import MapFamily, Measured, MetricRow
from thermodepth.metrics.truth_map import TruthMap

_SPANS_PX = (1, 2, 4, 8)
_LEAST_PAIRS = 50

_ROWS = tuple(
    MetricRow(
        name=f"gradient_error_{span}",
        unit="",
        better="lower",
        label=f"gradient error {span} px",
        digits=4,
        definition=f"mean |g_j - g_i|, g = ln p - ln d, pixels i and j {span} px apart in a row or column",
        source="Li & Snavely 2018, arXiv 1804.00607; spans as in Ummenhofer et al. 2017, arXiv 1612.02401",
        optimum=0.0,
        scale_invariant=True,
        least_pixels=_LEAST_PAIRS,
    )
    for span in _SPANS_PX
)


def _pair_masks(truth: TruthMap) -> dict[int, tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """By span: which pairs along the columns and along the rows have truth at both ends."""
    valid = truth.valid
    return {
        span: (valid[span:] & valid[:-span], valid[:, span:] & valid[:, :-span])
        for span in _SPANS_PX
    }


def _pair_counts(truth: TruthMap) -> dict[int, int]:
    masks = truth.once(_pair_masks)
    return {span: sum(int(np.count_nonzero(mask)) for mask in masks[span]) for span in _SPANS_PX}


def _measure(prediction_m: Map, truth: TruthMap) -> dict[str, Measured]:
    counts = truth.once(_pair_counts)
    measurable = [
        (row, span)
        for row, span in zip(_ROWS, _SPANS_PX, strict=True)
        if counts[span] >= row.least_pixels
    ]
    if not measurable:
        return {}
    masks = truth.once(_pair_masks)
    # 0 at holes, so that a pair's difference is a number before its mask takes it out.
    residual = np.where(truth.valid, np.log(prediction_m) - truth.log_depth, 0.0)
    measured = {}
    for row, span in measurable:
        down = np.abs(residual[span:] - residual[:-span])
        right = np.abs(residual[:, span:] - residual[:, :-span])
        down *= masks[span][0]
        right *= masks[span][1]
        total = float(down.sum()) + float(right.sum())
        measured[row.name] = Measured(total / counts[span], counts[span])
    return measured


GRADIENT_ERROR = MapFamily(name="gradient_error", rows=_ROWS, measure=_measure)
