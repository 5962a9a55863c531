"""What happens to a raw frame before the network, as nodes: its working size, the resizing, the input recipe.

    rows, columns = round(side * short side / shorter side), ties to even, at least 32
    resized       = A_rows X A_columns^T     area means when shrinking, bilinear when enlarging

The resizing is two products with a matrix of weights (`resizing`). Counts are rounded as OpenCV rounds them;
so are 8-bit pictures, but where they are enlarged, which the predictor does in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from thermodepth.export.resizing import is_same, pixel_weights
from thermodepth.inference.working_size import LEAST_SIDE
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from thermodepth.export.graph import Graph, Value

#: What float32 tells apart beside 65535.
_STEPS = 256.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Frames at once, sides of a frame and of what the network sees of it, `[1]` int64 each."""

    batch: Value
    rows: Value
    columns: Value
    inner_rows: Value
    inner_columns: Value


def write_sizes(graph: Graph, frame: Value, *, short_side: int) -> Sizes:
    """Of a frame `[b 1 h w]`, as `network_size` has it."""
    rows, columns = (graph.sizes(frame, axis, axis + 1) for axis in (2, 3))
    shorter = graph.node("Min", rows, columns)
    inner_rows, inner_columns = (
        _inner_side(graph, side, shorter, short_side) for side in (rows, columns)
    )
    return Sizes(
        batch=graph.sizes(frame, 0, 1),
        rows=rows,
        columns=columns,
        inner_rows=inner_rows,
        inner_columns=inner_columns,
    )


def _inner_side(graph: Graph, side: Value, shorter: Value, short_side: int) -> Value:
    """round(side * short_side / shorter) in whole numbers."""
    one, two = graph.whole(1), graph.whole(2)
    twice = graph.node("Mul", shorter, two)
    product = graph.node("Mul", side, graph.whole(2 * short_side))
    numerator = graph.node("Add", product, shorter)
    quotient = graph.node("Div", numerator, twice)
    rest = graph.node("Sub", numerator, graph.node("Mul", quotient, twice))
    odd = graph.node("Sub", quotient, graph.node("Mul", graph.node("Div", quotient, two), two))
    is_tie = graph.node("Sub", one, graph.node("Min", rest, one))
    rounded = graph.node("Sub", quotient, graph.node("Mul", is_tie, odd))
    return graph.node("Max", rounded, graph.whole(LEAST_SIDE))


def write_resized(
    graph: Graph, frame: Value, sizes: Sizes, *, unit: ThermalUnit, few_operators: bool
) -> Value:
    """The frame `[b 1 h w]` at the size that the network sees.

    Args:
        graph: to write into.
        frame: raw.
        sizes: from `write_sizes`.
        unit: of the frame.
        few_operators: rounds by arithmetic, for processors that cannot round or compare.
    """
    both = [(sizes.rows, sizes.inner_rows), (sizes.columns, sizes.inner_columns)]
    if all(is_same(graph, outer, inner) for outer, inner in both):
        return frame
    shrinks = graph.node("And", *(graph.node("LessOrEqual", inner, outer) for outer, inner in both))
    by_rows, by_columns = (pixel_weights(graph, outer, inner, shrinks) for outer, inner in both)
    across = graph.node("Transpose", by_columns, perm=[1, 0])
    resized = graph.node("MatMul", graph.node("MatMul", by_rows, frame), across)
    if unit is ThermalUnit.KELVIN:
        return resized
    rounded = _rounded(graph, resized, both, few_operators=few_operators)
    if unit is ThermalUnit.COUNTS:
        return rounded
    known = graph.known(shrinks)
    if known is None:
        return graph.node("Where", shrinks, rounded, resized)
    return rounded if known.all() else resized


def _rounded(
    graph: Graph, resized: Value, both: Sequence[tuple[Value, Value]], *, few_operators: bool
) -> Value:
    """Halves go to the even number, but upwards in the mean of 2x2, which OpenCV takes by whole numbers."""
    halves = [
        graph.node("Equal", outer, graph.node("Mul", inner, graph.whole(2)))
        for outer, inner in both
    ]
    halving = graph.node("And", *halves)
    upwards = graph.node("Floor", graph.node("Add", resized, graph.constant(0.5)))
    known = graph.known(halving)
    if known is not None:
        if known.all():
            return upwards
        return _even(graph, resized, upwards) if few_operators else graph.node("Round", resized)
    return graph.node("Where", halving, upwards, graph.node("Round", resized))


def _even(graph: Graph, exact: Value, upwards: Value) -> Value:
    """Rounded with halves to the even number, from what is rounded with halves upwards."""
    zero, half, one = (graph.constant(number) for number in (0.0, 0.5, 1.0))
    above = graph.node("Sub", graph.node("Add", exact, half), upwards)  # 0 for a half
    scaled = graph.node("Mul", above, graph.constant(_STEPS))
    is_half = graph.node("Sub", one, graph.node("Clip", scaled, zero, one))
    pairs = graph.node("Floor", graph.node("Mul", upwards, half))
    odd = graph.node("Sub", upwards, graph.node("Add", pairs, pairs))
    return graph.node("Sub", upwards, graph.node("Mul", is_half, odd))
