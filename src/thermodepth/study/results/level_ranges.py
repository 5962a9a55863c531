"""What a switch does at each level, by distance: within the reach of the training's truth, beyond, by range.

The ranges are those of the protocol. What lies within a reach are the ranges that end at it or before, what
lies beyond those that begin at it or after; a range that holds it is in neither. A value of several ranges
of a frame is put together by their pixels, as it would have come out of one range:

    mean over pixels    sum of n v / sum of n            AbsRel
    root of the mean    sqrt(sum of n v^2 / sum of n)    RMSE
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.evaluation.rows.rows import WHOLE_FRAME
from thermodepth.metrics import METRICS
from thermodepth.statistics.comparison import Comparison
from thermodepth.statistics.findings import Findings
from thermodepth.statistics.pooled_df import compare_all
from thermodepth.statistics.simple_effects import LevelPair, SimpleEffects
from thermodepth.study.design import Study
from thermodepth.study.inputs import arm_settings
from thermodepth.study.results.entries import COMPARED
from thermodepth.study.results.lines import RANGE
from thermodepth.study.results.result_rows import measurements_of

ALL = "all pixels"
_KEYS = (
    *("study", "arm", "seed", "sample_id", "sequence", "frame", "condition", "protocol"),
    *("head", "against", "alignment"),
)
_POWER = {"mean": 1, "square": 2}  # by how values of several ranges become one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlaceEffect:
    """The simple effect of one level in one place of the scenes."""

    pair: LevelPair
    place: str  # `all pixels`, `beyond 16 m`, `6–16 m`
    is_range: bool  # one of the protocol's ranges
    changes: Mapping[str, Comparison]  # by metric
    pixels: int  # scored, in each seed
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    title: str
    slices: tuple[str, ...]
    is_range: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _PlaceComparisons:
    changes: Mapping[str, Mapping[str, Comparison]]  # by question, then by metric
    pixels: int
    images: int


def place_effects(rows: pa.Table, study: Study, contrasts: Findings) -> tuple[PlaceEffect, ...]:
    """Of every level of every switch, in all places; a level without results is left out.

    Args:
        rows: of the metric depth, over whole frames and ranges.
        study: that they are of.
        contrasts: of the same rows, over whole frames; what was computed there is not computed again.

    Raises:
        DataError: for arms that were not scored on the same pixels.
    """
    slices = sorted(
        (name for name in pc.unique(rows["slice"]).to_pylist() if name.startswith(RANGE)),
        key=lambda name: _edges(name)[0],
    )
    effects = []
    for group in study.simple_effects:
        compared: dict[_Place, _PlaceComparisons] = {}
        for pair in group.pairs:
            name = group.question(pair).name
            reach = arm_settings(study, study.arm(pair.on)).data.truth.max_m
            for place in _places(slices, reach):
                if place not in compared:
                    compared[place] = _compared(rows, study, group, place, contrasts)
                of_place = compared[place]
                if name not in of_place.changes:
                    continue
                effects.append(
                    PlaceEffect(
                        pair=pair,
                        place=place.title,
                        is_range=place.is_range,
                        changes=of_place.changes[name],
                        pixels=of_place.pixels,
                        images=of_place.images,
                    )
                )
    return tuple(effects)


def rows_of_place(rows: pa.Table, slices: Sequence[str], metrics: Sequence[str]) -> pa.Table:
    """The rows of several ranges as of one, whose slice is that of whole frames."""
    parts = []
    for metric in metrics:
        of_metric = rows.filter(
            pc.and_(
                pc.equal(rows["metric"], metric),
                pc.is_in(rows["slice"], pa.array(slices, type=pa.string())),
            )
        )
        power = _POWER[METRICS[metric].pooling]
        pixels = pc.cast(of_metric["pixels"], pa.float64())
        summed = (
            of_metric.select([*_KEYS, "pixels"])
            .append_column("weighted", pc.multiply(pc.power(of_metric["value"], power), pixels))
            .group_by(list(_KEYS))
            .aggregate([("weighted", "sum"), ("pixels", "sum")])
        )
        mean = pc.divide(summed["weighted_sum"], pc.cast(summed["pixels_sum"], pa.float64()))
        count = summed.num_rows
        parts.append(
            summed.select(list(_KEYS))
            .append_column("value", pc.power(mean, 1 / power))
            .append_column("pixels", summed["pixels_sum"])
            .append_column("metric", pa.array([metric] * count, type=pa.string()))
            .append_column("slice", pa.array([WHOLE_FRAME] * count, type=pa.string()))
        )
    return pa.concat_tables(parts)


def _compared(
    rows: pa.Table, study: Study, group: SimpleEffects, place: _Place, contrasts: Findings
) -> _PlaceComparisons:
    """All levels together, for they share degrees of freedom."""
    arms = [arm for pair in group.pairs for arm in pair.arms]
    names = {group.question(pair).name for pair in group.pairs}
    own: pa.Table | None = None
    changes: dict[str, dict[str, Comparison]] = {}
    for metric in COMPARED:
        known = contrasts.measurements.get(metric) if place.title == ALL else None
        if known is not None:
            block = known
            every = (tested.comparison for tested in contrasts.tested)
            comparisons = [
                c for c in every if c.metric == block.metric and c.question.name in names
            ]
        else:
            own = rows_of_place(rows, place.slices, COMPARED) if own is None else own
            block = measurements_of(own, metric, arms=arms, images="common")
            answerable = (pair for pair in group.pairs if block.have_a_seed_in_common(pair.arms))
            comparisons = [
                *compare_all(
                    block,
                    [group.question(pair) for pair in answerable],
                    reference=study.reference,
                    better="lower",
                    smallest_effect=study.smallest_effect,
                )
            ]
        for comparison in comparisons:
            changes.setdefault(comparison.question.name, {})[metric] = comparison
    assert block.pixels is not None
    first = np.argwhere(block.present)[0]
    return _PlaceComparisons(
        changes=changes,
        pixels=int(block.pixels[first[0], first[1]].sum()),
        images=len(block.images),
    )


def _places(slices: Sequence[str], reach: float | None) -> Iterator[_Place]:
    yield _Place(title=ALL, slices=(WHOLE_FRAME,))
    if reach is not None:
        within = tuple(name for name in slices if _edges(name)[1] <= reach)
        beyond = tuple(name for name in slices if _edges(name)[0] >= reach)
        if within:
            yield _Place(title=f"within {_edges(within[-1])[1]:g} m", slices=within)
        if beyond:
            yield _Place(title=f"beyond {_edges(beyond[0])[0]:g} m", slices=beyond)
    for name in slices:
        low, high = _edges(name)
        yield _Place(title=f"{low:g}–{high:g} m", slices=(name,), is_range=True)


def _edges(name: str) -> tuple[float, float]:
    low, _, high = name.removeprefix(RANGE).partition("-")
    return float(low), float(high)
