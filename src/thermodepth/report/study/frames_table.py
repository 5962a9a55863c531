"""Every test frame with the error of each arm: which frames the arms part on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from thermodepth.metrics import METRICS
from thermodepth.report.table import Cell, Column, Table
from thermodepth.study.arm import ArmLabel
from thermodepth.study.results.frames import FrameErrors


def frames_table(
    errors: FrameErrors,
    arms: Sequence[ArmLabel],
    reference: str,
    *,
    reasons: Mapping[str, str],
    most: int,
) -> Table:
    """A line a frame, a column an arm; the `most` frames that arms differ on most.

    Args:
        errors: of every arm on every frame.
        arms: the columns, as far as they have results.
        reference: whose frames these are.
        reasons: frame -> why the figures show it.
        most: lines.
    """
    frames = errors.means
    arms = [arm for arm in arms if arm.name in frames]
    lines: list[tuple[Cell, ...]] = []
    spreads: dict[str, float] = {}
    for sample, base in sorted(frames[reference].items()):
        values = [frames[arm.name].get(sample) for arm in arms]
        known = [value for value in values if value is not None]
        span = max(known) - min(known)
        spread = 100 * span / base if base else None
        spreads[sample] = math.inf if spread is None else spread
        about = (sample, errors.conditions[sample], errors.pixels[sample])
        lines.append((*about, *values, spread, reasons.get(sample, "")))
    metric = METRICS[errors.metric]
    notes = [
        f"{metric.label} of each frame, the mean over seeds. Spread: largest minus smallest "
        "between arms, relative to the reference. Press a heading to sort."
    ]
    if len(lines) > most:
        # The frames that arms agree on are the ones a reader misses least.
        largest = set(sorted(spreads, key=lambda s: (s not in reasons, -spreads[s], s))[:most])
        notes.append(
            f"The {most} of {len(lines)} frames with the largest spread; the rows file has all."
        )
        lines = [line for line in lines if line[0] in largest]
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
