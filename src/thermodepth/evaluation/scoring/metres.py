"""A map in metres: fitted to the truth of its frame as a protocol says, limited, and at its own size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from thermodepth.evaluation.head_maps import GeometryMap, HeadMaps
from thermodepth.evaluation.protocols.alignment import (
    ALIGNMENTS,
    AlignmentRow,
    Fit,
    apply_fit,
    fit_map,
)
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.protocols.resize import nearest_places
from thermodepth.evaluation.scoring.frame_truth import FrameTruth
from thermodepth.metrics import Map, Pixels, TruthMap
from thermodepth.types import Geometry


def metres_of(claim: GeometryMap, truth: FrameTruth, alignment: str) -> Map:
    """[h w] a map as it is scored: of the truth's size, aligned and limited; NaN where it says nothing.

    Raises:
        ValueError: as `score_frame` has it.
    """
    values = truth.resized(claim)
    known = np.isfinite(values)
    row = ALIGNMENTS[alignment]
    fit = fit_of(
        row, claim.geometry, values[truth.scored & known], truth.pixels[known[truth.scored]], truth
    )
    metres = np.full(values.shape, np.nan)
    fitted = apply_fit(
        fit, claim.geometry, fittable_of(row, claim.geometry, values[known], truth.protocol)
    )
    metres[known] = limited_to_range(fitted, row, truth.protocol)
    return metres


def fit_of(
    alignment: AlignmentRow, geometry: Geometry, values: Pixels, truth_m: Pixels, truth: FrameTruth
) -> Fit:
    """The fit of scored values [n] to the truth [n] as the protocol says.

    Raises:
        ValueError: for values that this alignment cannot take.
    """
    fittable = fittable_of(alignment, geometry, values, truth.protocol)
    return fit_map(alignment, geometry, fittable, truth_m, median=truth.protocol.median)


def fittable_of(
    alignment: AlignmentRow, geometry: Geometry, values: Pixels, protocol: Protocol
) -> Pixels:
    """What a fit sees of a map, and is applied to: the map as it is, wherever the fit allows it.

    Metres at or below zero, which networks that end in a ReLU say, have no logarithm and no inverse: there
    they count as the nearest depth of a protocol that clamps. Only metres have a nearest depth: a map
    of another geometry that must be positive and is not is refused by its alignment.
    """
    if geometry is not Geometry.METRIC_DEPTH or not protocol.clamp_prediction:
        return values
    if protocol.fit_values == "limited":
        return values.clip(protocol.min_depth_m, protocol.max_depth_m)
    if alignment.takes_any or values.min(initial=1.0) > 0.0:
        return values
    return np.where(values > 0.0, values, protocol.min_depth_m)


def limited_to_range(depth_m: Pixels, alignment: AlignmentRow, protocol: Protocol) -> Pixels:
    """Metres inside the protocol's range, where it clamps or an affine fit may have left it."""
    if protocol.clamp_prediction or alignment.numbers > 1:
        return depth_m.clip(protocol.min_depth_m, protocol.max_depth_m)
    return depth_m


def own_size_of(head_maps: Mapping[str, HeadMaps], size: tuple[int, int]) -> tuple[int, int] | None:
    """The smallest size that a map of this frame was made at, one for all; None for none below `size`."""
    claims = [claim for maps in head_maps.values() for claim in maps.values()]
    # What is no map is refused later, with the frame's name.
    sizes = [claim.own_size for claim in claims if claim.values.ndim == 2]
    smaller = [s for s in sizes if 0 < s[0] < size[0] and 0 < s[1] < size[1]]
    return min(smaller, key=lambda s: s[0] * s[1], default=None)


def at_own_size(
    claim: GeometryMap,
    values: NDArray[np.float64],
    alignment: AlignmentRow,
    fit: Fit,
    truth: FrameTruth,
    own_size: tuple[int, int] | None,
) -> tuple[Map, TruthMap] | None:
    """A map in metres and the truth, at the size that the frame's maps were made at; None without one."""
    if own_size is None:
        return None
    small = truth.read_at(own_size)
    if claim.values.shape == own_size:
        small_values = np.asarray(claim.values, dtype=np.float64)
    else:
        sides = zip(own_size, truth.size, strict=True)
        small_values = values[np.ix_(*(nearest_places(new, old) for new, old in sides))]
    metres: Map = np.ones(own_size)
    scored = small_values[small.valid]
    if not np.isfinite(scored).all():
        return None
    fittable = fittable_of(alignment, claim.geometry, scored, truth.protocol)
    metres[small.valid] = limited_to_range(
        apply_fit(fit, claim.geometry, fittable), alignment, truth.protocol
    )
    return metres, small
