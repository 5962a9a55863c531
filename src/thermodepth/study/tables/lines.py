"""What the tables of a study are made of: their lines, their metric columns, the notes under them.

Lines are the arms in the order given, then the baselines, which are never ranked: they show what no look
at the image is worth. An arm without results keeps its line, and a note says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.errors import StudyError, unknown
from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.results.row_protocol import protocol_settings
from thermodepth.evaluation.results.rows import WHOLE_FRAME
from thermodepth.evaluation.results.summary import Group
from thermodepth.evaluation.results.tables import Cell, Column
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.metrics import metric_rows
from thermodepth.study.tables.contrasts import difference, interval_text, seeds_note


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmLabel:
    """An arm as tables and figures call it."""

    name: str  # in the rows
    title: str  # for people


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What the lines of a table are, and the rows that stand behind them."""

    rows: pa.Table
    titles: Mapping[str, str]
    arms: tuple[str, ...]
    baselines: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Arms, then baselines."""
        return self.arms + self.baselines

    def title(self, name: str) -> str:
        """As printed."""
        return self.titles[name] if name in self.arms else f"Baseline: {name}"


def lines_of(
    rows: pa.Table, *, arms: Sequence[ArmLabel], reference: str, baselines: Sequence[str] | None
) -> Lines:
    """The lines of a table; `baselines=None` takes every known baseline that has rows.

    Raises:
        StudyError: for a reference that is not among the arms or has no rows, or two arms of one name.
    """
    names = tuple(arm.name for arm in arms)
    there = set(pc.unique(rows["arm"]).to_pylist())
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise StudyError(f"arm '{twice[0]}' is named twice")
    if reference not in names:
        raise StudyError(unknown("reference arm", reference, names))
    if reference not in there:
        raise StudyError(
            f"the reference arm '{reference}' has no results, so nothing can be compared with it"
        )
    if baselines is None:
        baselines = [name for name in BASELINES if name in there and name not in names]
    kept = rows.filter(pc.is_in(rows["arm"], pa.array([*names, *baselines], type=pa.string())))
    titles = {arm.name: arm.title for arm in arms}
    return Lines(rows=kept, titles=titles, arms=names, baselines=tuple(baselines))


def metric_depth_rows(rows: pa.Table) -> pa.Table:
    """Those of metric depth as it is, over whole frames and ranges: what a study's tables print.

    Everything else that was scored (other alignments, the structural head, other slices) stays in the file.
    """
    same = {"head": "depth", "against": "truth", "alignment": "none"}
    for name, value in same.items():
        rows = rows.filter(pc.equal(rows[name], value))
    slices = pc.unique(rows["slice"]).to_pylist()
    shown = [part for part in slices if part == WHOLE_FRAME or part.startswith("range:")]
    return rows.filter(pc.is_in(rows["slice"], pa.array(shown, type=pa.string())))


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricColumns:
    """The metric columns of a table, some with a change and its interval beside them."""

    metrics: tuple[str, ...]
    compared: tuple[str, ...]
    intervals: bool

    def columns(self) -> list[Column]:
        """Headings, as `cells` fills them."""
        found = []
        for row in metric_rows(self.metrics):
            found.append(
                Column(label=row.heading, digits=row.digits, better=row.better, optimum=row.optimum)
            )
            if row.name in self.compared:
                found.append(Column(label=f"Δ {row.label} (%)", digits=1, signed=True))
                if self.intervals:
                    found.append(Column(label=f"95 % of Δ {row.label}"))
        return found

    def cells(self, group: Group | None, base: Group, *, ranked: bool) -> list[Cell]:
        """One line against the reference's group `base`; empty without a group."""
        found: list[Cell] = []
        for metric in self.metrics:
            has = group is not None and metric in group.values and metric in base.values
            made = difference(group, base, metric, paired=ranked) if group and has else None
            found.append(made.value if made else None)
            if metric in self.compared:
                # The reference's difference from itself is no finding: a dash, not a zero.
                made = None if group is base else made
                found.append(made.percent if made else None)
                if self.intervals:
                    found.append(interval_text(made) if made else None)
        return found

    def best(
        self, lines: Sequence[tuple[int, Group | None]], *, first: int
    ) -> frozenset[tuple[int, int]]:
        """(line, column) of the best value per metric, `first` being the place of the first column.

        What prints the same as the best is among them: of two equal numbers one cannot be the better.
        """
        bold = set()
        column = first
        for row in metric_rows(self.metrics):
            of = {
                n: round(g.values[row.name], row.digits)
                for n, g in lines
                if g and row.name in g.values
            }
            if len(of) > 1:
                distance = {n: row.distance(value) for n, value in of.items()}
                best = min(distance.values())
                bold |= {(number, column) for number, value in distance.items() if value == best}
            column += 1 + (row.name in self.compared) * (1 + self.intervals)
        return frozenset(bold)


def notes_under(lines: Lines, groups: Mapping[str, Group], *, reference: str) -> list[str]:
    """What a reader must know of the lines; `groups` are those of the arms and baselines by name."""
    base = groups[reference]
    seeds = seed_count(base)
    notes = [
        *_alignment_note(lines.rows),
        seeds_note(seeds),
        f"Δ: change against “{lines.title(reference)}”, in percent of its value.",
        "Bold: the best mean, which is not to say significantly better: "
        + ("one run cannot tell." if seeds < 2 else "for that, see the intervals."),
    ]
    if lines.baselines:
        notes.append("Baselines never look at the image; they are not ranked and have no seeds.")
    missing = [lines.title(name) for name in lines.names if name not in groups]
    if missing:
        notes.append(f"No results (not run, failed or diverged): {', '.join(missing)}.")
    return notes + [
        f"{lines.title(name)} has {seed_list(groups[name])}; its Δ counts the seeds that it shares with "
        f"{lines.title(reference)}."
        for name in lines.arms
        if name in groups and seed_names(groups[name]) != seed_names(base)
    ]


def _alignment_note(rows: pa.Table) -> list[str]:
    """Said where the protocol's own numbers are aligned ones: a study is about metres as they are."""
    protocol = protocol_settings(rows)
    if protocol is None or protocol.alignment == "none":
        return []
    label = ALIGNMENTS[protocol.alignment].label
    return [
        f"Metres as they are, not aligned: published numbers under '{protocol.name}' are ({label})."
    ]


def seed_names(group: Group) -> list[int]:
    """The seeds behind a group, ascending."""
    return sorted({seed for values in group.seed_values.values() for seed in values})


def seed_count(group: Group) -> int:
    """How many."""
    return len(seed_names(group))


def seed_list(group: Group) -> str:
    """`3 seeds (0, 1, 2)`."""
    names = seed_names(group)
    return f"{len(names)} seed{'s' * (len(names) > 1)} ({', '.join(map(str, names))})"
