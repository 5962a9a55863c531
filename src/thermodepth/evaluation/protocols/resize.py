"""A map to another size, under the rule that a protocol names.

    log      bilinear in ln depth (ours)
    inverse  bilinear in 1/depth: monodepth2 resizes its disparity, then takes 1/x
    depth    bilinear in metres: BTS, ZoeDepth
    nearest  the pixel that holds the place

Interpolating metres across an edge between 2 m and 50 m puts half of the new pixels at 26 m, far from
both; interpolating logarithms puts them at 10 m, the same factor from either, which is what relative
metrics see; interpolating inverses puts them at 3.8 m.

How the two grids lie on each other is the second half of the rule. Of `old` pixels in a row made `new`,
pixel i is read at

    centres  (i + 1/2) old / new - 1/2    pixel centres at half-integers: `align_corners=False`, OpenCV
    corners  i (old - 1) / (new - 1)      the corner pixels of both on each other: `align_corners=True`
    origins  i old / new                  the first pixels on each other: torch's "nearest" (rounded down)

and outside the old pixels the last one is repeated.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from thermodepth.types import Geometry

ResizeRule = Literal["log", "inverse", "depth", "nearest"]
Grid = Literal["centres", "corners", "origins"]

#: As a sentence says it.
RESIZED_IN: dict[ResizeRule, str] = {
    "log": "log depth",
    "inverse": "1/depth",
    "depth": "depth",
    "nearest": "steps (nearest pixel)",
}


def resize_depth(
    depth_m: NDArray[np.floating],
    *,
    size: tuple[int, int],
    rule: ResizeRule = "log",
    grid: Grid = "centres",
) -> NDArray[np.float64]:
    """`depth_m` [h w] brought to `size` (rows, columns), float64.

    A map of that size already comes back with its values untouched, whatever they are.

    Raises:
        ValueError: for a map that is not [h w], or one that must be resized and holds a value that is not
            finite and positive: it would spread to its neighbours.
    """
    depth = _a_map(depth_m)
    if depth.shape == size:
        return depth
    usable = np.isfinite(depth) & (depth > 0.0)
    return _resized_depth(depth, usable, size, rule, grid)


def resize_map(
    values: NDArray[np.floating],
    geometry: Geometry,
    *,
    size: tuple[int, int],
    rule: ResizeRule,
    grid: Grid,
) -> NDArray[np.float64]:
    """A map [h w] of any geometry brought to `size` (rows, columns), float64.

    Depth up to a factor goes as depth. An affine map has neither a logarithm nor an inverse before it is
    fitted, so it is bilinear in its own values: a fit gives the same before or after. NaN, where the map
    says nothing, is NaN wherever it has a share.

    Raises:
        ValueError: for a map that is not [h w]; for depth that must be resized and is infinite somewhere, or
            that has to be a logarithm or an inverse and is 0 or negative: it would spread to its neighbours.
    """
    values = _a_map(values)
    if values.shape == size:
        return values
    if geometry in (Geometry.METRIC_DEPTH, Geometry.SCALE_DEPTH):
        sound = np.isfinite(values) & ((values > 0.0) | (rule in ("depth", "nearest")))
        return _resized_depth(values, np.isnan(values) | sound, size, rule, grid)
    return _nearest(values, size, grid) if rule == "nearest" else _bilinear(values, size, grid)


def _resized_depth(
    depth: NDArray[np.float64],
    usable: NDArray[np.bool_],
    size: tuple[int, int],
    rule: ResizeRule,
    grid: Grid,
) -> NDArray[np.float64]:
    if not usable.all():
        bad = int(np.count_nonzero(~usable))
        raise ValueError(
            f"{bad} of {depth.size} pixels are not finite positive metres, so the map cannot be resized "
            f"from {depth.shape} to {size}"
        )
    if rule == "log":
        return np.exp(_bilinear(np.log(depth), size, grid))
    if rule == "inverse":
        return 1.0 / _bilinear(1.0 / depth, size, grid)
    return _bilinear(depth, size, grid) if rule == "depth" else _nearest(depth, size, grid)


def _a_map(values: NDArray[np.floating]) -> NDArray[np.float64]:
    depth = np.asarray(values, dtype=np.float64)
    if depth.ndim != 2 or 0 in depth.shape:
        raise ValueError(f"a depth map is [h w], got shape {depth.shape}")
    return depth


def _bilinear(
    values: NDArray[np.float64], size: tuple[int, int], grid: Grid
) -> NDArray[np.float64]:
    if grid == "centres":
        import cv2  # a large library; frames of the truth's own size never need it

        rows, columns = size
        resized = cv2.resize(values, (columns, rows), interpolation=cv2.INTER_LINEAR)
        return np.asarray(resized, dtype=np.float64)
    for axis, new in enumerate(size):
        old = values.shape[axis]
        at = _places(new, old, grid)
        low = np.floor(at).astype(np.intp)
        share = at - low
        if axis == 0:
            share = share[:, None]
        first, second = (
            values.take(place, axis=axis) for place in (low, np.minimum(low + 1, old - 1))
        )
        # A neighbour without a share is not looked at: it may be NaN.
        values = np.where(share > 0.0, first + share * (second - first), first)
    return values


def _nearest(values: NDArray[np.float64], size: tuple[int, int], grid: Grid) -> NDArray[np.float64]:
    return values[
        np.ix_(*(nearest_places(n, old, grid) for n, old in zip(size, values.shape, strict=True)))
    ]


def nearest_places(new: int, old: int, grid: Grid = "centres") -> NDArray[np.intp]:
    """[new] for each pixel of a row of `new` the pixel of a row of `old` that holds its place."""
    if grid == "origins":
        return np.arange(new) * old // new
    if grid == "corners":
        return (_places(new, old, grid) + 0.5).astype(np.intp)
    return ((np.arange(new) + 0.5) * old / new).astype(np.intp)


def _places(new: int, old: int, grid: Grid) -> NDArray[np.float64]:
    """[new] where in a row of `old` pixels each of `new` is read, inside it."""
    step = (old - 1) / max(new - 1, 1) if grid == "corners" else old / new
    return (np.arange(new) * step).clip(0.0, old - 1.0)
