"""How far predicted and true depth edges lie apart, in pixels.

With Y the true and P the predicted edge pixels, E_Y(x) the distance from pixel x to the nearest of Y and
theta = 10 px:

    accuracy      mean of E_Y over the pixels of P with E_Y < theta; theta where there is none
    completeness  (sum over P of min(E_Y, theta) + sum over Y of min(E_P, theta)) / (|P| + |Y|)
    density       |P| / |Y|

the depth boundary errors of Koch et al. 2018 (iBims-1, arXiv 1805.01328). The completeness is the two-sided
one of the authors' script; one-sided variants circulate under the same name. A smooth map gains accuracy
by having few edges, so accuracy is read beside the density.

Edges are those of skimage's Canny with the authors' sigma = sqrt(2) px and thresholds 0.15 and 0.3, but of
ln depth: on depth scaled to [0, 1], as in the script, a single far pixel decides what an edge is. On ln
depth a threshold is a ratio. For a straight step of s in ln depth the smoothed map rises by s (g0 + g1)
from one side of a pixel at the step to the other, g being the Gaussian's weights at 0 and 1 px (0.282 and
0.220), and Sobel's weights (1, 2, 1) x (-1, 0, 1) make 4 s (g0 + g1) = 2.007 s of it. So an edge starts at
s = 0.149, a step of 16.1 %, and goes on down to s = 0.075, a step of 7.8 %; on a diagonal, 16.1 and
7.7 %. A slope is an edge only along the line where it is steepest, and starts one from 3.75 % per pixel.

Pixels without truth are masked for truth and prediction alike; an edge needs truth at all its eight
neighbours, so sparse truth has none and is not measured. The count is |Y|.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thermodepth.metrics.arrays import Map
from thermodepth.metrics.row import MapFamily, Measured, MetricRow
from thermodepth.metrics.truth_map import TruthMap

_SIGMA_PX = float(np.sqrt(2.0))
_GO_ON, _START = 0.15, 0.3  # Canny's two thresholds on Sobel's answer
_FAR_PX = 10.0  # theta
_LEAST_EDGES = 50
_GRAIN = 2.0**-20  # of ln depth: one millionth of the depth

_KOCH = "Koch et al. 2018 (iBims-1), arXiv 1805.01328, on ln depth"
_DIFFERS = "edges of ln depth, not of depth scaled to 0..1"
_ACCURACY = MetricRow(
    name="edge_accuracy_px",
    unit="px",
    better="lower",
    label="edge accuracy",
    digits=2,
    definition="mean distance of predicted edge pixels to the nearest true edge, those within 10 px of one",
    source=_KOCH,
    optimum=0.0,
    scale_invariant=True,
    least_pixels=_LEAST_EDGES,
    differs=_DIFFERS,
)
_COMPLETENESS = MetricRow(
    name="edge_completeness_px",
    unit="px",
    better="lower",
    label="edge completeness",
    digits=2,
    definition="mean distance to the nearest edge of the other map, at most 10 px, over edge pixels of both",
    source=f"{_KOCH}; two-sided as in the authors' script",
    optimum=0.0,
    scale_invariant=True,
    least_pixels=_LEAST_EDGES,
    differs=_DIFFERS,
)
_DENSITY = MetricRow(
    name="edge_density_ratio",
    unit="",
    better="closer",
    label="edge density",
    digits=3,
    definition="number of predicted edge pixels over the number of true ones",
    source=_KOCH,
    optimum=1.0,
    scale_invariant=True,
    least_pixels=_LEAST_EDGES,
    differs=_DIFFERS,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _TrueEdges:
    edges: NDArray[np.bool_]  # [h w]
    distance_px: Map  # [h w] to the nearest of them


def _true_edges(truth: TruthMap) -> _TrueEdges | None:
    """None where the truth has too few edges to be measured against."""
    if not truth.valid.any():
        return None
    edges = _edges(truth.log_depth, truth.valid)
    if np.count_nonzero(edges) < _LEAST_EDGES:
        return None
    return _TrueEdges(edges=edges, distance_px=_distance_px(edges))


def _edges(log_depth: Map, valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """[h w] Canny's edges. What stands at pixels that are not valid does not matter."""
    from skimage.feature import canny

    # Both sides of a sharp step answer equally strongly, and Canny keeps both or loses one by the last bit of
    # a sum. Centred and in grains, a map and its multiples are the same numbers, with the same edges.
    centred = log_depth - log_depth[valid].mean()
    edges: NDArray[np.bool_] = canny(
        np.round(centred / _GRAIN) * _GRAIN,
        sigma=_SIGMA_PX,
        low_threshold=_GO_ON,
        high_threshold=_START,
        mask=valid,
    )
    return edges


def _distance_px(edges: NDArray[np.bool_]) -> Map:
    """[h w] to the nearest edge pixel; infinite where there is none in the map."""
    from scipy.ndimage import distance_transform_edt

    if not edges.any():
        return np.full(edges.shape, np.inf)
    distance: Map = distance_transform_edt(~edges)
    return distance


def _measure(prediction_m: Map, truth: TruthMap) -> dict[str, Measured]:
    true = truth.once(_true_edges)
    if true is None:
        return {}
    edges = _edges(np.log(prediction_m), truth.valid)
    to_true = true.distance_px[edges]
    to_predicted = _distance_px(edges)[true.edges]
    near = to_true[to_true < _FAR_PX]
    count = to_predicted.size
    both_ways = np.minimum(to_true, _FAR_PX).sum() + np.minimum(to_predicted, _FAR_PX).sum()
    return {
        _ACCURACY.name: Measured(float(near.mean()) if near.size else _FAR_PX, count),
        _COMPLETENESS.name: Measured(float(both_ways) / (to_true.size + count), count),
        _DENSITY.name: Measured(to_true.size / count, count),
    }


EDGE_DISTANCE = MapFamily(
    name="edge_distance", rows=(_ACCURACY, _COMPLETENESS, _DENSITY), measure=_measure
)
