"""The input recipes as nodes: raw values `[b 1 h w]` to the network's [0, 1].

A percentile is the value of a rank, so it is found by selection, or, for processors that cannot sort, by
bisection: half the remaining range at a time, with the number of pixels that are no larger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import SettingsError
from thermodepth.export.graph import FLOAT32, FLOAT64, INT64
from thermodepth.thermal import HIGHEST, MIN_SPAN, NormaliserSettings
from thermodepth.thermal.normalisers import FULL_SCALE_14_BIT
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from thermodepth.export.frame import Sizes
    from thermodepth.export.graph import Graph, Value
    from thermodepth.thermal import PlanckConstants


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeInput:
    """What a recipe is written for."""

    settings: NormaliserSettings
    unit: ThermalUnit
    sizes: Sizes
    few_operators: bool  # for processors that cannot sort: percentiles are bisected


def write_recipe(graph: Graph, raw: Value, about: RecipeInput) -> Value:
    """The network's input `[b 1 h w]`.

    Raises:
        SettingsError: for a recipe that has no nodes, or not for this unit.
    """
    check_recipe(about.settings, about.unit, few_operators=about.few_operators)
    return RECIPES[about.settings.name](graph, raw, about)


def check_recipe(settings: NormaliserSettings, unit: ThermalUnit, *, few_operators: bool) -> None:
    """Before anything is written.

    Raises:
        SettingsError: as `write_recipe`.
    """
    if settings.name not in RECIPES:
        raise SettingsError(
            f"normaliser '{settings.name}' cannot be written into a graph (those that can: "
            f"{', '.join(sorted(RECIPES))})"
        )
    if settings.name == "percentile" and unit is ThermalUnit.KELVIN and few_operators:
        raise SettingsError(
            "normaliser 'percentile' of frames in kelvin needs a processor that can sort; for one that "
            "cannot, export for frames in counts or display"
        )


def _percentile(graph: Graph, raw: Value, about: RecipeInput) -> Value:
    pixels = graph.node("Mul", about.sizes.inner_rows, about.sizes.inner_columns)
    settings = about.settings
    ranks = [
        _rank(graph, pixels, percent)
        for percent in (settings.low_percentile, settings.high_percentile)
    ]
    if about.few_operators:
        low, high = _bisected(graph, raw, ranks, int(HIGHEST[about.unit]))
    else:
        low, high = _sorted_out(graph, raw, ranks, pixels)
    return _stretch(graph, raw, low, high, MIN_SPAN[about.unit])


def _rank(graph: Graph, pixels: Value, percent: float) -> Value:
    """`[1]` int64, in float64 as numpy has it."""
    last = graph.node("Cast", graph.node("Sub", pixels, graph.whole(1)), to=FLOAT64)
    hundred, share = (graph.constant(number, np.float64) for number in (100.0, percent))
    quotient = graph.node("Div", graph.node("Mul", last, share), hundred)
    return graph.node("Cast", graph.node("Round", quotient), to=INT64)


def _sorted_out(graph: Graph, raw: Value, ranks: list[Value], pixels: Value) -> tuple[Value, Value]:
    """`[b 1 1 1]` each: the largest of the smallest pixels, and the smallest of the largest ones."""
    # Down the columns: from a cold sky to a warm ground every pixel would be among the largest so far.
    flat = graph.node(
        "Reshape", graph.node("Transpose", raw, perm=[0, 1, 3, 2]), graph.whole(0, 1, 1, -1)
    )
    smallest = graph.node("Add", ranks[0], graph.whole(1))
    largest = graph.node("Sub", pixels, ranks[1])
    low, _ = graph.nodes_of("TopK", flat, smallest, outputs=2, axis=3, largest=0, sorted=0)
    high, _ = graph.nodes_of("TopK", flat, largest, outputs=2, axis=3, largest=1, sorted=0)
    return (
        graph.node("ReduceMax", low, axes=[3], keepdims=1),
        graph.node("ReduceMin", high, axes=[3], keepdims=1),
    )


def _bisected(graph: Graph, raw: Value, ranks: list[Value], highest: int) -> tuple[Value, Value]:
    """The same of whole numbers up to `highest`: the least one that more than `rank` pixels do not exceed."""
    one = graph.constant(1.0)
    rank = graph.node("Cast", graph.node("Concat", *ranks, axis=0), to=FLOAT32)
    rank = graph.node("Reshape", rank, graph.whole(1, 2, 1, 1))
    least = graph.constant(np.zeros((1, 2, 1, 1)))
    most = graph.constant(np.full((1, 2, 1, 1), float(highest)))
    for _ in range(highest.bit_length()):
        both = graph.node("Add", least, most)
        middle = graph.node("Floor", graph.node("Mul", both, graph.constant(0.5)))
        # 1 for a pixel that is not above the middle, else 0: between whole numbers there is nothing.
        above_pixel = graph.node("Add", graph.node("Sub", middle, raw), one)
        is_below = graph.node("Clip", above_pixel, graph.constant(0.0), one)
        count = graph.node("ReduceSum", is_below, graph.whole(2, 3), keepdims=1)
        above_rank = graph.node("Sub", count, rank)
        enough = graph.node("Clip", above_rank, graph.constant(0.0), one)
        narrowed = graph.node("Mul", enough, graph.node("Sub", most, middle))
        most = graph.node("Sub", most, narrowed)
        beyond = graph.node("Sub", graph.node("Add", middle, one), least)
        raised = graph.node("Mul", graph.node("Sub", one, enough), beyond)
        least = graph.node("Add", least, raised)
    low, high = graph.nodes_of("Split", least, graph.whole(1, 1), outputs=2, axis=1)
    return low, high


def _min_max(graph: Graph, raw: Value, about: RecipeInput) -> Value:
    low, high = (
        graph.node(reduce, raw, axes=[2, 3], keepdims=1) for reduce in ("ReduceMin", "ReduceMax")
    )
    return _stretch(graph, raw, low, high, MIN_SPAN[about.unit])


def _fixed_range(graph: Graph, raw: Value, about: RecipeInput) -> Value:
    return _window(graph, raw, about.settings.range_low, about.settings.range_high)


def _raw_14bit(graph: Graph, raw: Value, about: RecipeInput) -> Value:
    del about
    return _window(graph, raw, 0.0, FULL_SCALE_14_BIT)


def _temperature(graph: Graph, raw: Value, about: RecipeInput) -> Value:
    settings = about.settings
    kelvin = raw
    if about.unit is ThermalUnit.COUNTS:
        assert settings.planck is not None, "a recipe for counts has the constants"
        kelvin = _kelvin_of_counts(graph, raw, settings.planck)
    return _window(graph, kelvin, settings.window_low_k, settings.window_high_k)


def _kelvin_of_counts(graph: Graph, counts: Value, constants: PlanckConstants) -> Value:
    """As `thermal.radiometry` has it; 0 where there is no signal or it is beyond every temperature."""
    zero, one = graph.constant(0.0), graph.constant(1.0)
    signal = graph.node("Add", counts, graph.constant(constants.o))
    has_signal = graph.node("Greater", signal, zero)
    divided = graph.node("Where", has_signal, signal, one)
    share = graph.node("Div", graph.constant(constants.r1 / constants.r2), divided)
    logarithm = graph.node("Log", graph.node("Add", share, graph.constant(constants.f)))
    is_warm = graph.node("And", has_signal, graph.node("Greater", logarithm, zero))
    kelvin = graph.node(
        "Div", graph.constant(constants.b), graph.node("Where", is_warm, logarithm, one)
    )
    return graph.node("Where", is_warm, kelvin, zero)


def _window(graph: Graph, raw: Value, low: float, high: float) -> Value:
    return _stretch(graph, raw, graph.constant(low), graph.constant(high), 0.0)


def _stretch(graph: Graph, raw: Value, low: Value, high: Value, min_span: float) -> Value:
    span = graph.node("Max", graph.node("Sub", high, low), graph.constant(min_span))
    centre = graph.node("Mul", graph.node("Add", high, low), graph.constant(0.5))
    factor = graph.node("Div", graph.constant(1.0), span)
    scaled = graph.node("Mul", graph.node("Sub", raw, centre), factor)
    shifted = graph.node("Add", scaled, graph.constant(0.5))
    return graph.node("Clip", shifted, graph.constant(0.0), graph.constant(1.0))


RECIPES: Mapping[str, Callable[[Graph, Value, RecipeInput], Value]] = {
    "percentile": _percentile,
    "min_max": _min_max,
    "fixed_range": _fixed_range,
    "temperature": _temperature,
    "raw_14bit": _raw_14bit,
}
