"""The variability family: how restless a map is on surfaces, and how sharp at edges.

A step is the difference of ln depth between horizontal or vertical neighbours that both have truth,
P for the prediction and D for the truth:

    total variation ratio   sum |P| / sum |D|
    off-edge variation      100 mean(|P| - |D|) where |D| < 0.02, per cent of the distance per pixel
    edge sharpness          sum P sign(D) / sum |D| where |D| > 0.1

Total variation alone cannot tell a smoothed surface from a blurred edge; the other two can. Smoothing did
good where off-edge variation goes to 0 while edge sharpness stays at 1. Sharpness counts P in the truth's
direction, so that noise does not look like an edge.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thermodepth.metrics.arrays import Map, Pixels
from thermodepth.metrics.row import MapFamily, Measured, MetricRow
from thermodepth.metrics.truth_map import TruthMap

_OFF_EDGE = 0.02
_EDGE = 0.1
_LEAST_STEPS = 30
# Storage in float32 alone makes steps of some 1e-7: a truth that moves no more than this is flat.
_FLAT = 1e-6


class _Steps(NamedTuple):
    """Neighbours that both have truth, as numbers among the valid pixels in reading order."""

    first: NDArray[np.intp]  # [m]
    second: NDArray[np.intp]  # [m]
    truth: Pixels  # [m] D
    sizes: Pixels  # [m] |D|
    off_edge: NDArray[np.intp]  # [k] steps with |D| < 0.02
    on_edge: NDArray[np.intp]  # [k] steps with |D| > 0.1


def _steps(truth: TruthMap) -> _Steps:
    valid = truth.valid
    number = np.cumsum(valid).reshape(valid.shape) - 1
    across, down = valid[:, 1:] & valid[:, :-1], valid[1:] & valid[:-1]
    first = np.concatenate([number[:, :-1][across], number[:-1][down]])
    second = np.concatenate([number[:, 1:][across], number[1:][down]])
    log_depth = np.log(truth.depth_m[valid])
    step = log_depth[second] - log_depth[first]
    size = np.abs(step)
    return _Steps(
        first, second, step, size, np.flatnonzero(size < _OFF_EDGE), np.flatnonzero(size > _EDGE)
    )


def _measure(prediction_m: Map, truth: TruthMap) -> dict[str, Measured]:
    steps = truth.once(_steps)
    if steps.first.size < _LEAST_STEPS:
        return {}
    log_depth = np.log(prediction_m[truth.valid])
    predicted = log_depth[steps.second] - log_depth[steps.first]
    size = np.abs(predicted)
    measured = {}
    if steps.sizes.mean() > _FLAT:
        ratio = float(size.sum() / steps.sizes.sum())
        measured["total_variation_ratio"] = Measured(ratio, size.size)
    off, on = steps.off_edge, steps.on_edge
    if off.size >= _LEAST_STEPS:
        excess = float(100.0 * (size[off] - steps.sizes[off]).mean())
        measured["off_edge_variation"] = Measured(excess, off.size)
    if on.size >= _LEAST_STEPS:
        along = predicted[on] * np.sign(steps.truth[on])
        measured["edge_sharpness"] = Measured(float(along.sum() / steps.sizes[on].sum()), on.size)
    return measured


def _row(
    name: str, label: str, definition: str, optimum: float, digits: int, unit: str = ""
) -> MetricRow:
    return MetricRow(
        name=name,
        unit=unit,
        better="closer",
        label=label,
        digits=digits,
        definition=f"{definition}; P, D the steps of ln p and ln d between neighbours",
        source="spatial variability after Jang, Shin and Ko; defined here",
        optimum=optimum,
        scale_invariant=True,
        least_pixels=_LEAST_STEPS,
    )


VARIABILITY = MapFamily(
    name="variability",
    rows=(
        _row("total_variation_ratio", "variation ratio", "sum |P| / sum |D|", 1.0, 3),
        _row(
            "off_edge_variation",
            "off-edge variation",
            "100 mean(|P| - |D|) where |D| < 0.02",
            0.0,
            3,
            "%/px",
        ),
        _row(
            "edge_sharpness",
            "edge sharpness",
            "sum P sign(D) / sum |D| where |D| > 0.1",
            1.0,
            3,
        ),
    ),
    measure=_measure,
)
