"""The factor that a frame's metres are off by: the median of d/p, as monodepth2 aligns its predictions.

How it wanders over a sequence is in `thermodepth.evaluation.results.stability`.
"""

from __future__ import annotations

import numpy as np

from thermodepth.metrics.row import Map, MapFamily, Measured, MetricRow, Pixels
from thermodepth.metrics.truth_map import TruthMap


def _depth(truth: TruthMap) -> Pixels:
    return truth.depth_m[truth.valid]


def _measure(prediction_m: Map, truth: TruthMap) -> dict[str, Measured]:
    depth = truth.once(_depth)
    if not depth.size:
        return {}
    # numpy's median: the mean of the two middle values of an even count, where torch takes the lower.
    return {"scale": Measured(float(np.median(depth / prediction_m[truth.valid])), int(depth.size))}


SCALE = MapFamily(
    name="scale",
    rows=(
        MetricRow(
            name="scale",
            unit="",
            better="closer",
            label="scale",
            digits=4,
            definition="median d/p: 1.1 is metres to be made 10 % larger",
            source="Godard et al. 2019 (monodepth2), arXiv 1806.01260",
            optimum=1.0,
        ),
    ),
    measure=_measure,
)
