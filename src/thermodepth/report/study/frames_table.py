"""Every test frame with the error of each arm: which frames the arms part on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.evaluation.rows.rows import WHOLE_FRAME
from thermodepth.metrics import METRICS
from thermodepth.report.table import Cell, Column, Table
from thermodepth.study.results.frames import PickedFrame, frame_values
from thermodepth.study.results.lines import ArmLabel

FRAME_METRIC = "abs_rel"


def frames_table(
    rows: pa.Table,
    arms: Sequence[ArmLabel],
    reference: str,
    *,
    picked: Sequence[PickedFrame],
    most: int,
) -> Table:
    """A line a frame, a column an arm; the `most` frames that arms differ on most.

    Raises:
        DataError: for rows of several protocols.
    """
    frames = frame_values(rows, metric=FRAME_METRIC)
    arms = [arm for arm in arms if arm.name in frames]
    base = frames[reference]
    kept = rows.filter(
        pc.and_(pc.equal(rows["metric"], FRAME_METRIC), pc.equal(rows["slice"], WHOLE_FRAME))
    )
    facts = {
        sample: (condition, pixels)
        for sample, condition, pixels in zip(
            *(kept[n].to_pylist() for n in ("sample_id", "condition", "pixels")), strict=True
        )
    }
    shown = {frame.sample_id: frame.reason for frame in picked}
    lines: list[tuple[Cell, ...]] = []
    spreads: dict[str, float] = {}
    for sample in sorted(base):
        values = [frames[arm.name].get(sample) for arm in arms]
        known = [value for value in values if value is not None]
        span = max(known) - min(known)
        spread = 100 * span / base[sample] if base[sample] else None
        spreads[sample] = math.inf if spread is None else spread
        condition, pixels = facts[sample]
        lines.append((sample, condition, pixels, *values, spread, shown.get(sample, "")))
    notes = [
        f"{METRICS[FRAME_METRIC].label} of each frame, the mean over seeds. Spread: largest minus smallest "
        "between arms, relative to the reference. Press a heading to sort."
    ]
    if len(lines) > most:
        # The frames that arms agree on are the ones a reader misses least.
        keep = set(sorted(spreads, key=lambda s: (s not in shown, -spreads[s], s))[:most])
        notes.append(
            f"The {most} of {len(lines)} frames with the largest spread; the rows file has all."
        )
        lines = [line for line in lines if line[0] in keep]
    metric = METRICS[FRAME_METRIC]
    return Table(
        title=f"{metric.label} by frame",
        columns=(
            Column(label="Frame", align="left"),
            Column(label="Condition", align="left"),
            Column(label="pixels"),
            *(Column(label=arm.title, digits=metric.digits) for arm in arms),
            Column(label="Spread (%)", digits=0),
            Column(label="In the figures", align="left"),
        ),
        rows=tuple(lines),
        notes=tuple(notes),
    )
