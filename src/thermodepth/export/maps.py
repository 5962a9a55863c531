"""What happens to the network's maps, as nodes: frame size, true metres, expected errors.

As `inference.predictor` has it: logarithms are enlarged, the lens moves them, exp gives metres; the expected
error takes its calibration by the predicted depth. A line between knots is a sum of ramps, which is a
convolution on either side of a ReLU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from thermodepth.export.encoder import conv_of
from thermodepth.export.graph import FLOAT32
from thermodepth.export.resizing import is_same, pixel_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.export.frame import Sizes
    from thermodepth.export.graph import Graph, Value
    from thermodepth.export.network import NetworkMaps
    from thermodepth.model import ModelRecipe


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameMaps:
    """Maps at the frame's size, `[b 1 h w]`; `relative_error` is `[b 2 h w]`."""

    depth_m: Value
    structure: Value
    sky: Value | None  # 0 to 1
    relative_error: Value | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapsInput:
    """What maps are written for."""

    recipe: ModelRecipe  # of the model; without a calibration no error is told
    sizes: Sizes
    focal_px: Value | None  # `[b]` in pixels of the frame; None: the network is not told the lens
    #: Products with weights in the place of a resizing, arithmetic by pixel in that of convolutions with few
    #: channels: the same numbers, which OpenVINO has faster and ONNX Runtime slower.
    for_openvino: bool


def write_maps(graph: Graph, maps: NetworkMaps, about: MapsInput) -> FrameMaps:
    """The network's maps, at the padded size of its input, as those of the frame."""
    log_depth = _at_frame(graph, maps.log_depth, about)
    if about.focal_px is not None:
        term = _lens_term(graph, about.focal_px, about.sizes, about.recipe)
        log_depth = graph.node("Add", log_depth, term)
    sky = maps.sky_logit
    error = None
    if maps.log_errors and about.recipe.error_calibration is not None:
        logs = [_at_frame(graph, each, about) for each in maps.log_errors]
        error = _relative_error(graph, logs, log_depth, about)
    return FrameMaps(
        depth_m=graph.node("Exp", log_depth),
        structure=_at_frame(graph, maps.structure, about),
        sky=None if sky is None else graph.node("Sigmoid", _at_frame(graph, sky, about)),
        relative_error=error,
    )


def _at_frame(graph: Graph, maps: Value, about: MapsInput) -> Value:
    """Without the padding below and right, bilinear at the frame's size."""
    sizes = about.sizes
    inner = graph.node("Concat", sizes.inner_rows, sizes.inner_columns, axis=0)
    cropped = graph.node("Slice", maps, graph.whole(0, 0), inner, graph.whole(2, 3))
    axes = (sizes.inner_rows, sizes.rows), (sizes.inner_columns, sizes.columns)
    if all(is_same(graph, *sides) for sides in axes):
        return cropped
    if about.for_openvino:
        bilinear = graph.constant(False, np.bool_)
        by_rows, by_columns = (pixel_weights(graph, *sides, bilinear) for sides in axes)
        across = graph.node("Transpose", by_columns, perm=[1, 0])
        return graph.node("MatMul", by_rows, graph.node("MatMul", cropped, across))
    parts = (sizes.batch, graph.whole(1), sizes.rows, sizes.columns)
    target = graph.node("Concat", *parts, axis=0)
    attributes = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return graph.node("Resize", cropped, "", "", target, **attributes)


def _lens_term(graph: Graph, focal_px: Value, sizes: Sizes, recipe: ModelRecipe) -> Value:
    """`[b 1 1 1]` ln of the focal length at the network over the one that it takes every lens for.

    A focal length of 0 is not known: the training's field of view is taken, along the long side.
    """
    assert recipe.lens is not None
    assert recipe.model.focal_px is not None
    rows, columns, inner_rows, inner_columns = (
        graph.node("Cast", side, to=FLOAT32)
        for side in (sizes.rows, sizes.columns, sizes.inner_rows, sizes.inner_columns)
    )
    half_view = math.radians(recipe.lens.field_of_view_deg) / 2
    assumed = graph.node(
        "Mul", graph.node("Max", rows, columns), graph.constant([0.5 / math.tan(half_view)])
    )
    zero, one = graph.constant(0.0), graph.constant(1.0)
    is_known = graph.node("Clip", focal_px, zero, one)  # of a pixel or more
    is_assumed = graph.node("Sub", one, is_known)
    focal = graph.node("Add", focal_px, graph.node("Mul", is_assumed, assumed))
    zoom = graph.node(
        "Mul", graph.node("Div", inner_rows, rows), graph.node("Div", inner_columns, columns)
    )
    at_network = graph.node("Mul", focal, graph.node("Sqrt", zoom))
    ratio = graph.node("Div", at_network, graph.constant([recipe.model.focal_px]))
    return graph.node("Reshape", graph.node("Log", ratio), graph.whole(-1, 1, 1, 1))


def _relative_error(
    graph: Graph, logs: Sequence[Value], log_depth: Value, about: MapsInput
) -> Value:
    """`[b 2 h w]`, as `model.error_calibration` has it."""
    recipe = about.recipe
    assert recipe.error_calibration is not None
    assert recipe.model.depth_range_m is not None
    near, far = recipe.model.depth_range_m
    low_log, high_log = logs
    low_factor, high_factor = _log_factors(graph, log_depth, about)
    low = graph.node("Add", low_log, low_factor)
    # Quantiles that were learnt apart may cross, and so may their factors.
    high = graph.node("Add", graph.node("Max", low_log, high_log), high_factor)
    largest = graph.constant(math.log(math.log(far / near)))
    levels = []
    for level in (low, graph.node("Max", low, high)):
        raised = graph.node("Exp", graph.node("Exp", graph.node("Min", level, largest)))
        levels.append(graph.node("Sub", raised, graph.constant(1.0)))
    return graph.node("Concat", *levels, axis=1)


def _log_factors(graph: Graph, log_depth: Value, about: MapsInput) -> list[Value]:
    """By level, ln factor at every depth: f(x) = f_0 + sum of (change of slope) ReLU(x - knot)."""
    calibration = about.recipe.error_calibration
    assert calibration is not None
    knots = np.log(calibration.knots_m)
    values = np.log(calibration.factors)  # [level knot]
    slopes = np.diff(values) / np.diff(knots)
    bends = np.diff(slopes, prepend=0, append=0)  # [level knot]; flat beyond the last one
    levels = list(zip(values[:, 0], bends, strict=True))
    if about.for_openvino:
        ramps = [
            graph.node("Relu", graph.node("Sub", log_depth, graph.constant(knot))) for knot in knots
        ]
        return [_weighted(graph, ramps, bend, start) for start, bend in levels]
    ones, shifts = torch.ones(len(knots), 1, 1, 1), torch.tensor(-knots, dtype=torch.float32)
    stacked = graph.node("Relu", conv_of(graph, log_depth, ones, shifts))
    return [
        conv_of(
            graph,
            stacked,
            torch.tensor(bend[None, :, None, None], dtype=torch.float32),
            torch.tensor([start], dtype=torch.float32),
        )
        for start, bend in levels
    ]


def _weighted(
    graph: Graph, ramps: Sequence[Value], bend: NDArray[np.float64], start: float
) -> Value:
    total = graph.constant(start)
    for ramp, weight in zip(ramps, bend, strict=True):
        total = graph.node("Add", graph.node("Mul", ramp, graph.constant(weight)), total)
    return total
