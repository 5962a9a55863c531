"""How steady the scale is, printed."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pyarrow as pa

from thermodepth.evaluation.results.frame_values import METRES, WhichMap
from thermodepth.evaluation.results.stability import ScaleStability, scale_stability
from thermodepth.evaluation.rows.rows import protocol_of
from thermodepth.report.table import Cell, Column, Table


def stability_table(
    rows: pa.Table, which: WhichMap = METRES, *, title: str = "How steady the scale is"
) -> Table:
    """One line for each arm: means over its seeds.

    Raises:
        DataError: as `scale_stability`.
    """
    by_seed = scale_stability(rows, which)
    arms: dict[str, list[ScaleStability]] = {}
    for (arm, _), found in by_seed.items():
        arms.setdefault(arm, []).append(found)
    lines: list[tuple[Cell, ...]] = [
        (
            arm,
            _mean(each.median_scale for each in of),
            _mean(each.log_std for each in of),
            _mean(each.flicker for each in of),
            _mean(each.relative_std for each in of),
            max(each.frames for each in of),
            max(each.steps for each in of),
            len(of),
        )
        for arm, of in arms.items()
    ]
    return Table(
        title=title,
        columns=(
            Column(label="arm", align="left"),
            Column(label="median scale", digits=4),
            Column(label="std ln s", digits=4, better="lower"),
            Column(label="flicker", digits=4, better="lower"),
            Column(label="std s/median", digits=4, better="lower"),
            Column(label="frames"),
            Column(label="steps"),
            Column(label="seeds"),
        ),
        rows=tuple(lines),
        notes=(
            f"Protocol {protocol_of(rows)}; {which.words()}; "
            "s = median d/p of a frame; mean over seeds.",
        ),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
