"""The means of every map of an evaluation, by alignment, slice and condition.

A map that was scored is named by its arm, its head and what it was held against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.evaluation.head_maps import Head
from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.summary import Group, summarise
from thermodepth.evaluation.rows.rows import TEACHER_ARM, WHOLE_FRAME
from thermodepth.evaluation.scoring.baselines import BASELINES
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


class MapMeans:
    """A group of means for each map."""

    def __init__(self, rows: pa.Table, protocol: Protocol) -> None:
        """
        Raises:
            DataError: as `summarise`.
        """
        self._own: str = protocol.alignment
        whole = rows.filter(pc.equal(rows["slice"], WHOLE_FRAME))
        self._whole = _means(whole, (), tuple(METRICS), protocol)
        self._sliced = _means(rows, ("slice",), SLICED, protocol)
        self._by_condition = _means(whole, ("condition",), SLICED, protocol)
        found = dict.fromkeys(
            ScoredMap(arm, cast(Head, head), against) for arm, head, against, *_ in self._whole
        )
        #: Metric maps in the order of the rows, then structural ones, the teacher last.
        self.maps = tuple(
            sorted(  # a stable sort: within a kind the order of the rows stays
                found, key=lambda m: (m.arm == TEACHER_ARM, m.head != "depth", m.against != "truth")
            )
        )
        self.metric_maps = tuple(m for m in self.maps if (m.head, m.against) == ("depth", "truth"))
        self.conditions = tuple(sorted({key[4] for key in self._by_condition}))

    def natural(self, scored: ScoredMap) -> str:
        """The least alignment that a map was scored under."""
        return next(name for name in ALIGNMENTS if self.of(scored, name) is not None)

    def shown_alignment(self, scored: ScoredMap) -> str:
        """The protocol's own alignment where the map was scored under it, else its natural one."""
        return self._own if self.of(scored, self._own) is not None else self.natural(scored)

    def of(self, scored: ScoredMap, alignment: str) -> Group | None:
        """Over whole frames."""
        return self._whole.get((scored.arm, scored.head, scored.against, alignment))

    def natural_of(self, scored: ScoredMap) -> Group:
        """Over whole frames, under the natural alignment."""
        group = self.of(scored, self.natural(scored))
        assert group is not None
        return group

    def of_slice(self, scored: ScoredMap, part: str) -> Group | None:
        """In one slice, under the alignment that the map is shown under."""
        shown = self.shown_alignment(scored)
        return self._sliced.get((scored.arm, scored.head, scored.against, shown, part))

    def of_condition(self, scored: ScoredMap, condition: str) -> Group | None:
        """Under one condition, under the alignment that the map is shown under."""
        shown = self.shown_alignment(scored)
        return self._by_condition.get((scored.arm, scored.head, scored.against, shown, condition))


def _means(
    rows: pa.Table, more: tuple[str, ...], metrics: Sequence[str], protocol: Protocol
) -> Mapping[tuple[str, ...], Group]:
    by = ("arm", "head", "against", "alignment", *more)
    found: dict[tuple[str, ...], Group] = {}
    for part in _held_together(rows):
        present = set(pc.unique(part["metric"]).to_pylist())
        summary = summarise(
            part,
            by=by,
            metrics=[name for name in metrics if name in present],
            slice=None if "slice" in more else WHOLE_FRAME,
            head=None,
            against=None,
            alignment=None,
            averaging=protocol.averaging,
        )
        found |= {tuple(group.key[name] for name in by): group for group in summary.groups}
    return found


def _held_together(rows: pa.Table) -> list[pa.Table]:
    """The rows of maps that have to be on the same frames."""
    if guesses_in_metres(rows):
        return [rows]
    of_maps = without_guesses(rows)
    guesses = rows.filter(pc.is_in(rows["arm"], pa.array(list(BASELINES), type=pa.string())))
    return [part for part in (of_maps, guesses) if part.num_rows]


def guesses_in_metres(rows: pa.Table) -> bool:
    """Whether the guessers were fitted to a training split; those that were not have no metres.

    A map is looked at as a picture under its natural alignment alone. That of a guess without metres may be
    another than that of the maps beside it: its pictures are then on all frames where theirs are on none.
    """
    guess = pc.is_in(rows["arm"], pa.array(list(BASELINES), type=pa.string()))
    return bool(pc.any(pc.and_(guess, pc.equal(rows["alignment"], "none"))).as_py())


def without_guesses(rows: pa.Table) -> pa.Table:
    """The rows of everything that is no guess."""
    guess = pc.is_in(rows["arm"], pa.array(list(BASELINES), type=pa.string()))
    return rows.filter(pc.invert(guess))
