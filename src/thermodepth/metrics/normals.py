"""How far surfaces are turned away from the true ones: angles between normals.

A plane n . X = c seen by a pinhole camera K has an inverse depth that is affine in the picture, 1/z = a x +
b y + e, and n is parallel to K^T (a, b, e). So the normal of a block of 2x2 pixels is that of the plane
fitted to its four inverse depths by least squares:

    a = half the sum of the two steps of 1/z to the right,  b = half the sum of the two steps downwards
    n = K^T (a, b, m - a x - b y),  m their mean and (x, y) the corner where the four pixels meet

It is exact for every plane at every distance, as the cross product of two differences of back-projected
points is. It is preferred to the product of the differences to the right and lower neighbour because a
mirrored picture gives mirrored normals, and to central differences because they skip the pixel between, so
that every second column may be wrong unseen, and need three pixels of one surface instead of two. The one
thing that it cannot see is a checkerboard of single pixels (`gradient_error_1` does).

    mean and median of the angle between the normals of p and d; shares of angles below 11.25, 22.5, 30 deg

as introduced by Fouhey et al. 2013 (Data-Driven 3D Primitives, ICCV). A block counts where all four pixels
have truth and no two of the four true depths differ by more than 10 %: across a boundary there is no
surface to be turned. A wrong scale does not turn a normal, a wrong shift does. Pixel centres lie at .5, as
in `thermodepth.camera`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from thermodepth.metrics.arrays import Map
from thermodepth.metrics.row import MapFamily, Measured, MetricRow
from thermodepth.metrics.truth_map import TruthMap

_ONE_SURFACE = 1.1  # the largest ratio of two true depths in a block
_LEAST_BLOCKS = 50
_WITHIN_DEG = {11: 11.25, 22: 22.5, 30: 30.0}

_row = partial(
    MetricRow,
    source="Fouhey et al. 2013 (Data-Driven 3D Primitives, ICCV), normals from depth on both sides",
    scale_invariant=True,
    least_pixels=_LEAST_BLOCKS,
)
_MEAN = _row(
    name="normal_angle_mean_deg",
    unit="°",
    better="lower",
    label="normal angle",
    digits=2,
    definition="mean angle between the normals of p and d, of 2x2 pixels on one surface of d",
    optimum=0.0,
)
_MEDIAN = _row(
    name="normal_angle_median_deg",
    unit="°",
    better="lower",
    label="normal angle median",
    digits=2,
    definition="median angle between the normals of p and d, of 2x2 pixels on one surface of d",
    optimum=0.0,
)
_WITHIN = tuple(
    _row(
        name=f"normal_within_{name}",
        unit="",
        better="higher",
        label=f"normals<{limit_deg:g}°",
        digits=4,
        definition=f"share of 2x2 pixels whose normals of p and d are less than {limit_deg:g} deg apart",
        optimum=1.0,
    )
    for name, limit_deg in _WITHIN_DEG.items()
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _TrueNormals:
    blocks: NDArray[np.bool_]  # [h-1 w-1] which blocks are on one surface
    unit: NDArray[np.float64]  # [3 n] their normals


def _true_normals(truth: TruthMap) -> _TrueNormals | None:
    """None where there is no camera, or too little surface."""
    if truth.intrinsics is None:
        return None
    d = truth.depth_m
    corners = d[:-1, :-1], d[:-1, 1:], d[1:, :-1], d[1:, 1:]
    # NaN goes through both extremes and fails the comparison, so truth is known at all four as well.
    blocks = np.maximum.reduce(corners) <= _ONE_SURFACE * np.minimum.reduce(corners)
    if np.count_nonzero(blocks) < _LEAST_BLOCKS:
        return None
    return _TrueNormals(blocks=blocks, unit=_unit_normals(d, truth.intrinsics, blocks))


def _unit_normals(
    depth_m: Map, intrinsics: NDArray[np.floating], blocks: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """[3 n] of the chosen blocks, in camera axes, pointing away from the camera."""
    inverse = 1.0 / depth_m
    right = np.diff(inverse, axis=1)
    down = np.diff(inverse, axis=0)
    pairs = inverse[:, :-1] + inverse[:, 1:]
    a = 0.5 * (right[:-1] + right[1:])[blocks]
    b = 0.5 * (down[:, :-1] + down[:, 1:])[blocks]
    middle = 0.25 * (pairs[:-1] + pairs[1:])[blocks]
    row, column = np.nonzero(blocks)
    x, y = column + 1.0, row + 1.0
    (fx, skew, cx), (_, fy, cy) = intrinsics[:2].astype(np.float64)
    normals = np.stack((fx * a, skew * a + fy * b, middle + (cx - x) * a + (cy - y) * b))
    # Never 0: times the viewing ray each gives the inverse depth.
    unit: NDArray[np.float64] = normals / np.sqrt(np.square(normals).sum(axis=0))
    return unit


def _angles_deg(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n] between unit vectors [3 n]; by the chord, since the cosine of a small angle is 1."""
    half_chord = 0.5 * np.sqrt(np.square(first - second).sum(axis=0))
    angles: NDArray[np.float64] = np.rad2deg(2.0 * np.arcsin(np.minimum(half_chord, 1.0)))
    return angles


def _measure(prediction_m: Map, truth: TruthMap) -> dict[str, Measured]:
    true = truth.once(_true_normals)
    if true is None:
        return {}
    assert truth.intrinsics is not None
    angles = _angles_deg(_unit_normals(prediction_m, truth.intrinsics, true.blocks), true.unit)
    count = angles.size
    measured = {
        _MEAN.name: Measured(float(angles.mean()), count),
        _MEDIAN.name: Measured(float(np.median(angles)), count),
    }
    for row, limit_deg in zip(_WITHIN, _WITHIN_DEG.values(), strict=True):
        measured[row.name] = Measured(int(np.count_nonzero(angles < limit_deg)) / count, count)
    return measured


NORMALS = MapFamily(name="normals", rows=(_MEAN, _MEDIAN, *_WITHIN), measure=_measure)
