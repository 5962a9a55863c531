"""A map to another size, under the rule that a protocol names.

    log      bilinear in ln depth (ours)
    inverse  bilinear in 1/depth: monodepth2 resizes its disparity, then takes 1/x
    depth    bilinear in metres: BTS, ZoeDepth (which lays the corner pixels of both grids on each other)
    nearest  the pixel that holds the centre

Interpolating metres across an edge between 2 m and 50 m puts half of the new pixels at 26 m, far from
both; interpolating logarithms puts them at 10 m, the same factor from either, which is what relative
metrics see; interpolating inverses puts them at 3.8 m. Pixel centres are at half-integers
(`align_corners=False`) in all four.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from thermodepth.types import Geometry

if TYPE_CHECKING:
    from thermodepth.evaluation.protocols.protocol import Protocol
    from thermodepth.evaluation.scoring.answer import GeometryMap

ResizeRule = Literal["log", "inverse", "depth", "nearest"]

#: As a sentence says it.
RESIZED_IN: dict[ResizeRule, str] = {
    "log": "log depth",
    "inverse": "1/depth",
    "depth": "depth",
    "nearest": "steps (nearest pixel)",
}


def resize_depth(
    depth_m: NDArray[np.floating], *, size: tuple[int, int], rule: ResizeRule = "log"
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
    return _resized_depth(depth, usable, size, rule)


def resize_map(
    claim: GeometryMap, *, size: tuple[int, int], protocol: Protocol
) -> NDArray[np.float64]:
    """A map [h w] of any geometry brought to `size` (rows, columns) as the protocol says, float64.

    Depth up to a factor goes as depth. An affine map has neither a logarithm nor an inverse before it is
    fitted, so it is bilinear in its own values: a fit gives the same before or after. NaN, where the map
    says nothing, is NaN wherever it has a share.

    Raises:
        ValueError: for a map that is not [h w]; for depth that must be resized and is 0, negative or
            infinite somewhere: it would spread to its neighbours.
    """
    values, rule = _a_map(claim.values), protocol.resize
    if values.shape == size:
        return values
    if claim.geometry in (Geometry.METRIC_DEPTH, Geometry.SCALE_DEPTH):
        usable = np.isnan(values) | (np.isfinite(values) & (values > 0.0))
        return _resized_depth(values, usable, size, rule)
    return _nearest(values, size) if rule == "nearest" else _bilinear(values, size)


def _resized_depth(
    depth: NDArray[np.float64], usable: NDArray[np.bool_], size: tuple[int, int], rule: ResizeRule
) -> NDArray[np.float64]:
    if not usable.all():
        bad = int(np.count_nonzero(~usable))
        raise ValueError(
            f"{bad} of {depth.size} pixels are not finite positive metres, so the map cannot be resized "
            f"from {depth.shape} to {size}"
        )
    if rule == "log":
        return np.exp(_bilinear(np.log(depth), size))
    if rule == "inverse":
        return 1.0 / _bilinear(1.0 / depth, size)
    return _bilinear(depth, size) if rule == "depth" else _nearest(depth, size)


def _a_map(values: NDArray[np.floating]) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 2 or 0 in found.shape:
        raise ValueError(f"a depth map is [h w], got shape {found.shape}")
    return found


def _bilinear(values: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    import cv2  # a large library; frames of the truth's own size never need it

    rows, columns = size
    resized = cv2.resize(values, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.float64)


def _nearest(values: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.intp)
        for new, old in zip(size, values.shape, strict=True)
    )
    return values[np.ix_(rows, columns)]
