"""Which frames a page of results shows: by rule, never by hand.

The worst, the middling and the best of one arm. Frames chosen by eye show what their author hoped for;
anyone with the rows finds the same ones as this rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.errors import DataError, unknown
from thermodepth.evaluation.rows.rows import WHOLE_FRAME, protocol_of
from thermodepth.metrics import METRICS, metric_rows

WORST, MEDIAN, BEST = 3, 3, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedFrame:
    """A frame that the rule chose, and why."""

    sample_id: str
    reason: str  # such as "worst (AbsRel, rank 48 of 48)"
    value: float  # of the metric, the mean over seeds
    rank: int  # from 1, the best


def pick_frames(
    rows: pa.Table, *, arm: str, metric: str = "abs_rel", alignment: str = "none"
) -> tuple[PickedFrame, ...]:
    """The worst three frames, worst first, the median three and the best one, by the depth head's error.

    Values are those of the whole frame against truth. Where there are few frames none comes twice: the
    worst goes first, then the best, then the other bad ones, then the middle. `rule_words` says the rule.

    Raises:
        DataError: for rows of several protocols; an arm, or an alignment of it, without such rows.
        SettingsError: for a metric that does not exist.
    """
    (row,) = metric_rows([metric])
    values = _values(rows, arm=arm, metric=metric, alignment=alignment)
    badness = {sample: row.distance(value) for sample, value in values.items()}
    order = sorted(values, key=lambda sample: (badness[sample], sample))
    # From the other end, ties by frame id again: the order read backwards would turn them round.
    downward = sorted(values, key=lambda sample: (-badness[sample], sample))
    best = [sample for sample in order if sample != downward[0]][:BEST]
    worst = [sample for sample in downward if sample not in best][:WORST]
    middle = (len(order) - 1) / 2
    inwards = sorted(range(len(order)), key=lambda rank: abs(rank - middle))
    median = [order[rank] for rank in inwards if order[rank] not in {*worst, *best}][:MEDIAN]
    reasons = {
        **{sample: _nth_worst(n) for n, sample in enumerate(worst, 1)},
        **dict.fromkeys(median, "median"),
        **dict.fromkeys(best, "best"),
    }
    ranks = {sample: n for n, sample in enumerate(order, 1)}
    return tuple(
        PickedFrame(
            sample_id=sample,
            reason=f"{reason} ({row.label}, rank {ranks[sample]} of {len(order)})",
            value=values[sample],
            rank=ranks[sample],
        )
        for sample, reason in reasons.items()
    )


def rule_words(metric: str = "abs_rel") -> str:
    """The rule as the sentence that stands above the frames."""
    return (
        f"Frames chosen by rule: in the order of {METRICS[metric].label} of the first arm over the whole "
        f"frame, the {WORST} worst, the {MEDIAN} nearest to the middle rank and the best; ties by frame id."
    )


def _values(rows: pa.Table, *, arm: str, metric: str, alignment: str) -> dict[str, float]:
    """{frame: the mean over seeds}."""
    protocol_of(rows)
    choice = {
        "head": "depth",
        "against": "truth",
        "slice": WHOLE_FRAME,
        "metric": metric,
        "arm": arm,
        "alignment": alignment,
    }
    for column, value in choice.items():
        matching = rows.filter(pc.equal(rows[column], value))
        if matching.num_rows == 0:
            present = sorted(pc.unique(rows[column]).to_pylist())
            raise DataError(unknown(f"{column} with rows to pick frames by", value, present))
        rows = matching
    means = rows.select(("sample_id", "value")).group_by("sample_id").aggregate([("value", "mean")])
    return dict(
        zip(*(means[name].to_pylist() for name in ("sample_id", "value_mean")), strict=True)
    )


def _nth_worst(rank: int) -> str:
    return "worst" if rank == 1 else f"{rank}{'nd' if rank == 2 else 'rd'} worst"
