"""The means of every map of an evaluation, by alignment, slice and condition.

A map that was scored is named by its arm, its head and what it was held against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, cast

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.evaluation.head_maps import Head
from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.results.record import EvaluationRecord
from thermodepth.evaluation.results.summary import Averaging, Group, summarise
from thermodepth.evaluation.rows.rows import TEACHER_ARM, WHOLE_FRAME
from thermodepth.evaluation.scoring.score import SLICED
from thermodepth.metrics import METRICS


@dataclass(frozen=True, slots=True)
class ScoredMap:
    """One arm's head against one target."""

    arm: str
    head: Head
    against: str

    @property
    def title(self) -> str:
        """As a column is headed."""
        if self.arm == TEACHER_ARM or (self.head, self.against) == ("depth", "truth"):
            return self.arm
        target = " against teacher" if self.against == "teacher" else ""
        return f"{self.arm}, {self.head}{target}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapMeans:
    """A group of means for each map."""

    own_alignment: str  # of the protocol
    #: Metric maps in the order of the rows, then structural ones, the teacher last.
    maps: tuple[ScoredMap, ...]
    conditions: tuple[str, ...]  # in alphabetical order
    whole: Mapping[tuple[str, ...], Group]  # (arm, head, against, alignment) -> over whole frames
    sliced: Mapping[tuple[str, ...], Group]  # the same and the slice
    by_condition: Mapping[tuple[str, ...], Group]  # the same and the condition

    @classmethod
    def from_record(cls, record: EvaluationRecord) -> Self:
        """Compute them.

        Raises:
            DataError: as `summarise`.
        """
        parts, averaging = record.comparable_parts(), record.protocol.averaging
        whole_frames = [rows.filter(pc.equal(rows["slice"], WHOLE_FRAME)) for rows in parts]
        whole = _means(whole_frames, (), tuple(METRICS), averaging)
        by_condition = _means(whole_frames, ("condition",), SLICED, averaging)
        scored = dict.fromkeys(
            ScoredMap(arm, cast(Head, head), against) for arm, head, against, *_ in whole
        )
        return cls(
            own_alignment=record.protocol.alignment,
            maps=tuple(
                sorted(  # a stable sort: within a kind the order of the rows stays
                    scored,
                    key=lambda m: (m.arm == TEACHER_ARM, m.head != "depth", m.against != "truth"),
                )
            ),
            conditions=tuple(sorted({key[4] for key in by_condition})),
            whole=whole,
            sliced=_means(parts, ("slice",), SLICED, averaging),
            by_condition=by_condition,
        )

    @property
    def metric_maps(self) -> tuple[ScoredMap, ...]:
        """Those in metres that were held against the truth."""
        return tuple(m for m in self.maps if (m.head, m.against) == ("depth", "truth"))

    def natural(self, scored: ScoredMap) -> str:
        """The least alignment that a map was scored under."""
        return next(name for name in ALIGNMENTS if self.group(scored, name) is not None)

    def shown_alignment(self, scored: ScoredMap) -> str:
        """The protocol's own alignment where the map was scored under it, else its natural one."""
        return (
            self.own_alignment
            if self.group(scored, self.own_alignment) is not None
            else self.natural(scored)
        )

    def group(self, scored: ScoredMap, alignment: str) -> Group | None:
        """Over whole frames."""
        return self.whole.get((scored.arm, scored.head, scored.against, alignment))

    def natural_group(self, scored: ScoredMap) -> Group:
        """Over whole frames, under the natural alignment."""
        group = self.group(scored, self.natural(scored))
        assert group is not None
        return group

    def slice_group(self, scored: ScoredMap, name: str) -> Group | None:
        """In one slice, under the alignment that the map is shown under."""
        alignment = self.shown_alignment(scored)
        return self.sliced.get((scored.arm, scored.head, scored.against, alignment, name))

    def condition_group(self, scored: ScoredMap, condition: str) -> Group | None:
        """Under one condition, under the alignment that the map is shown under."""
        alignment = self.shown_alignment(scored)
        return self.by_condition.get(
            (scored.arm, scored.head, scored.against, alignment, condition)
        )


def _means(
    parts: Sequence[pa.Table], more: tuple[str, ...], metrics: Sequence[str], averaging: Averaging
) -> dict[tuple[str, ...], Group]:
    by = ("arm", "head", "against", "alignment", *more)
    means: dict[tuple[str, ...], Group] = {}
    for rows in parts:
        present = set(pc.unique(rows["metric"]).to_pylist())
        summary = summarise(
            rows,
            by=by,
            metrics=[name for name in metrics if name in present],
            slice=None if "slice" in more else WHOLE_FRAME,
            head=None,
            against=None,
            alignment=None,
            averaging=averaging,
        )
        means |= {tuple(group.key[name] for name in by): group for group in summary.groups}
    return means
