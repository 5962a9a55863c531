"""The ledgers of an evaluation, printed."""

from __future__ import annotations

import math
from collections.abc import Callable

import pyarrow as pa

from thermodepth.evaluation.results.frame_values import METRES, WhichMap, frame_values
from thermodepth.evaluation.results.ledger import Ledger, log_ledger, metric_ledger, over_seeds
from thermodepth.evaluation.results.summary import Averaging
from thermodepth.evaluation.rows.rows import protocol_of
from thermodepth.report.table import Cell, Column, Table


def ledger_table(
    rows: pa.Table,
    which: WhichMap = METRES,
    *,
    title: str = "Where the error in ln depth comes from",
    averaging: Averaging = "per_frame",
) -> Table:
    """The log ledger of every arm, printed: a line for the total and one for each part.

    Raises:
        DataError: as `log_ledger`.
    """
    return _table(
        rows,
        which,
        log_ledger,
        averaging=averaging,
        metric="rmse_log",
        title=title,
        square="square",
        root="RMSElog",
        digits=5,
    )


def metric_ledger_table(
    rows: pa.Table,
    which: WhichMap = METRES,
    *,
    title: str = "Where the error in metres comes from",
    averaging: Averaging = "per_frame",
) -> Table:
    """The metric ledger of every arm, printed: a line for the total and one for each part.

    Raises:
        DataError: as `metric_ledger`.
    """
    return _table(
        rows,
        which,
        metric_ledger,
        averaging=averaging,
        metric="rmse",
        title=title,
        square="square (m²)",
        root="RMSE (m)",
        digits=3,
    )


def _table(
    rows: pa.Table,
    which: WhichMap,
    ledgers_of: Callable[..., dict[tuple[str, int], Ledger]],
    *,
    averaging: Averaging,
    metric: str,
    title: str,
    square: str,
    root: str,
    digits: int,
) -> Table:
    by_seed = ledgers_of(rows, which, averaging=averaging)
    lines: list[tuple[Cell, ...]] = []
    totals = []
    for arm, ledger in over_seeds(by_seed).items():
        totals.append(len(lines))
        parts = {"total": ledger.total, **ledger.parts}
        for name, value in parts.items():
            share = 100.0 * value / ledger.total if ledger.total > 0.0 else None
            label = name.removesuffix("_m2").replace("_", " ")
            lines.append((arm, label, share, value, math.sqrt(value)))
    seeds = len({seed for _, seed in by_seed})
    counted = frame_values(rows, (metric,), which)
    frames = max(of.frame.size for of in counted.values())
    weighed = "frames weigh the same" if averaging == "per_frame" else "frames weigh by pixels"
    return Table(
        title=title,
        columns=(
            Column(label="arm", align="left"),
            Column(label="part", align="left"),
            Column(label="share (%)", digits=1),
            Column(label=square, digits=digits),
            Column(label=root, digits=digits - 1),
        ),
        rows=tuple(lines),
        notes=(
            f"Protocol {protocol_of(rows)}; {which.words()}; {weighed}; mean of the squares over {frames} "
            f"frame{'s' * (frames != 1)} and {seeds} seed{'s' * (seeds != 1)}.",
            f"The squares add up. {root} of a part is what the total would be if nothing else were wrong; "
            f"that of the total is the root of the mean square, not the mean of the frames' roots.",
        ),
        bold=frozenset((line, column) for line in totals for column in range(5)),
    )
