"""Slices: the scored pixels of a frame by what makes them easy or hard.

    range:2.5-6       metres of the truth; the protocol's own edges
    edge:0-2          pixels to the nearest depth boundary of the truth
    contrast:0-0.01   local standard deviation of the thermal picture over 7x7 pixels, as a share of its
                      1st-99th percentile range
    density:0.1-0.5   share of the counted pixels (those in the crop and the mask) that have truth: a
                      frame is in one of these, whole

Each is `low <= x < high`; `inf` is an open end. Conditions (day, night, rain) are a column of the rows.
A slice without pixels gives no row: nothing was measured there, which is not an error of 0.

A boundary is where two neighbours, both inside the protocol's range, differ by a factor above 1.1; both
pixels belong to it, at distance 0. It can only be told where truth is dense, so a frame whose counted
pixels have truth on less than half has no `edge` slices: between two lidar returns anything may lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.metrics import Groups

EDGE_DISTANCE_PX = (0.0, 2.0, 5.0, 15.0, float("inf"))
CONTRAST = (0.0, 0.01, 0.03, 0.1, float("inf"))
DENSITY = (0.0, 0.02, 0.1, 0.5, float("inf"))

BOUNDARY_RATIO = 1.1
DENSE = 0.5  # share of the counted pixels with truth from which on boundaries can be told
WINDOW_PX = 7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Partition:
    """One way to cut the scored pixels of a frame."""

    kind: str  # range, edge, contrast, density
    names: tuple[str, ...]  # [k]
    groups: Groups  # of the scored pixels, in their order


def slice_names(protocol: Protocol) -> dict[str, tuple[str, ...]]:
    """Every slice there can be, by kind, in order: what a table lists, empty ones too."""
    return {
        "range": protocol.range_slices(),
        "edge": _names("edge", EDGE_DISTANCE_PX),
        "contrast": _names("contrast", CONTRAST),
        "density": _names("density", DENSITY),
    }


def partitions_of(
    truth_m: NDArray[np.float32],
    scored: NDArray[np.bool_],
    *,
    protocol: Protocol,
    thermal: NDArray[np.generic] | None = None,
) -> tuple[Partition, ...]:
    """The partitions that a frame allows.

    `edge` is absent where truth is sparse, `contrast` where there is no thermal picture or one of another
    size than the truth. A pixel whose temperature is not known is in no slice of contrast.

    Args:
        truth_m: [h w] metres, NaN where there is none.
        scored: [h w] the pixels that are cut into slices.
        protocol: whose ranges they are.
        thermal: [h w] counts or kelvin.
    """
    names = slice_names(protocol)
    inside = protocol.scored(truth_m)
    share = _share(truth_m, protocol)
    ranges = protocol.range_index(truth_m[scored]).astype(np.int16)
    groups = {
        "range": Groups.from_index(ranges, len(names["range"])),
        "density": _grouped(np.full(ranges.size, share, dtype=np.float32), DENSITY),
    }
    if share >= DENSE:
        distance = boundary_distance_px(truth_m, inside)
        groups["edge"] = _grouped(distance[scored], EDGE_DISTANCE_PX)
    if thermal is not None and thermal.shape == truth_m.shape:
        contrast = local_contrast(thermal)
        groups["contrast"] = _grouped(contrast[scored], CONTRAST)
    return tuple(
        Partition(kind=kind, names=names[kind], groups=groups[kind])
        for kind in names
        if kind in groups
    )


def boundary_distance_px(
    truth_m: NDArray[np.float32], inside: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """[h w] pixels to the nearest depth boundary, between pixel centres; infinite where there is none.

    `truth_m` [h w] metres; only pixels of `inside` [h w] bound anything.
    """
    import cv2

    depth = np.where(inside, truth_m, np.float32(1.0))
    clear = np.ones(depth.shape, dtype=np.uint8)
    for low, high in (
        (np.s_[:-1, :], np.s_[1:, :]),
        (np.s_[:, :-1], np.s_[:, 1:]),
    ):
        a, b = depth[low], depth[high]
        limit = np.float32(BOUNDARY_RATIO)
        step = ((a > b * limit) | (b > a * limit)) & inside[low] & inside[high]
        clear[low][step] = 0
        clear[high][step] = 0
    if clear.all():
        return np.full(depth.shape, np.inf, dtype=np.float32)
    distance: NDArray[np.float32] = cv2.distanceTransform(clear, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance


def local_contrast(thermal: NDArray[np.generic]) -> NDArray[np.float64]:
    """[h w] standard deviation over 7x7 pixels (mirrored at the border), as a share of the picture's
    1st-99th percentile range; 0 where that range is nothing, NaN at pixels without a value.

    `thermal` [h w] counts or kelvin; pixels without a value are left out of their neighbours' windows.
    """
    import cv2

    picture = np.asarray(thermal, dtype=np.float64)
    known = np.isfinite(picture)
    complete = bool(known.all())
    if not known.any():
        return np.full(picture.shape, np.nan)
    low, high = _percentiles(thermal if complete else thermal[known])
    if high <= low:
        return np.where(known, 0.0, np.nan)
    scaled = picture - low
    scaled /= high - low
    window = (WINDOW_PX, WINDOW_PX)
    if complete:
        first = cv2.boxFilter(scaled, cv2.CV_64F, window)
        return _spread(first, cv2.sqrBoxFilter(scaled, cv2.CV_64F, window))
    scaled[~known] = 0.0
    # Half a pixel's share: sums that slide along a row leave rounding where no value is.
    share = cv2.boxFilter(known.astype(np.float64), cv2.CV_64F, window)
    np.maximum(share, 0.5 / WINDOW_PX**2, out=share)
    first = cv2.boxFilter(scaled, cv2.CV_64F, window) / share
    second = cv2.sqrBoxFilter(scaled, cv2.CV_64F, window) / share
    return np.where(known, _spread(first, second), np.nan)


def _spread(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation from the first two moments, in the place of the second.

    Of values whose range is 1 the difference of moments loses nothing that a bin could see.
    """
    np.square(first, out=first)
    second -= first
    np.maximum(second, 0.0, out=second)
    return np.sqrt(second, out=second)


def _share(truth_m: NDArray[np.float32], protocol: Protocol) -> float:
    """Of the pixels that crop and mask count, how many have truth, inside the range or not."""
    counted = protocol.counted((truth_m.shape[0], truth_m.shape[1]))
    has = np.isfinite(truth_m) & (truth_m > 0.0)
    return float(np.count_nonzero(has & counted)) / float(np.count_nonzero(counted))


def _percentiles(values: NDArray[np.generic]) -> tuple[float, float]:
    """The 1st and the 99th, interpolated; counts are sorted in a fraction of the time floats take."""
    ordered = np.sort(values, axis=None)

    def at(share: float) -> float:
        below, part = divmod(share * (ordered.size - 1), 1.0)
        a, b = float(ordered[int(below)]), float(ordered[min(int(below) + 1, ordered.size - 1)])
        return a + part * (b - a)

    return at(0.01), at(0.99)


def _grouped(values: NDArray[np.floating], edges: tuple[float, ...]) -> Groups:
    """By bins of a value >= 0; NaN is in none of them, infinity in the last."""
    index = np.zeros(values.shape, dtype=np.int8)
    for edge in edges[1:-1]:
        index += values >= edge
    index[np.isnan(values)] = -1
    return Groups.from_index(index, len(edges) - 1)


def _names(kind: str, edges: tuple[float, ...]) -> tuple[str, ...]:
    return tuple(f"{kind}:{low:g}-{high:g}" for low, high in pairwise(edges))
