"""Ledgers and the steadiness of the scale, printed: what each arm was measured to have, over its seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable

from thermodepth.evaluation.results.frame_values import PerRun
from thermodepth.evaluation.results.ledger import Ledger, LogLedger, MetricLedger, over_seeds
from thermodepth.evaluation.results.stability import ScaleStability
from thermodepth.report.table import Cell, Column, Table


def ledger_table(
    ledgers: PerRun[LogLedger], *, title: str = "Where the error in ln depth comes from"
) -> Table:
    """The log ledger of every arm: a line for the total and one for each part."""
    return _table(ledgers, title=title, square="square", root="RMSElog", digits=5)


def metric_ledger_table(
    ledgers: PerRun[MetricLedger], *, title: str = "Where the error in metres comes from"
) -> Table:
    """The metric ledger of every arm: a line for the total and one for each part."""
    return _table(ledgers, title=title, square="square (m²)", root="RMSE (m)", digits=3)


def _table(ledgers: PerRun[Ledger], *, title: str, square: str, root: str, digits: int) -> Table:
    rows: list[tuple[Cell, ...]] = []
    totals = []
    for arm, ledger in over_seeds(ledgers).items():
        totals.append(len(rows))
        parts = {"total": ledger.total, **ledger.parts}
        for name, value in parts.items():
            share = 100.0 * value / ledger.total if ledger.total > 0.0 else None
            label = name.removesuffix("_m2").replace("_", " ")
            rows.append((arm, label, share, value, math.sqrt(value)))
    seeds = len({seed for _, seed in ledgers})
    frames = max(ledgers.frames.values())
    per_frame = ledgers.averaging == "per_frame"
    weighed = "frames weigh the same" if per_frame else "frames weigh by pixels"
    return Table(
        title=title,
        columns=(
            Column(label="arm", align="left"),
            Column(label="part", align="left"),
            Column(label="share (%)", digits=1),
            Column(label=square, digits=digits),
            Column(label=root, digits=digits - 1),
        ),
        rows=tuple(rows),
        notes=(
            f"Protocol {ledgers.protocol}; {ledgers.choice.words()}; {weighed}; mean of the squares over "
            f"{frames} frame{'s' * (frames != 1)} and {seeds} seed{'s' * (seeds != 1)}.",
            f"The squares add up. {root} of a part is what the total would be if nothing else were wrong; "
            f"that of the total is the root of the mean square, not the mean of the frames' roots.",
        ),
        bold=frozenset((line, column) for line in totals for column in range(5)),
    )


def stability_table(
    by_run: PerRun[ScaleStability], *, title: str = "How steady the scale is"
) -> Table:
    """One line for each arm: means over its seeds."""
    arms: dict[str, list[ScaleStability]] = {}
    for (arm, _), stability in by_run.items():
        arms.setdefault(arm, []).append(stability)
    rows: list[tuple[Cell, ...]] = [
        (
            arm,
            _mean(seed.median_scale for seed in seeds),
            _mean(seed.log_std for seed in seeds),
            _mean(seed.flicker for seed in seeds),
            _mean(seed.relative_std for seed in seeds),
            max(seed.frames for seed in seeds),
            max(seed.steps for seed in seeds),
            len(seeds),
        )
        for arm, seeds in arms.items()
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
        rows=tuple(rows),
        notes=(
            f"Protocol {by_run.protocol}; {by_run.choice.words()}; "
            "s = median d/p of a frame; mean over seeds.",
        ),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
