"""Does depth break where the truth breaks: precision, recall and F1 of occlusion boundaries.

A pixel i and its neighbour j, in the four directions, are a boundary at ratio t where depth jumps away
from i to j:

    c(i, j) = [ln d_j - ln d_i > ln t],    t = 1.05 ... 1.25 in 10 equal steps
    P(t) = TP / sum c_p,   R(t) = TP / sum c_d,   F1(t) = 2 TP / (sum c_p + sum c_d),   TP = sum c_p c_d
    value = sum_t t P(t) / sum_t t             and so for R and F1

over pairs of which both pixels have truth. Source: Bochkovskii et al. 2024 (Depth Pro), arXiv 2410.02073,
whose released code weighs by t as well. Two things differ from that code:

- The four directions are pooled: sums of TP over sums of counts. The code takes the mean of four
  quotients, each with max(count, 1) below, and so scores a perfect prediction below 1 wherever some
  direction has no boundary.
- Ratios at which the truth has no boundary are left out of the weighted mean. A prediction without a
  boundary where the truth has some has P = F1 = 0, whichever way 0/0 is read.

A map of 96x128 enlarged to truth of 480x640 has its jumps drawn out over five pixels and hardly a boundary
left: F1 is about 0 for every such map, whatever it knows. So F1 is also taken at the map's own size, with the
truth read at the places of the map's pixels (`boundary_f1_own`; the same where the sizes are the same).

The count is that of the truth's boundaries at t = 1.05. A boundary one pixel off its place counts as
missed and as invented; `edge_distance` says by how much it is off.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from thermodepth.metrics.arrays import Map
from thermodepth.metrics.row import MapFamily, Measured, MetricRow
from thermodepth.metrics.truth_map import TruthMap

_LEAST_BOUNDARIES = 50
_RATIOS = np.linspace(1.05, 1.25, 10)
# Objects at round distances meet a threshold exactly (8 m before 10 m: 1.25). Without the margin, rounding
# decides, and decides differently for the same map in another scale.
_LOG_RATIOS = np.log(_RATIOS) + 1e-9

_row = partial(
    MetricRow,
    unit="",
    better="higher",
    digits=4,
    source="Bochkovskii et al. 2024 (Depth Pro), arXiv 2410.02073",
    optimum=1.0,
    scale_invariant=True,
    least_pixels=_LEAST_BOUNDARIES,
    differs="directions pooled, ratios without a true boundary left out",
)
_ROWS = (
    _row(
        name="boundary_precision",
        label="boundary precision",
        definition="share of the predicted depth jumps between neighbours that are true, jumps over 5-25 %",
    ),
    _row(
        name="boundary_recall",
        label="boundary recall",
        definition="share of the true depth jumps between neighbours that are predicted, jumps over 5-25 %",
    ),
    _row(
        name="boundary_f1",
        label="boundary F1",
        definition="harmonic mean of boundary precision and recall at each of 10 ratios, weighted by ratio",
    ),
)
_OWN = _row(
    name="boundary_f1_own",
    label="boundary F1, own size",
    definition="boundary F1 at the size that the map was made at, truth read at its pixels",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Boundaries:
    """The truth's boundaries between neighbours along one axis."""

    paired: NDArray[np.bool_]  # both pixels have truth; as large as the differences along the axis
    positions: NDArray[np.intp]  # [n] of the boundaries, in the flattened differences
    levels: NDArray[np.intp]  # [n] signed


def _true_boundaries(truth: TruthMap) -> tuple[_Boundaries, _Boundaries]:
    return _boundaries_along(truth, 0), _boundaries_along(truth, 1)


def _boundaries_along(truth: TruthMap, axis: int) -> _Boundaries:
    steps = np.diff(truth.log_depth, axis=axis)  # NaN where either pixel has no truth
    positions = np.flatnonzero(np.abs(steps) > _LOG_RATIOS[0])
    return _Boundaries(
        paired=np.isfinite(steps),
        positions=positions,
        levels=_signed_levels(steps.ravel()[positions]),
    )


def _signed_levels(log_steps: NDArray[np.float64]) -> NDArray[np.intp]:
    """How many of the ratios each step exceeds, negative where depth falls."""
    exceeded = np.searchsorted(_LOG_RATIOS, np.abs(log_steps), side="left")
    return np.where(log_steps > 0.0, exceeded, -exceeded)


def _counts(levels: NDArray[np.intp]) -> NDArray[np.int64]:
    """[10] how many boundaries there are at each ratio; signs do not matter."""
    exactly = np.bincount(np.abs(levels), minlength=_RATIOS.size + 1)
    return exactly[::-1].cumsum()[::-1][1:]


def _measure(prediction_m: Map, truth: TruthMap) -> dict[str, Measured]:
    boundaries = truth.once(_true_boundaries)
    count = sum(b.positions.size for b in boundaries)
    if count < _LEAST_BOUNDARIES:
        return {}
    log_prediction = np.log(prediction_m)
    true = predicted = matched = np.zeros(_RATIOS.size, np.int64)
    for axis, boundary in enumerate(boundaries):
        steps = np.diff(log_prediction, axis=axis)
        jumps = np.abs(steps) > _LOG_RATIOS[0]
        jumps &= boundary.paired
        levels = _signed_levels(steps.ravel()[boundary.positions])
        agreed = np.minimum(np.abs(boundary.levels), np.abs(levels))[boundary.levels * levels > 0]
        true = true + _counts(boundary.levels)
        predicted = predicted + _counts(_signed_levels(steps[jumps]))
        matched = matched + _counts(agreed)
    present = true > 0
    weights = _RATIOS[present]
    true, predicted, matched = true[present], predicted[present], matched[present]
    values = (matched / np.maximum(predicted, 1), matched / true, 2 * matched / (predicted + true))
    return {
        row.name: Measured(float((weights * value).sum() / weights.sum()), count)
        for row, value in zip(_ROWS, values, strict=True)
    }


def _measure_own(prediction_m: Map, truth: TruthMap) -> dict[str, Measured]:
    measured = _measure(prediction_m, truth)
    return {_OWN.name: measured["boundary_f1"]} if measured else {}


BOUNDARY = MapFamily(name="boundary", rows=_ROWS, measure=_measure)
#: It is given map and truth at the size that the map was made at.
BOUNDARY_OWN = MapFamily(name="boundary_own", rows=(_OWN,), measure=_measure_own)
