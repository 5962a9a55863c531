"""The tables of an evaluation, made from its rows alone.

A map that was scored is named by its arm, its head and what it was held against; every table has these maps
as columns or lines in one order: metric depth first, then structural heads, then the teacher.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.ledger import ledger_table, log_ledger, metric_ledger_table
from thermodepth.evaluation.results.rows import TEACHER_ARM, WHOLE_FRAME
from thermodepth.evaluation.results.stability import stability_table
from thermodepth.evaluation.results.summary import Group, summarise
from thermodepth.evaluation.results.tables import Cell, Column, Table
from thermodepth.evaluation.scoring.answer import Head
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.evaluation.scoring.score import SLICED
from thermodepth.evaluation.scoring.slices import slice_names
from thermodepth.metrics import ERRORS, MAP_FAMILIES, METRICS, MetricRow

STRUCTURE = ("boundary", "edge_distance", "gradient_error", "normals", "ordinal")
BY_SLICE = ("abs_rel", "log_bias", "silog")  # what the tables by slice show

_WRONG_UNIT = 3.0  # millimetres for metres make 1000, 1/256 for millimetres makes 3.9

_KIND_TITLES = {
    "range": ("Distance (m)", "by distance of the truth"),
    "edge": ("To an edge (px)", "by distance to the nearest depth boundary"),
    "contrast": ("Thermal contrast", "by local contrast of the thermal picture"),
    "density": ("Density of truth", "by the share of pixels that have truth"),
}


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


class Overview:
    """The means of an evaluation, and its tables."""

    def __init__(self, rows: pa.Table, protocol: Protocol) -> None:
        """
        Raises:
            DataError: for rows of several protocols, or arms that were not scored on the same pixels.
        """
        self._rows = rows
        self._protocol = protocol
        whole = rows.filter(pc.equal(rows["slice"], WHOLE_FRAME))
        self._whole = self._means(whole, ())
        self._sliced = self._means(rows, ("slice",))
        self._by_condition = self._means(whole, ("condition",), metrics=SLICED)
        found = dict.fromkeys(
            ScoredMap(arm, cast(Head, head), against) for arm, head, against, *_ in self._whole
        )
        #: Metric maps in the order of the rows, then structural ones, the teacher last.
        self.maps = tuple(
            sorted(  # a stable sort: within a kind the order of the rows stays
                found, key=lambda m: (m.arm == TEACHER_ARM, m.head != "depth", m.against != "truth")
            )
        )

    def tables(self) -> dict[str, Table]:
        """Every table by the stem of its file."""
        tables = {
            "headline": self.headline(),
            "alignments": self.alignments(),
            "errors": self.alignments(metrics=list(ERRORS)),
            "structure": self.pictures(STRUCTURE, title="Structure"),
            "variability": self.pictures(("variability",), title="Spatial variability"),
        }
        natural = self.natural(self._metric_maps()[0])
        averaging = self._protocol.averaging
        tables["stability"] = stability_table(self._rows, alignment=natural)
        tables["ledger"] = ledger_table(self._rows, alignment=natural, averaging=averaging)
        tables["ledger_metres"] = metric_ledger_table(
            self._rows, alignment=natural, averaging=averaging
        )
        if any(m.head == "structure" and m.against == "truth" for m in self.maps):
            tables["ledger_structure"] = ledger_table(
                self._rows, head="structure", alignment="affine_inverse", averaging=averaging
            )
        for kind in slice_names(self._protocol):
            tables[f"by_{kind}"] = self.by_slice(kind)
        tables["by_condition"] = self.by_condition()
        return tables

    def for_terminal(self) -> list[Table]:
        """What a person reads first, narrow enough for a terminal: no pictures of baselines."""
        tables = self.tables()
        return [
            tables["headline"],
            self.alignments(metrics=("abs_rel", "rmse", "delta_1")),
            self.pictures((*STRUCTURE, "variability"), title="Structure", baselines=False),
            tables["stability"],
            tables["ledger"],
        ]

    def headline(self) -> Table:
        """Metric depth under the protocol's own alignment: a line a metric, a column an arm."""
        own: str = self._protocol.alignment
        maps = [m for m in self._metric_maps() if self._group(m, own) is not None]
        if not maps:  # affine-invariant maps have no value under less than they need
            maps, own = list(self._metric_maps()), self.natural(self._metric_maps()[0])
        groups = {m: self._group(m, own) for m in maps}
        lines = [(_heading(row), *(_text(groups[m], row) for m in maps)) for row in ERRORS.values()]
        first = groups[maps[0]]
        assert first is not None
        return Table(
            title=f"Depth in metres, alignment: {ALIGNMENTS[own].label}",
            columns=(Column(label="", align="left"), *(Column(label=m.title) for m in maps)),
            rows=tuple(lines),
            notes=(
                f"Protocol {self._protocol.protocol_id()}; "
                f"{_averaged(self._protocol)} {max(first.frames.values())} frames.",
            ),
        )

    def alignments(self, *, metrics: Sequence[str] = ("abs_rel", "rmse", "delta_1")) -> Table:
        """The same maps under every alignment: what a number without its alignment leaves open."""
        chosen = [METRICS[name] for name in metrics]
        lines: list[tuple[Cell, ...]] = []
        for alignment in ALIGNMENTS.values():
            mark = " (own)" if alignment.name == self._protocol.alignment else ""
            for scored in self.maps:
                group = self._group(scored, alignment.name)
                if group is not None and scored.against == "truth":
                    values = (group.values.get(row.name) for row in chosen)
                    lines.append((f"{alignment.label}{mark}", scored.title, *values))
        return Table(
            title="The same maps under every alignment",
            columns=(
                Column(label="Alignment", align="left"),
                Column(label="Map", align="left"),
                *(_column(row) for row in chosen),
            ),
            rows=tuple(lines),
            notes=(
                f"Protocol {self._protocol.protocol_id()}. Fitted to the truth of each frame; an "
                "affine-invariant map has no value under less than it needs.",
                *self._teacher_note(),
            ),
        )

    def pictures(self, families: Sequence[str], *, title: str, baselines: bool = True) -> Table:
        """Metrics that look at maps as pictures: a line a metric, a column a map.

        A map is taken under its natural alignment, so a scale-free metric is what it is under any other.
        """
        of_family = {family.name: family.rows for family in MAP_FAMILIES}
        chosen = [row for name in families for row in of_family[name]]
        maps = [m for m in self.maps if baselines or m.arm not in BASELINES]
        groups = {m: self._group(m, self.natural(m)) for m in maps}
        lines: list[tuple[Cell, ...]] = []
        for row in chosen:
            frames = [g.frames.get(row.name, 0) for g in groups.values() if g is not None]
            texts = (_text(group, row) for group in groups.values())
            lines.append((_heading(row), max(frames, default=0), *texts))
        return Table(
            title=title,
            columns=(
                Column(label="", align="left"),
                Column(label="frames"),
                *(Column(label=scored.title) for scored in maps),
            ),
            rows=tuple(lines),
            notes=(
                f"Protocol {self._protocol.protocol_id()}. 0 frames: the truth is too sparse, has no "
                "boundary, or the camera is not known.",
                *self._teacher_note(),
            ),
        )

    def by_slice(self, kind: str) -> Table:
        """A few errors by slice, empty slices said, under each metric map's natural alignment."""
        maps = self._metric_maps()
        heading, words = _KIND_TITLES[kind]
        lines: list[tuple[Cell, ...]] = []
        for name in slice_names(self._protocol)[kind]:
            groups = {m: self._group(m, self.natural(m), name) for m in maps}
            lines.append(_sliced_line(_slice_title(name), groups))
        return self._sliced_table(f"Metric depth {words}", heading, lines)

    def by_condition(self) -> Table:
        """The errors by condition as the data set names it, in alphabetical order."""
        maps = self._metric_maps()
        lines = []
        for condition in sorted({key[4] for key in self._by_condition}):
            groups = {
                m: self._by_condition.get((m.arm, m.head, m.against, self.natural(m), condition))
                for m in maps
            }
            lines.append(_sliced_line(condition or "(not given)", groups))
        return self._sliced_table("Metric depth by condition", "Condition", lines)

    def natural(self, scored: ScoredMap) -> str:
        """The least alignment that a map was scored under."""
        return next(name for name in ALIGNMENTS if self._group(scored, name) is not None)

    def shown_alignment(self, scored: ScoredMap) -> str:
        """The protocol's own alignment where the map was scored under it, else its natural one."""
        own = self._protocol.alignment
        return own if self._group(scored, own) is not None else self.natural(scored)

    def lead(self) -> str:
        """The finding in two sentences."""
        first = self.maps[0]
        shown = self.shown_alignment(first)
        group = self._group(first, shown)
        assert group is not None
        told = (
            f"{first.title}: AbsRel {group.values['abs_rel']:.4f}, RMSE {group.values['rmse']:.3f} m, "
            f"δ<1.25 {group.values['delta_1']:.1%} on {max(group.frames.values())} frames"
            f" (alignment: {ALIGNMENTS[shown].label})."
        )
        parts = self.ledger_parts().get(first.arm, {})
        if parts and (total := sum(parts.values())) > 0.0:
            most = max(parts, key=lambda name: parts[name])
            told += f" {parts[most] / total:.0%} of its squared log error is {most}."
        return told

    def unit_hint(self) -> str:
        """A line where the first map is off by a factor that no network makes; else empty."""
        group = self._group(self.maps[0], "none")
        scale = math.exp(-group.values["log_bias"]) if group else 1.0
        if 1 / _WRONG_UNIT < scale < _WRONG_UNIT:
            return ""
        side = "near" if scale > 1 else "far"
        return (
            f"{self.maps[0].title} is off by a factor of {max(scale, 1 / scale):.1f} (too {side}): is a "
            "unit or scale of the files wrong?"
        )

    def ledger_parts(self) -> dict[str, dict[str, float]]:
        """arm -> part -> its share of the mean square of ln p - ln d, over seeds, of metric maps."""
        natural = self.natural(self._metric_maps()[0])
        ledgers = log_ledger(self._rows, alignment=natural, averaging=self._protocol.averaging)
        arms: dict[str, list[dict[str, float]]] = {}
        for (arm, _), ledger in ledgers.items():
            arms.setdefault(arm, []).append(ledger.parts)
        return {
            arm: {
                name.replace("_", " "): sum(p[name] for p in parts) / len(parts)
                for name in parts[0]
            }
            for arm, parts in arms.items()
        }

    def frame_scores(
        self, sample_id: str, titles: Collection[str], metrics: Sequence[str] = ("abs_rel", "rmse")
    ) -> dict[str, dict[str, float]]:
        """title -> metric -> value of one frame, each map as it is shown."""
        rows = self._rows.filter(
            pc.and_(
                pc.equal(self._rows["sample_id"], sample_id),
                pc.equal(self._rows["slice"], WHOLE_FRAME),
            )
        )
        names = ("arm", "head", "against", "alignment", "metric", "value")
        values = {
            parts[:-1]: parts[-1]
            for parts in zip(*(rows[name].to_pylist() for name in names), strict=True)
        }
        scores: dict[str, dict[str, float]] = {}
        for m in self.maps:
            if m.title in titles:
                key = (m.arm, m.head, m.against, self.shown_alignment(m))
                found = {name: values[(*key, name)] for name in metrics if (*key, name) in values}
                scores[m.title] = found
        return scores

    def _sliced_table(self, title: str, heading: str, lines: list[tuple[Cell, ...]]) -> Table:
        maps = self._metric_maps()
        return Table(
            title=title,
            columns=(
                Column(label=heading, align="left"),
                Column(label="pixels"),
                Column(label="frames"),
                *(
                    _column(METRICS[name], of=m.title if len(maps) > 1 else "")
                    for name in BY_SLICE
                    for m in maps
                ),
            ),
            rows=tuple(lines),
            notes=(
                f"Protocol {self._protocol.protocol_id()}. 0 pixels: nothing was measured there.",
            ),
        )

    def _metric_maps(self) -> tuple[ScoredMap, ...]:
        return tuple(m for m in self.maps if (m.head, m.against) == ("depth", "truth"))

    def _group(self, scored: ScoredMap, alignment: str, part: str = WHOLE_FRAME) -> Group | None:
        key = (scored.arm, scored.head, scored.against, alignment)
        return self._whole.get(key) if part == WHOLE_FRAME else self._sliced.get((*key, part))

    def _means(
        self, rows: pa.Table, more: tuple[str, ...], *, metrics: Sequence[str] | None = None
    ) -> dict[tuple[str, ...], Group]:
        by = ("arm", "head", "against", "alignment", *more)
        if "slice" in more:
            metrics = SLICED
        present = set(pc.unique(rows["metric"]).to_pylist())
        summary = summarise(
            rows,
            by=by,
            metrics=[name for name in metrics or METRICS if name in present],
            slice=None if "slice" in more else WHOLE_FRAME,
            head=None,
            against=None,
            alignment=None,
            averaging=self._protocol.averaging,
        )
        return {tuple(group.key[name] for name in by): group for group in summary.groups}

    def _teacher_note(self) -> tuple[str, ...]:
        """How much of the pixels the teacher answers for."""
        teacher = next((m for m in self.maps if m.arm == TEACHER_ARM), None)
        if teacher is None:
            return ()
        own, of = (
            self._group(teacher, self.natural(teacher)),
            self._group(self.maps[0], self.natural(self.maps[0])),
        )
        assert own is not None
        assert of is not None
        if own.pixels == of.pixels:
            return (
                "The teacher reads RGB and is the ceiling of what a structural head can learn.",
            )
        return (
            f"The teacher reads RGB; it answers for {own.pixels / of.pixels:.0%} of the scored pixels, "
            "so its line is not over the same ones.",
        )


def _averaged(protocol: Protocol) -> str:
    return "mean over" if protocol.averaging == "per_frame" else "over the pooled pixels of"


def _sliced_line(title: str, groups: Mapping[ScoredMap, Group | None]) -> tuple[Cell, ...]:
    first = next((group for group in groups.values() if group is not None), None)
    counts: tuple[Cell, ...] = (0, 0)
    if first is not None:
        counts = (first.pixels, max(first.frames.values()))
    values = (
        None if group is None else group.values.get(name)
        for name in BY_SLICE
        for group in groups.values()
    )
    return (title, *counts, *values)


def _slice_title(name: str) -> str:
    """`range:2.5-6` as `2.5–6`; an open end as `15 and more`."""
    low, _, high = name.partition(":")[2].partition("-")
    return f"{low} and more" if high == "inf" else f"{low}–{high}"


def _column(row: MetricRow, *, of: str = "") -> Column:
    label = f"{row.label} ({row.unit})" if row.unit else row.label
    return Column(
        label=f"{label}, {of}" if of else label,
        digits=row.digits,
        better=row.better,
        optimum=row.optimum,
    )


def _heading(row: MetricRow) -> str:
    return _column(row).heading


def _text(group: Group | None, row: MetricRow) -> Cell:
    """A number with the digits of its own line."""
    value = None if group is None else group.values.get(row.name)
    return None if value is None else f"{value:z.{row.digits}f}".replace("-", "−")
