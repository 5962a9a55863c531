"""Resizing as a product with a matrix of weights, which says in one way what is done by area and by bilinear
weights, at any size.

In steps of 1 / inner of a pixel, place i covers i outer to (i + 1) outer, and pixel j covers j inner to
(j + 1) inner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from thermodepth.export.graph import FLOAT32

if TYPE_CHECKING:
    from thermodepth.export.graph import Graph, Value


def pixel_weights(graph: Graph, outer: Value, inner: Value, shrinks: Value) -> Value:
    """`[inner outer]` weights of the pixels of one axis, by whole numbers up to the last division.

    Args:
        graph: to write into.
        outer: `[1]` pixels of the axis.
        inner: `[1]` places that take means of them.
        shrinks: whether places are means over their area, else they are bilinear.
    """
    zero, one, two = (graph.constant(number, np.int64) for number in (0, 1, 2))
    places = _range(graph, inner, 1)  # [inner 1]
    pixels = _range(graph, outer, 0)  # [1 outer]
    overlap = graph.node(
        "Sub",
        graph.node(
            "Min",
            graph.node("Mul", graph.node("Add", places, one), outer),
            graph.node("Mul", graph.node("Add", pixels, one), inner),
        ),
        graph.node("Max", graph.node("Mul", places, outer), graph.node("Mul", pixels, inner)),
    )
    # The same in steps of half of that: the middle of a place, held within the middles of the pixels.
    step = graph.node("Mul", inner, two)
    odd = graph.node("Add", graph.node("Mul", places, two), one)
    middle = graph.node("Sub", graph.node("Mul", odd, outer), inner)
    last = graph.node("Mul", step, graph.node("Sub", outer, one))
    middle = graph.node("Min", graph.node("Max", middle, zero), last)
    distance = graph.node("Abs", graph.node("Sub", middle, graph.node("Mul", pixels, step)))
    near = graph.node("Sub", step, distance)
    parts = graph.node("Max", graph.node("Where", shrinks, overlap, near), zero)
    whole = graph.node("Where", shrinks, outer, step)
    return graph.node("Div", *(graph.node("Cast", value, to=FLOAT32) for value in (parts, whole)))


def _range(graph: Graph, end: Value, axis: int) -> Value:
    """0 to `end` - 1, with an axis of 1 at `axis`."""
    first, step = (graph.constant(number, np.int64) for number in (0, 1))
    whole = graph.node("Range", first, graph.node("Squeeze", end), step)
    return graph.node("Unsqueeze", whole, graph.whole(axis))


def is_same(graph: Graph, first: Value, second: Value) -> bool:
    """Whether both are known, and equal."""
    numbers = graph.known(first), graph.known(second)
    return numbers[0] is not None and numbers[1] is not None and bool(numbers[0] == numbers[1])
