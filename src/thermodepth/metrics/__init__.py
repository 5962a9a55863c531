"""What a prediction is scored by: one file per family, one table of all.

    row.py          the line of the table, and the check that refuses what must never be a score
    depth_error.py  AbsRel, SqRel, RMSE, RMSElog, SILog, the deltas, MAE, log10

A metric is added by its function and its `MetricRow` in the family's file; a family by its file and
its name in `METRICS` below. Scoring needs numpy only.
"""

from __future__ import annotations

from collections.abc import Iterable

from thermodepth.errors import SettingsError, unknown
from thermodepth.metrics.depth_error import DEPTH_ERROR
from thermodepth.metrics.row import Better as Better
from thermodepth.metrics.row import MetricRow as MetricRow
from thermodepth.metrics.row import Pixels as Pixels

METRICS: dict[str, MetricRow] = {row.name: row for row in DEPTH_ERROR}


def metric_rows(names: Iterable[str]) -> tuple[MetricRow, ...]:
    """The rows of these names, in this order.

    Raises:
        SettingsError: for no name at all, a name that is not in the table, or one given twice.
    """
    given = tuple(names)
    if not given:
        raise SettingsError(f"no metric was named (known: {', '.join(sorted(METRICS))})")
    for name in given:
        if name not in METRICS:
            raise SettingsError(unknown("metric", name, METRICS))
        if given.count(name) > 1:
            raise SettingsError(f"metric '{name}' is named twice")
    return tuple(METRICS[name] for name in given)


__all__ = ["METRICS", "Better", "MetricRow", "Pixels", "metric_rows"]
