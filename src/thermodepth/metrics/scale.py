"""The factor that a frame's metres are off by: the median of d/p, as monodepth2 aligns its predictions.

It is that of the map as it is, before it is limited to a protocol's range: limited, every frame that is too
far as a whole is off by the end of the range, and its scale looks steadier or wilder than it is. How it
wanders over a sequence is in `thermodepth.evaluation.results.stability`.
"""

from __future__ import annotations

import numpy as np

from thermodepth.metrics.arrays import Map, Pixels
from thermodepth.metrics.row import MapFamily, Measured, MetricRow
from thermodepth.metrics.truth_map import TruthMap

_SOME_METRES = (1e-9, 1e9)  # 0 m and infinity have a ratio to the truth, however large


def _depth(truth: TruthMap) -> Pixels:
    return truth.depth_m[truth.valid]


def _measure(prediction_m: Map, truth: TruthMap) -> dict[str, Measured]:
    depth = truth.once(_depth)
    if not depth.size:
        return {}
    prediction = prediction_m[truth.valid].clip(*_SOME_METRES)
    # numpy's median: the mean of the two middle values of an even count, where torch takes the lower.
    return {"scale": Measured(float(np.median(depth / prediction)), int(depth.size))}


SCALE = MapFamily(
    name="scale",
    rows=(
        MetricRow(
            name="scale",
            unit="",
            better="closer",
            label="scale",
            digits=4,
            definition="median d/p before limiting to the range: 1.1 is metres to be made 10 % larger",
            source="Godard et al. 2019 (monodepth2), arXiv 1806.01260",
            optimum=1.0,
        ),
    ),
    measure=_measure,
    limited=False,
)
