"""The maps of one frame as numbers.

A score that cannot be measured (no truth, no reference, no metres, nothing left beyond the layout) is absent.
Metrics are those of `thermodepth.metrics`; predictions are not limited to any range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recordings.answers import Map, Maps
from thermodepth.evaluation.scoring.references import FrameReference
from thermodepth.metrics import ERRORS, PixelErrors, rank_agreement
from thermodepth.teacher import agreement

Scores = dict[str, float]


def against_reference(maps: Maps, reference: FrameReference) -> Scores:
    """Ranks of both maps against inverse depth up to factor and offset; sky is infinitely far."""
    scores = reference.scores(maps.structure, depth_m=maps.depth_m, sky=maps.sky)
    if maps.depth_m is not None:
        scores["median_m"] = median_of_solid(maps)
    if maps.sky is not None:
        scores["sky_share"] = float(maps.sky.mean())
    return scores


def against_truth(maps: Maps, truth_m: NDArray[np.float32]) -> Scores:
    """Metres as they are and after one factor, ranks, and structure after factor and offset in 1/depth."""
    valid = np.isfinite(truth_m)
    if not valid.any():
        return {}
    true_m = truth_m[valid].astype(np.float64)
    near = np.where(valid, 1.0 / np.where(valid, truth_m, 1.0).astype(np.float64), np.nan)
    structure = rank_agreement(np.asarray(maps.structure, np.float64), near)
    scores = {
        "structure_rank": structure.rank,
        "structure_partial": structure.partial,
        "aligned_abs_rel": agreement(maps.structure, truth_m).abs_rel,
    }
    if maps.depth_m is not None:
        scores |= _of_metres(maps.depth_m, true_m, near, valid)
    if maps.sky is not None:
        scores["sky_share"] = float(maps.sky[valid].mean())
    return _measured(scores)


def _of_metres(
    depth_m: Map, true_m: NDArray[np.float64], near: Map, valid: NDArray[np.bool_]
) -> Scores:
    predicted_m = depth_m[valid].astype(np.float64)
    scale = float(np.median(true_m) / np.median(predicted_m))
    as_it_is, scaled = (PixelErrors(predicted_m * factor, true_m) for factor in (1.0, scale))
    rank = rank_agreement(1.0 / depth_m.astype(np.float64), near)
    return {
        "abs_rel": float(ERRORS["abs_rel"].compute(as_it_is)[0]),
        "delta_1": float(ERRORS["delta_1"].compute(as_it_is)[0]),
        "scale": scale,
        "factor_off": max(scale, 1 / scale),
        "scaled_abs_rel": float(ERRORS["abs_rel"].compute(scaled)[0]),
        "depth_rank": rank.rank,
        "depth_partial": rank.partial,
    }


def of_recording(maps: Sequence[Maps]) -> list[Scores]:
    """Of consecutive frames without truth: sky, metres, and how much a pixel's depth changes to the next."""
    scores = []
    for place, each in enumerate(maps):
        assert each.depth_m is not None, "of thermal models"
        frame = {"median_m": median_of_solid(each)}
        if each.sky is not None:
            frame["sky_share"] = float(each.sky.mean())
        if place + 1 < len(maps):
            after_m = maps[place + 1].depth_m
            assert after_m is not None
            change = np.abs(np.log(after_m / each.depth_m))
            frame["flicker"] = 100 * float(np.median(change))
        scores.append(_measured(frame))
    return scores


def median_of_solid(maps: Maps) -> float:
    """Metres of what is not sky; of every pixel where nothing else is seen."""
    assert maps.depth_m is not None
    solid = maps.depth_m if maps.sky is None or maps.sky.all() else maps.depth_m[~maps.sky]
    return float(np.median(solid))


def _measured(scores: Scores) -> Scores:
    return {name: value for name, value in scores.items() if not math.isnan(value)}
