"""The ledger of one frame: its squared error as a sum of parts that a person can act on.

In logarithms, with e = ln p - ln d, mu = mean e, x = ln d - mean ln d:

    beta    slope of e - mu on x (least squares), q = e - mu - beta x
    range   beta^2 mean x^2                   distances squeezed together (beta < 0) or pulled apart
    coarse  sum_b n_b qbar_b^2 / n            means of q over blocks of 16 x 16 pixels
    fine    mean (q - qbar_b)^2               what is left inside the blocks

    mean e^2 = mu^2 + range + coarse + fine             (RMSElog^2; mu is the metric log_bias)

In metres, with E0 = mean (p - d)^2, E1 = min_s mean (s p - d)^2, E2 = min_{s,t} mean (s p + t - d)^2:

    scale = E0 - E1, shift = E1 - E2, shape = E2,   mean (p - d)^2 = scale + shift + shape

Every part is the square of a projection on a direction of its own, so none is negative and nothing
cancels. Where a direction does not exist (a constant truth has no range, a constant prediction no shift
beside its scale) the part is 0. mu^2 apart from the rest is Eigen et al. 2014 (arXiv 1406.2283): SILog.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thermodepth.metrics.arrays import Map, Pixels
from thermodepth.metrics.row import MapFamily, Measured, MetricRow
from thermodepth.metrics.truth_map import TruthMap

_BLOCK_PX = 16
# A spread that rounding alone can make, as a share of the values: there is no direction to project on.
_NO_SPREAD = 1e-12
# Storage in float32 alone makes a spread of some 1e-7 in ln d: a slope on less than this is noise.
_FLAT = 1e-6


class _Scored(NamedTuple):
    depth_m: Pixels  # [n]
    log_depth: Pixels  # [n]
    x: Pixels  # [n] log_depth less its mean; all 0 where the truth is constant
    block: NDArray[np.intp]  # [n] number of the pixel's block
    sizes: NDArray[np.int64]  # [b] scored pixels of each block


def _scored(truth: TruthMap) -> _Scored:
    depth = truth.depth_m[truth.valid]
    log_depth = np.log(depth)
    x = log_depth - log_depth.mean() if depth.size else log_depth
    if depth.size and np.abs(x).max() <= _NO_SPREAD * max(np.abs(log_depth).max(), 1.0):
        x = np.zeros_like(x)
    rows, columns = np.nonzero(truth.valid)
    blocks = rows // _BLOCK_PX * truth.valid.shape[1] + columns // _BLOCK_PX
    _, block, sizes = np.unique(blocks, return_inverse=True, return_counts=True)
    return _Scored(depth, log_depth, x, block, sizes)


def _measure(prediction_m: Map, truth: TruthMap) -> dict[str, Measured]:
    scored = truth.once(_scored)
    count = int(scored.depth_m.size)
    if not count:
        return {}
    prediction = prediction_m[truth.valid]
    parts = _log_parts(prediction, scored) | _metric_parts(prediction, scored.depth_m)
    return {name: Measured(value, count) for name, value in parts.items()}


def _log_parts(prediction_m: Pixels, scored: _Scored) -> dict[str, float]:
    error = np.log(prediction_m) - scored.log_depth
    residual = error - error.mean()
    variance = _mean_square(scored.x)
    slope = _mean_product(scored.x, residual) / variance if variance > 0.0 else 0.0
    residual -= slope * scored.x
    means = np.bincount(scored.block, weights=residual) / scored.sizes
    parts = {
        "ledger_range": slope * slope * variance,
        "ledger_coarse": float((scored.sizes * np.square(means)).sum()) / residual.size,
        "ledger_fine": _mean_square(residual - means[scored.block]),
    }
    if variance > _FLAT**2:
        parts["range_slope"] = slope
    return parts


def _metric_parts(p: Pixels, d: Pixels) -> dict[str, float]:
    # Off scale: the best factor, and what it leaves.
    factor = _mean_product(p, d) / _mean_square(p)
    residual = factor * p - d
    shift = 0.0
    # Off shift: the constant map, less what of it lies along p. Written about the mean of p, which keeps
    # its digits when p is nearly constant; up to a factor it is 1 - p mean(p) / mean(p^2).
    mean = float(p.mean())
    centred = p - mean
    if np.abs(centred).max() > _NO_SPREAD * mean:
        across = _mean_square(centred) - mean * centred
        amount = _mean_product(across, residual) / _mean_square(across)
        shift = amount * amount * _mean_square(across)
        residual = residual - amount * across
    return {
        "ledger_scale_m2": (1.0 - factor) ** 2 * _mean_square(p),
        "ledger_shift_m2": shift,
        "ledger_shape_m2": _mean_square(residual),
    }


def _mean_product(a: Pixels, b: Pixels) -> float:
    # Not np.dot: its last digits depend on how many threads the machine lends it.
    return float((a * b).mean())


def _mean_square(a: Pixels) -> float:
    return _mean_product(a, a)


def _part(
    name: str, label: str, definition: str, *, unit: str = "", scale_invariant: bool = True
) -> MetricRow:
    return MetricRow(
        name=name,
        unit=unit,
        better="lower",
        label=label,
        digits=3 if unit else 5,
        definition=definition,
        source="after Eigen et al. 2014, arXiv 1406.2283; defined here",
        optimum=0.0,
        scale_invariant=scale_invariant,
    )


LEDGER = MapFamily(
    name="ledger",
    rows=(
        MetricRow(
            name="range_slope",
            unit="",
            better="closer",
            label="range slope",
            digits=3,
            definition="slope of ln p - ln d on ln d: below 0 what is far is put too near, and near too far",
            source="defined here",
            optimum=0.0,
            scale_invariant=True,
            least_pixels=2,
        ),
        _part("ledger_range", "range part", "range_slope^2 var(ln d), a part of RMSElog^2"),
        _part(
            "ledger_coarse",
            "coarse part",
            "of RMSElog^2 less bias and range, what the means of 16 px blocks hold",
        ),
        _part(
            "ledger_fine",
            "fine part",
            "of RMSElog^2 less bias and range, what lies inside the 16 px blocks",
        ),
        _part(
            "ledger_scale_m2",
            "scale part",
            "mean (p - d)^2 less its least over s p",
            unit="m²",
            scale_invariant=False,
        ),
        _part(
            "ledger_shift_m2",
            "shift part",
            "least mean square over s p less that over s p + t",
            unit="m²",
        ),
        _part("ledger_shape_m2", "shape part", "least mean (s p + t - d)^2", unit="m²"),
    ),
    measure=_measure,
)
