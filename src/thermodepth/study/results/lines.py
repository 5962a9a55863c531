"""What the lines of a study's tables are.

Lines are the arms in the order given, then the baselines, which are never ranked: they show what no look
at the image is worth. An arm without results keeps its line, and a note says so. The reference's twin has a
line as well and is not ranked: it is no configuration of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.errors import StudyError, unknown
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows.protocol import protocol_settings
from thermodepth.evaluation.rows.rows import WHOLE_FRAME, protocol_of
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.statistics.questions import is_twin
from thermodepth.study.arm import ArmLabel

RANGE = "range:"  # begins the name of a slice by distance


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What the lines of a table are, and the protocol that they were scored under."""

    protocol: str  # its id
    scored_under: Protocol | None  # None for rows that know the id only
    titles: Mapping[str, str]
    arms: tuple[str, ...]
    baselines: tuple[str, ...]
    reference: str

    @property
    def names(self) -> tuple[str, ...]:
        """Arms, then baselines."""
        return self.arms + self.baselines

    @property
    def ranked(self) -> tuple[str, ...]:
        """The arms of which one may be the best."""
        return tuple(arm for arm in self.arms if not is_twin(arm, self.reference))

    def title(self, name: str) -> str:
        """As printed."""
        return self.titles[name] if name in self.arms else f"Baseline: {name}"

    def kind(self, name: str) -> Literal["reference", "twin", "arm", "baseline"]:
        """What a line is."""
        if name == self.reference:
            return "reference"
        if is_twin(name, self.reference):
            return "twin"
        return "arm" if name in self.arms else "baseline"


def lines_of(
    rows: pa.Table,
    *,
    arms: Sequence[ArmLabel],
    reference: str,
    baselines: Sequence[str] | None = None,
) -> Lines:
    """The lines of a table; `baselines=None` takes every known baseline that has rows.

    Raises:
        StudyError: for a reference that is not among the arms or has no rows, or two arms of one name.
        DataError: for rows of several protocols.
    """
    names = tuple(arm.name for arm in arms)
    measured = set(pc.unique(rows["arm"]).to_pylist())
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise StudyError(f"arm '{twice[0]}' is named twice")
    if reference not in names:
        raise StudyError(unknown("reference arm", reference, names))
    if reference not in measured:
        raise StudyError(
            f"the reference arm '{reference}' has no results, so nothing can be compared with it"
        )
    if baselines is None:
        baselines = [name for name in BASELINES if name in measured and name not in names]
    lines = (*names, *baselines)
    own = rows_of_lines(rows, lines)
    return Lines(
        protocol=protocol_of(own),
        scored_under=protocol_settings(own),
        titles={arm.name: arm.title for arm in arms},
        arms=names,
        baselines=tuple(baselines),
        reference=reference,
    )


def rows_of_lines(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """The rows of these arms and baselines."""
    if set(pc.unique(rows["arm"]).to_pylist()) <= set(names):
        return rows
    return rows.filter(pc.is_in(rows["arm"], pa.array(sorted(set(names)), type=pa.string())))


def metric_depth_rows(rows: pa.Table) -> pa.Table:
    """Those of metric depth as it is, over whole frames and ranges: what a study's tables print.

    Everything else that was scored (other alignments, the structural head, other slices) stays in the file.
    """
    same = {"head": "depth", "against": "truth", "alignment": "none"}
    for name, value in same.items():
        rows = rows.filter(pc.equal(rows[name], value))
    slices = pc.unique(rows["slice"]).to_pylist()
    printed = [part for part in slices if part == WHOLE_FRAME or part.startswith(RANGE)]
    return rows.filter(pc.is_in(rows["slice"], pa.array(printed, type=pa.string())))
