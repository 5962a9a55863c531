"""Which frames a figure shows: by rule, never by hand.

A figure whose frames were chosen by eye shows what its author hoped for. The rule reads the results only,
so anyone with the rows finds the same frames.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

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


@dataclass(frozen=True, kw_only=True)
class FrameErrors:
    """One metric over whole frames."""

    metric: str
    by_seed: Mapping[str, Mapping[str, Mapping[int, float]]]  # arm -> frame -> seed -> value
    conditions: Mapping[str, str]  # of each frame
    pixels: Mapping[str, int]  # scored in each frame

    @cached_property
    def means(self) -> dict[str, dict[str, float]]:
        """{arm: {frame: mean over seeds}}."""
        return {
            arm: {
                frame: math.fsum(values.values()) / len(values) for frame, values in frames.items()
            }
            for arm, frames in self.by_seed.items()
        }

    def of_frame(self, frame: str, *, seed: int) -> dict[str, float]:
        """{arm: value} of one frame under one seed: what stands in the corner of a panel."""
        return {
            arm: frames[frame][seed]
            for arm, frames in self.by_seed.items()
            if seed in frames.get(frame, {})
        }


def pick_frames(
    errors: FrameErrors, *, reference: str, arms: Sequence[str]
) -> tuple[PickedFrame, ...]:
    """Up to four frames: an easy, a middling and a hard one for the reference, and the most disputed.

    Values are means over seeds. `rule_of` says the rule in a sentence.

    Raises:
        StudyError: for a reference or arm without rows of this metric.
    """
    frames = errors.means
    for arm in (reference, *arms):
        if arm not in frames:
            raise StudyError(unknown("arm with results", arm, frames))
    of_reference = frames[reference]
    order = sorted(of_reference, key=lambda sample_id: (of_reference[sample_id], sample_id))
    label = METRICS[errors.metric].label
    picked: dict[str, str] = {}
    for percent in PERCENTILES:
        sample = _at_percentile(order, percent, picked=list(picked), conditions=errors.conditions)
        if sample is not None:
            rank = order.index(sample) + 1
            picked[sample] = f"{percent}th percentile of {label} (rank {rank} of {len(order)})"
    spreads = _spreads(frames, reference=reference, arms=arms)
    disputed = sorted(
        (sample for sample in spreads if sample not in picked), key=lambda s: (-spreads[s], s)
    )
    if disputed and len({reference, *arms}) > 1:
        spread = f"{label} spread {100 * spreads[disputed[0]]:.0f} %"
        picked[disputed[0]] = f"largest disagreement between arms ({spread})"
    return tuple(
        PickedFrame(sample_id=sample, condition=errors.conditions[sample], reason=reason)
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


def frame_errors(rows: pa.Table, *, metric: str = "abs_rel") -> FrameErrors:
    """One metric of every arm on every frame, from the rows over whole frames.

    Raises:
        DataError: for rows of several protocols.
    """
    protocol_of(rows)
    whole = rows.filter(
        pc.and_(pc.equal(rows["metric"], metric), pc.equal(rows["slice"], WHOLE_FRAME))
    )
    names = ("arm", "sample_id", "seed", "value", "condition", "pixels")
    by_seed: dict[str, dict[str, dict[int, float]]] = {}
    conditions: dict[str, str] = {}
    pixels: dict[str, int] = {}
    for arm, frame, seed, value, condition, count in zip(
        *(whole[name].to_pylist() for name in names), strict=True
    ):
        by_seed.setdefault(arm, {}).setdefault(frame, {})[seed] = value
        conditions[frame], pixels[frame] = condition, count
    return FrameErrors(metric=metric, by_seed=by_seed, conditions=conditions, pixels=pixels)


def _at_percentile(
    order: Sequence[str], percent: int, *, picked: Sequence[str], conditions: Mapping[str, str]
) -> str | None:
    """The free frame at a percentile of the order; None when all are picked."""
    last = max(len(order) - 1, 1)
    distance = {
        sample: abs(100 * rank / last - percent)
        for rank, sample in enumerate(order)
        if sample not in picked
    }
    if not distance:
        return None
    # 1e-9: a rank exactly on the edge of the band is inside it, whatever the division made of it.
    band = [sample for sample in distance if distance[sample] <= BAND + 1e-9]
    picked_conditions = {conditions[sample] for sample in picked}
    picked_kinds = {_kind(condition) for condition in picked_conditions}

    def familiar(sample: str) -> int:
        condition = conditions[sample]
        return (condition in picked_conditions) + (_kind(condition) in picked_kinds)

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
