"""A teacher's map in metres: the factor and offset that fit it to the frame's own sparse truth.

    affine inverse depth    1/D = s o + t          depth up to scale    log D = log s + log o
    affine depth              D = s o + t          metric depth         as it is, or as up to scale

Robust, because truth and RGB disagree grossly along every edge of depth (the laser sits elsewhere): the
best of many lines through two truths, refined to least absolute deviations by iterated weights. Each truth
weighs by its relative error, beyond 50 m by its absolute one: there inverse depth is so small that a share
of it is below the teacher's own noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.types import Geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: More truth than this does not move the fit.
MOST_POINTS = 20_000
ROUNDS = 12
#: Lines that are tried first, and the truths that judge them.
PAIRS, JUDGES = 400, 500
#: Relative error above which it no longer matters how wrong a truth is.
FAR_OFF = 0.3
#: Relative error below which a truth counts as met.
INLIER = 0.1
#: 1 / 50 m: what errors of inverse depth are measured against beyond that distance.
FAR_INVERSE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFit:
    """How a map becomes metric, and how well it then meets the truth."""

    geometry: Geometry  # of the map
    scale: float  # at most 0: the map has the wrong sign; nan: there is nothing to fit
    shift: float
    points: int  # pixels with both
    inliers: float  # share of them met within 10 %
    residual: float  # median relative error; nan without truth

    def inverse(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """`[...]` 1 / metres; at most 0 where the fit says beyond the horizon, NaN without a value."""
        fitted = np.float32(self.scale) * np.asarray(values, np.float32) + np.float32(self.shift)
        if self.geometry is Geometry.AFFINE_INVERSE:
            return np.where(np.isfinite(values), fitted, np.float32(np.nan))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(fitted > 0, 1 / fitted, np.float32(np.nan)).astype(np.float32)


def fit_metric(
    values: NDArray[Any], geometry: Geometry, depth_m: NDArray[Any] | None, *, refit_metric: bool
) -> MetricFit:
    """Fit a map to sparse truth in the same view.

    Args:
        values: `[h w]` the teacher's map in `geometry`, NaN = none.
        geometry: what its values mean.
        depth_m: `[h w]` metres, NaN = none; None without any truth.
        refit_metric: give a metric map the scale of the truth too.
    """
    map_values, true_m = _pairs(values, geometry, depth_m)
    points = map_values.size
    is_metric = geometry is Geometry.METRIC_DEPTH and not refit_metric
    if points < 2:
        scale, shift = (1.0, 0.0) if is_metric else (float("nan"), 0.0)
    elif is_metric:
        scale, shift = 1.0, 0.0
    elif geometry in (Geometry.METRIC_DEPTH, Geometry.SCALE_DEPTH):
        scale, shift = float(np.exp(np.median(np.log(true_m / map_values)))), 0.0
    elif geometry is Geometry.AFFINE_INVERSE:
        scale, shift = _line(map_values, 1 / true_m, 1 / np.maximum(1 / true_m, FAR_INVERSE))
    else:
        scale, shift = _line(map_values, true_m, 1 / true_m)
    fit = MetricFit(
        geometry=geometry,
        scale=scale,
        shift=shift,
        points=points,
        inliers=0.0,
        residual=float("nan"),
    )
    if points == 0:
        return fit
    errors = relative_errors(fit.inverse(map_values), true_m)
    return MetricFit(
        geometry=geometry,
        scale=scale,
        shift=shift,
        points=points,
        inliers=float((errors < INLIER).mean()),
        residual=float(np.median(errors)),
    )


def relative_errors(inverse: NDArray[Any], depth_m: NDArray[Any]) -> NDArray[np.float64]:
    """|1/D - 1/D*| over the larger of 1/D* and 1 / 50 m; infinite where the map has no value."""
    true_inverse = 1 / np.asarray(depth_m, np.float64)
    errors = np.abs(inverse - true_inverse) / np.maximum(true_inverse, FAR_INVERSE)
    return np.where(np.isnan(errors), np.inf, errors)


def _pairs(
    values: NDArray[Any], geometry: Geometry, depth_m: NDArray[Any] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Map and truth where both are, evenly thinned to at most `MOST_POINTS`."""
    if depth_m is None:
        return np.zeros(0), np.zeros(0)
    with np.errstate(invalid="ignore"):
        valid = np.isfinite(values) & np.isfinite(depth_m) & (depth_m > 0)
        if geometry in (Geometry.METRIC_DEPTH, Geometry.SCALE_DEPTH):
            valid &= values > 0
    pixels = np.flatnonzero(valid)
    pixels = pixels[:: max(-(-pixels.size // MOST_POINTS), 1)]
    return values.ravel()[pixels].astype(np.float64), depth_m.ravel()[pixels].astype(np.float64)


def _line(
    x: NDArray[np.float64], y: NDArray[np.float64], weigh: NDArray[np.float64]
) -> tuple[float, float]:
    """s, t of y = s x + t: the best of many lines through two points, then least deviations around it.

    Least deviations alone would follow a cluster of false truth at one end of x, such as the far wall that a
    laser beside the camera saw where the camera saw a near post. s is nan for a flat x.
    """
    middle, deviation = float(np.median(x)), float(np.abs(x - np.median(x)).mean())
    if deviation <= 1e-9 * max(float(np.abs(x).max()), 1e-300):
        return float("nan"), 0.0
    unit = (x - middle) / deviation
    s, t = _best_of_pairs(unit, y, weigh)
    for _ in range(ROUNDS):
        residuals = np.abs(y - s * unit - t) * weigh
        # A truth that is met to a thousandth must not take all the weight.
        weights = np.where(residuals < FAR_OFF, weigh**2 / np.maximum(residuals, 1e-3), 0)
        total = weights.sum()
        if total == 0:
            break
        x_mean, y_mean = (weights @ unit) / total, (weights @ y) / total
        square = weights @ (unit - x_mean) ** 2
        if square <= 0:
            break
        s = float(weights @ ((unit - x_mean) * (y - y_mean)) / square)
        t = float(y_mean - s * x_mean)
    return s / deviation, t - s * middle / deviation


def _best_of_pairs(
    x: NDArray[np.float64], y: NDArray[np.float64], weigh: NDArray[np.float64]
) -> tuple[float, float]:
    """The line through two of the points with the least mean deviation, where no point counts too much."""
    rng = np.random.default_rng(0)  # the same points give the same line
    first, second = rng.integers(0, x.size, (2, PAIRS))
    apart = np.abs(x[first] - x[second]) > 1e-6
    first, second = first[apart], second[apart]
    if not first.size:
        return 0.0, float(np.median(y))
    s = (y[first] - y[second]) / (x[first] - x[second])
    t = y[first] - s * x[first]
    judged = np.arange(0, x.size, max(x.size // JUDGES, 1))
    residuals = np.abs(y[judged] - s[:, None] * x[judged] - t[:, None]) * weigh[judged]
    best = int(np.minimum(residuals, FAR_OFF).mean(axis=1).argmin())
    return float(s[best]), float(t[best])
