"""The tables of an evaluation, made from its rows alone.

Every table has the maps that were scored as columns or lines in one order: metric depth first, then
structural heads, then the teacher.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.errors import DataError
from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.cells import (
    BY_SLICE,
    averaged,
    fewer_note,
    frames_words,
    metric_column,
    metric_heading,
    metric_number,
    slice_title,
    sliced_line,
)
from thermodepth.evaluation.results.expected_error import ExpectedErrors
from thermodepth.evaluation.results.frame_values import WhichMap
from thermodepth.evaluation.results.guessers import (
    beaten_notes,
    guessers_table,
    judged,
    verdict_of,
)
from thermodepth.evaluation.results.ledger import (
    ledger_table,
    log_ledger,
    metric_ledger_table,
    over_seeds,
)
from thermodepth.evaluation.results.map_means import (
    MapMeans,
    ScoredMap,
    guesses_in_metres,
    without_guesses,
)
from thermodepth.evaluation.results.remarks import against_truth_note, published_note, unit_hint
from thermodepth.evaluation.results.rows import TEACHER_ARM, WHOLE_FRAME, protocol_of
from thermodepth.evaluation.results.stability import stability_table
from thermodepth.evaluation.results.tables import Cell, Column, Table
from thermodepth.evaluation.scoring.answer import RELATIVE_ERROR
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.evaluation.scoring.slices import slice_names
from thermodepth.metrics import ERRORS, MAP_FAMILIES, METRICS

STRUCTURE = (
    "boundary",
    "boundary_own",
    "edge_distance",
    "gradient_error",
    "normals",
    "ordinal",
    "rank",
)

_NO_FRAMES = (
    " 0 frames and a dash: the truth, or the teacher that a map is held against, is too sparse for this "
    "metric or has no boundary, or the camera is not known."
)

_KIND_TITLES = {
    "range": ("Distance (m)", "by distance of the truth"),
    "edge": ("To an edge (px)", "by distance to the nearest depth boundary"),
    "contrast": ("Local contrast", "by local contrast of the thermal picture"),
    "density": ("Density of truth", "by the share of pixels that have truth"),
}


class Overview:
    """The means of an evaluation, and its tables."""

    def __init__(self, rows: pa.Table, protocol: Protocol) -> None:
        """
        Raises:
            DataError: for rows of other protocols than this, or arms not scored on the same pixels.
        """
        if protocol_of(rows) != protocol.protocol_id():
            raise DataError(
                f"rows of protocol {protocol_of(rows)} are not those of {protocol.protocol_id()}: score the "
                "predictions again, or name the protocol of the rows"
            )
        self._expected = ExpectedErrors(rows, protocol)
        # What a model tells of its errors is no map: it stands in tables of its own.
        self._rows = rows = rows.filter(pc.not_equal(rows["head"], RELATIVE_ERROR))
        self._protocol = protocol
        # Of what is looked at as a picture under one and the same alignment.
        self._pictured = rows if guesses_in_metres(rows) else without_guesses(rows)
        self._means = MapMeans(rows, protocol)
        #: Metric maps in the order of the rows, then structural ones, the teacher last.
        self.maps = self._means.maps

    def tables(self) -> dict[str, Table]:
        """Every table by the stem of its file."""
        tables = {
            "headline": self.headline(),
            **self._guessers(),
            "alignments": self.alignments(),
            "errors": self.alignments(metrics=list(ERRORS)),
            "structure": self.pictures(STRUCTURE, title="Structure"),
            "variability": self.pictures(("variability",), title="Spatial variability"),
        }
        if own := tuple(MAP_FAMILIES.origins):
            tables["extensions"] = self.pictures(own, title="Metrics of extensions")
        which = self._metric_map()
        averaging = self._protocol.averaging
        tables["stability"] = stability_table(self._pictured, which)
        tables["ledger"] = ledger_table(self._pictured, which, averaging=averaging)
        tables["ledger_metres"] = metric_ledger_table(self._pictured, which, averaging=averaging)
        if any(m.head == "structure" and m.against == "truth" for m in self.maps):
            tables["ledger_structure"] = ledger_table(
                self._rows,
                WhichMap(head="structure", alignment="affine_inverse"),
                title="Where the error in ln depth of the structural head comes from",
                averaging=averaging,
            )
        for kind in slice_names(self._protocol):
            tables[f"by_{kind}"] = self.by_slice(kind)
        tables["by_condition"] = self.by_condition()
        return tables | self._expected.tables()

    def for_terminal(self) -> list[Table]:
        """What a person reads first, narrow enough for a terminal: guessers in a table of their own."""
        tables = self.tables()
        return [
            tables["headline"],
            *self._guessers().values(),
            self.alignments(metrics=("abs_rel", "rmse", "delta_1"), baselines=False),
            self.pictures((*STRUCTURE, "variability"), title="Structure", baselines=False),
            *(tables[name] for name in ("extensions",) if name in tables),
            tables["stability"],
            ledger_table(
                without_guesses(self._rows),
                self._metric_map(),
                averaging=self._protocol.averaging,
            ),
            *list(self._expected.tables().values())[:1],
        ]

    def headline(self) -> Table:
        """Metric depth under the protocol's own alignment: a line a metric, a column an arm."""
        own: str = self._protocol.alignment
        maps = [m for m in self._means.metric_maps if self._means.of(m, own) is not None]
        if not maps:  # affine-invariant maps have no value under less than they need
            maps, own = list(self._means.metric_maps), self.natural(self._means.metric_maps[0])
        groups = {m: self._means.of(m, own) for m in maps}
        lines = [
            (metric_heading(row), *(metric_number(groups[m], row) for m in maps))
            for row in ERRORS.values()
        ]
        first = groups[maps[0]]
        assert first is not None
        return Table(
            title=f"Depth in metres, alignment: {ALIGNMENTS[own].label}",
            columns=(Column(label="Metric", align="left"), *(Column(label=m.title) for m in maps)),
            rows=tuple(lines),
            notes=(
                f"Protocol {self._protocol.protocol_id()}; "
                f"{averaged(self._protocol)} {frames_words(max(first.frames.values()))}.",
            ),
        )

    def _guessers(self) -> dict[str, Table]:
        table = guessers_table(self._means, self._protocol)
        return {} if table is None else {"guessers": table}

    def alignments(
        self, *, metrics: Sequence[str] = ("abs_rel", "rmse", "delta_1"), baselines: bool = True
    ) -> Table:
        """The same maps under every alignment: what a number without its alignment leaves open."""
        chosen = [METRICS[name] for name in metrics]
        lines: list[tuple[Cell, ...]] = []
        for alignment in ALIGNMENTS.values():
            mark = " (own)" if alignment.name == self._protocol.alignment else ""
            for scored in self.maps:
                group = self._means.of(scored, alignment.name)
                is_listed = baselines or scored.arm not in BASELINES
                if group is not None and scored.against == "truth" and is_listed:
                    values = (group.values.get(row.name) for row in chosen)
                    lines.append((f"{alignment.label}{mark}", scored.title, *values))
        return Table(
            title="The same maps under every alignment",
            columns=(
                Column(label="Alignment", align="left"),
                Column(label="Map", align="left"),
                *(metric_column(row) for row in chosen),
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
        Labels of a teacher are often denser than truth, so frames against them have a column of their own
        where they are not as many.
        """
        of_family = {family.name: family.rows for family in MAP_FAMILIES.values()}
        chosen = [row for name in families for row in of_family[name]]
        maps = [m for m in self.maps if baselines or m.arm not in BASELINES]
        groups = {m: self._means.natural_of(m) for m in maps}
        targets = tuple(dict.fromkeys(m.against for m in maps))
        most = {
            (target, row): max(
                g.frames.get(row.name, 0) for m, g in groups.items() if m.against == target
            )
            for target in targets
            for row in chosen
        }
        if all(len({most[target, row] for target in targets}) == 1 for row in chosen):
            targets = targets[:1]
        lines = [
            (
                metric_heading(row),
                *(most[target, row] for target in targets),
                *(metric_number(group, row) for group in groups.values()),
            )
            for row in chosen
        ]
        dashes = any(frames == 0 for frames in most.values())
        return Table(
            title=title,
            columns=(
                Column(label="Metric", align="left"),
                *(
                    Column(label=f"frames, {target}" if len(targets) > 1 else "frames")
                    for target in targets
                ),
                *(Column(label=scored.title) for scored in maps),
            ),
            rows=tuple(lines),
            notes=(
                f"Protocol {self._protocol.protocol_id()}." + _NO_FRAMES * dashes,
                *(
                    note
                    for m, group in groups.items()
                    if (note := fewer_note(m, group, {row: most[m.against, row] for row in chosen}))
                ),
                *published_note(chosen),
                *self._teacher_note(),
            ),
        )

    def by_slice(self, kind: str) -> Table:
        """A few errors by slice, empty slices said, each map under the alignment it is shown under."""
        maps = self._means.metric_maps
        heading, words = _KIND_TITLES[kind]
        lines: list[tuple[Cell, ...]] = []
        for name in slice_names(self._protocol)[kind]:
            groups = {m: self._means.of_slice(m, name) for m in maps}
            lines.append(sliced_line(slice_title(name), groups))
        return self._sliced_table(f"Metric depth {words}", heading, lines)

    def by_condition(self) -> Table:
        """The errors by condition as the data set names it, in alphabetical order."""
        maps = self._means.metric_maps
        lines = []
        for condition in self._means.conditions:
            groups = {m: self._means.of_condition(m, condition) for m in maps}
            lines.append(sliced_line(condition or "(not given)", groups))
        return self._sliced_table("Metric depth by condition", "Condition", lines)

    def natural(self, scored: ScoredMap) -> str:
        """The least alignment that a map was scored under."""
        return self._means.natural(scored)

    def shown_alignment(self, scored: ScoredMap) -> str:
        """The protocol's own alignment where the map was scored under it, else its natural one."""
        return self._means.shown_alignment(scored)

    def lead(self) -> str:
        """The finding in two sentences."""
        first = self.maps[0]
        alignment = self.shown_alignment(first)
        group = self._means.of(first, alignment)
        assert group is not None
        sentence = (
            f"{first.title}: AbsRel {group.values['abs_rel']:.4f}, RMSE {group.values['rmse']:.3f} m, "
            f"δ<1.25 {group.values['delta_1']:.1%} on {frames_words(max(group.frames.values()))}"
            f" (alignment: {ALIGNMENTS[alignment].label})."
        )
        words, beaten = verdict_of(self._means, first)
        if words:
            sentence += f" {words[0].upper()}{words[1:]}."
        if beaten:
            return sentence  # what its error is made of matters once it beats a guess
        parts = self.ledger_parts().get(first.arm, {})
        if parts and (total := sum(parts.values())) > 0.0:
            most = max(parts, key=lambda name: parts[name])
            before = "Before it is aligned, " if alignment != self.natural(first) else ""
            sentence += f" {before}{parts[most] / total:.0%} of its squared log error is {most}."
        return sentence

    def beaten_notes(self) -> list[str]:
        """A sentence for each map but the first, of which the lead tells, that a guesser beats."""
        _, *others = judged(self._means)
        return beaten_notes(self._means, others)

    def unit_hint(self, *, foreign: bool = True) -> str:
        """A line where the first map is off by a factor that no network makes by itself; else empty.

        `foreign`: maps come from files, whose units a person says, and not from a model of ours.
        """
        return unit_hint(self._means, clamped=self._protocol.clamp_prediction, foreign=foreign)

    def against_truth_note(self, *, foreign: bool = True) -> str:
        """A line for each map that knows nothing of the depth; empty where all do."""
        return against_truth_note(self._means, foreign=foreign)

    def ledger_parts(self) -> dict[str, dict[str, float]]:
        """arm -> part -> its share of the mean square of ln p - ln d, over seeds, of metric maps."""
        ledgers = log_ledger(self._pictured, self._metric_map(), averaging=self._protocol.averaging)
        return {
            arm: {name.replace("_", " "): value for name, value in ledger.parts.items()}
            for arm, ledger in over_seeds(ledgers).items()
        }

    def _metric_map(self) -> WhichMap:
        """The metric maps, under their natural alignment."""
        return WhichMap(alignment=self.natural(self._means.metric_maps[0]))

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
                of_map = {name: values[(*key, name)] for name in metrics if (*key, name) in values}
                scores[m.title] = of_map
        return scores

    def _sliced_table(self, title: str, heading: str, lines: list[tuple[Cell, ...]]) -> Table:
        maps = self._means.metric_maps
        used = dict.fromkeys(ALIGNMENTS[self.shown_alignment(m)].label for m in maps)
        alignments = ", ".join(used)
        return Table(
            title=title,
            columns=(
                Column(label=heading, align="left"),
                Column(label="pixels"),
                Column(label="frames"),
                *(
                    metric_column(METRICS[name], of=m.title if len(maps) > 1 else "")
                    for name in BY_SLICE
                    for m in maps
                ),
            ),
            rows=tuple(lines),
            notes=(
                f"Protocol {self._protocol.protocol_id()}, alignment: {alignments}. 0 pixels: nothing was "
                "measured there.",
            ),
        )

    def _teacher_note(self) -> tuple[str, ...]:
        """How much of the pixels the teacher answers for."""
        teacher = next((m for m in self.maps if m.arm == TEACHER_ARM), None)
        if teacher is None:
            return ()
        own, of = self._means.natural_of(teacher), self._means.natural_of(self.maps[0])
        if own.pixels == of.pixels:
            return ("The teacher is the ceiling of what a structural head can learn from it.",)
        return (
            f"The teacher answers for {own.pixels / of.pixels:.0%} of the scored pixels, "
            "so its line is not over the same ones.",
        )
