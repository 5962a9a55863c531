"""Which frames a figure shows: by rule, never by hand.

A figure whose frames were chosen by eye shows what its author hoped for. The rule reads the results only,
so anyone with the rows finds the same frames.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.errors import StudyError, unknown
from thermodepth.evaluation.rows.rows import WHOLE_FRAME, protocol_of
from thermodepth.metrics import METRICS

PERCENTILES = (10, 50, 90)
BAND = 2  # percent of the frames to either side of a percentile that count as being at it


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedFrame:
    """A frame that the rule chose, and why."""

    sample_id: str
    condition: str
    reason: str  # such as "10th percentile of AbsRel (rank 5 of 48)"


def pick_frames(
    rows: pa.Table, *, reference: str, arms: Sequence[str], metric: str = "abs_rel"
) -> tuple[PickedFrame, ...]:
    """Up to four frames: an easy, a middling and a hard one for the reference, and the most disputed.

    Values are means over seeds. `rule_of` says the rule in a sentence.

    Raises:
        StudyError: for a reference or arm without rows of this metric.
        DataError: for rows of several protocols.
    """
    frames = frame_values(rows, metric=metric)
    for arm in (reference, *arms):
        if arm not in frames:
            raise StudyError(unknown("arm with results", arm, frames))
    conditions = dict(
        zip(rows["sample_id"].to_pylist(), rows["condition"].to_pylist(), strict=True)
    )
    of_reference = frames[reference]
    order = sorted(of_reference, key=lambda sample_id: (of_reference[sample_id], sample_id))
    label = METRICS[metric].label
    picked: dict[str, str] = {}
    for percent in PERCENTILES:
        found = _at_percentile(order, percent, taken=list(picked), conditions=conditions)
        if found is not None:
            rank = order.index(found) + 1
            picked[found] = f"{percent}th percentile of {label} (rank {rank} of {len(order)})"
    spreads = _spreads(frames, reference=reference, arms=arms)
    left = sorted(
        (sample for sample in spreads if sample not in picked), key=lambda s: (-spreads[s], s)
    )
    if left and len({reference, *arms}) > 1:
        spread = f"{label} spread {100 * spreads[left[0]]:.0f} %"
        picked[left[0]] = f"largest disagreement between arms ({spread})"
    return tuple(
        PickedFrame(sample_id=sample, condition=conditions[sample], reason=reason)
        for sample, reason in picked.items()
    )


def rule_of(reference_title: str, *, metric: str = "abs_rel") -> str:
    """The rule as the sentence that stands under a figure."""
    label = METRICS[metric].label
    return (
        f"Frames chosen by rule: in the order of {label} under “{reference_title}”, those at the 10th, 50th "
        f"and 90th percentile (within ±{BAND} % a condition not yet shown goes first), then the frame with "
        f"the largest relative spread of {label} between arms; ties by frame id."
    )


def frame_values(rows: pa.Table, *, metric: str) -> dict[str, dict[str, float]]:
    """{arm: {frame: value over the whole frame}}, each the mean over seeds.

    Raises:
        DataError: for rows of several protocols.
    """
    protocol_of(rows)
    kept = rows.filter(
        pc.and_(pc.equal(rows["metric"], metric), pc.equal(rows["slice"], WHOLE_FRAME))
    )
    collected: dict[str, dict[str, list[float]]] = {}
    for arm, sample, value in zip(
        *(kept[name].to_pylist() for name in ("arm", "sample_id", "value")), strict=True
    ):
        collected.setdefault(arm, {}).setdefault(sample, []).append(value)
    return {
        arm: {sample: math.fsum(values) / len(values) for sample, values in frames.items()}
        for arm, frames in collected.items()
    }


def scores_of_frame(
    rows: pa.Table, sample_id: str, *, seed: int, metric: str = "abs_rel"
) -> dict[str, float]:
    """{arm: value} of one frame under one seed: what stands in the corner of a panel."""
    kept = rows.filter(
        pc.and_(pc.equal(rows["sample_id"], sample_id), pc.equal(rows["seed"], seed))
    )
    return {arm: frames[sample_id] for arm, frames in frame_values(kept, metric=metric).items()}


def _at_percentile(
    order: Sequence[str], percent: int, *, taken: Sequence[str], conditions: Mapping[str, str]
) -> str | None:
    """The free frame at a percentile of the order; None when all are taken."""
    last = max(len(order) - 1, 1)
    distance = {
        sample: abs(100 * rank / last - percent)
        for rank, sample in enumerate(order)
        if sample not in taken
    }
    if not distance:
        return None
    # 1e-9: a rank exactly on the edge of the band is inside it, whatever the division made of it.
    band = [sample for sample in distance if distance[sample] <= BAND + 1e-9]
    shown = {conditions[sample] for sample in taken}
    shown_kinds = {_kind(condition) for condition in shown}

    def familiar(sample: str) -> int:
        condition = conditions[sample]
        return (condition in shown) + (_kind(condition) in shown_kinds)

    if band:
        return min(
            band, key=lambda sample: (familiar(sample), distance[sample], order.index(sample))
        )
    return min(distance, key=lambda sample: (distance[sample], order.index(sample)))


def _kind(condition: str) -> str:
    """The scene kind in conditions such as `street-night`; elsewhere the condition itself."""
    return condition.partition("-")[0]


def _spreads(
    frames: Mapping[str, Mapping[str, float]], *, reference: str, arms: Sequence[str]
) -> dict[str, float]:
    """(largest - smallest value between arms) / the reference's, of each frame that all arms have."""
    spreads = {}
    for sample, base in frames[reference].items():
        values = [base, *(frames[arm][sample] for arm in arms if sample in frames[arm])]
        # A reference without error on a frame has nothing to divide by; any error beside it is infinite.
        span = max(values) - min(values)
        spreads[sample] = span / base if base else (math.inf if span else 0.0)
    return spreads
