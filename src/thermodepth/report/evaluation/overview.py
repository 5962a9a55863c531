"""The tables of an evaluation, and its finding in two sentences.

Every table has the maps that were scored as columns or lines in one order: metric depth first, then
structural heads, then the teacher.
"""

from __future__ import annotations

from collections.abc import Sequence

from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.results.findings import EvaluationFindings
from thermodepth.evaluation.rows.rows import TEACHER_ARM
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.evaluation.scoring.slices import slice_names
from thermodepth.metrics import ERRORS, MAP_FAMILIES, METRICS
from thermodepth.report.evaluation.cells import (
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
from thermodepth.report.evaluation.expected_error import expected_error_tables
from thermodepth.report.evaluation.guessers import guessers_table, verdict_on
from thermodepth.report.evaluation.ledger import ledger_table, metric_ledger_table, stability_table
from thermodepth.report.evaluation.warnings import published_note
from thermodepth.report.table import Cell, Column, Table

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


def evaluation_tables(findings: EvaluationFindings) -> dict[str, Table]:
    """Every table by the stem of its file."""
    guessers = guessers_table(findings)
    tables = {
        "headline": headline_table(findings),
        **({} if guessers is None else {"guessers": guessers}),
        "alignments": alignments_table(findings),
        "errors": alignments_table(findings, metrics=list(ERRORS)),
        "structure": pictures_table(findings, STRUCTURE, title="Structure"),
        "variability": pictures_table(findings, ("variability",), title="Spatial variability"),
        **_extension_tables(findings),
        "stability": stability_table(findings.stability),
        "ledger": ledger_table(findings.ledger),
        "ledger_metres": metric_ledger_table(findings.metric_ledger),
    }
    if findings.structure_ledger is not None:
        tables["ledger_structure"] = ledger_table(
            findings.structure_ledger,
            title="Where the error in ln depth of the structural head comes from",
        )
    for kind in slice_names(findings.protocol):
        tables[f"by_{kind}"] = slices_table(findings, kind)
    tables["by_condition"] = conditions_table(findings)
    return tables | expected_error_tables(findings.expected)


def _extension_tables(findings: EvaluationFindings) -> dict[str, Table]:
    """Metrics of a user's own; nothing where none are loaded."""
    families = tuple(MAP_FAMILIES.origins)
    if not families:
        return {}
    return {"extensions": pictures_table(findings, families, title="Metrics of extensions")}


def terminal_tables(findings: EvaluationFindings) -> list[Table]:
    """What a person reads first, narrow enough for a terminal: guessers in a table of their own."""
    guessers = guessers_table(findings)
    return [
        headline_table(findings),
        *([] if guessers is None else [guessers]),
        alignments_table(findings, baselines=False),
        pictures_table(findings, (*STRUCTURE, "variability"), title="Structure", baselines=False),
        *_extension_tables(findings).values(),
        stability_table(findings.stability),
        ledger_table(findings.ledger.without(BASELINES)),
        *list(expected_error_tables(findings.expected).values())[:1],
    ]


def lead(findings: EvaluationFindings) -> str:
    """The finding in two sentences."""
    first, means = findings.maps[0], findings.means
    alignment = means.shown_alignment(first)
    group = means.group(first, alignment)
    assert group is not None
    sentence = (
        f"{first.title}: AbsRel {group.values['abs_rel']:.4f}, RMSE {group.values['rmse']:.3f} m, "
        f"δ<1.25 {group.values['delta_1']:.1%} on {frames_words(max(group.frames.values()))}"
        f" (alignment: {ALIGNMENTS[alignment].label})."
    )
    comparison = findings.comparisons.get(first)
    if comparison is not None:
        if text := verdict_on(comparison, shown_alignment=alignment):
            sentence += f" {text[0].upper()}{text[1:]}."
        if comparison.winners:
            return sentence  # what its error is made of matters once it beats a guess
    parts = findings.ledger_parts().get(first.arm, {})
    if parts and (total := sum(parts.values())) > 0.0:
        largest = max(parts, key=lambda name: parts[name])
        before = "Before it is aligned, " if alignment != means.natural(first) else ""
        sentence += f" {before}{parts[largest] / total:.0%} of its squared log error is {largest}."
    return sentence


def headline_table(findings: EvaluationFindings) -> Table:
    """Metric depth under the protocol's own alignment: a line a metric, a column an arm."""
    alignment: str = findings.protocol.alignment
    maps = [m for m in findings.means.metric_maps if findings.means.group(m, alignment) is not None]
    if not maps:  # affine-invariant maps have no value under less than they need
        maps, alignment = (
            list(findings.means.metric_maps),
            findings.means.natural(findings.means.metric_maps[0]),
        )
    groups = {m: findings.means.group(m, alignment) for m in maps}
    rows = [
        (metric_heading(row), *(metric_number(groups[m], row) for m in maps))
        for row in ERRORS.values()
    ]
    first = groups[maps[0]]
    assert first is not None
    return Table(
        title=f"Depth in metres, alignment: {ALIGNMENTS[alignment].label}",
        columns=(Column(label="Metric", align="left"), *(Column(label=m.title) for m in maps)),
        rows=tuple(rows),
        notes=(
            f"Protocol {findings.protocol.protocol_id()}; "
            f"{averaged(findings.protocol)} {frames_words(max(first.frames.values()))}.",
        ),
    )


def alignments_table(
    findings: EvaluationFindings,
    *,
    metrics: Sequence[str] = ("abs_rel", "rmse", "delta_1"),
    baselines: bool = True,
) -> Table:
    """The same maps under every alignment: what a number without its alignment leaves open."""
    chosen = [METRICS[name] for name in metrics]
    rows: list[tuple[Cell, ...]] = []
    for alignment in ALIGNMENTS.values():
        mark = " (own)" if alignment.name == findings.protocol.alignment else ""
        for scored in findings.maps:
            group = findings.means.group(scored, alignment.name)
            is_listed = baselines or scored.arm not in BASELINES
            if group is not None and scored.against == "truth" and is_listed:
                values = (group.values.get(row.name) for row in chosen)
                rows.append((f"{alignment.label}{mark}", scored.title, *values))
    return Table(
        title="The same maps under every alignment",
        columns=(
            Column(label="Alignment", align="left"),
            Column(label="Map", align="left"),
            *(metric_column(row) for row in chosen),
        ),
        rows=tuple(rows),
        notes=(
            f"Protocol {findings.protocol.protocol_id()}. Fitted to the truth of each frame; an "
            "affine-invariant map has no value under less than it needs.",
            *_teacher_note(findings),
        ),
    )


def pictures_table(
    findings: EvaluationFindings,
    families: Sequence[str],
    *,
    title: str,
    baselines: bool = True,
) -> Table:
    """Metrics that look at maps as pictures: a line a metric, a column a map.

    A map is taken under its natural alignment, so a scale-free metric is what it is under any other.
    Labels of a teacher are often denser than truth, so frames against them have a column of their own
    where they are not as many.
    """
    of_family = {family.name: family.rows for family in MAP_FAMILIES.values()}
    chosen = [row for name in families for row in of_family[name]]
    maps = [m for m in findings.maps if baselines or m.arm not in BASELINES]
    groups = {m: findings.means.natural_group(m) for m in maps}
    targets = tuple(dict.fromkeys(m.against for m in maps))
    frames_of = {
        (target, row): max(
            g.frames.get(row.name, 0) for m, g in groups.items() if m.against == target
        )
        for target in targets
        for row in chosen
    }
    if all(len({frames_of[target, row] for target in targets}) == 1 for row in chosen):
        targets = targets[:1]
    rows = [
        (
            metric_heading(row),
            *(frames_of[target, row] for target in targets),
            *(metric_number(group, row) for group in groups.values()),
        )
        for row in chosen
    ]
    dashes = any(frames == 0 for frames in frames_of.values())
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
        rows=tuple(rows),
        notes=(
            f"Protocol {findings.protocol.protocol_id()}." + _NO_FRAMES * dashes,
            *(
                note
                for m, group in groups.items()
                if (
                    note := fewer_note(m, group, {row: frames_of[m.against, row] for row in chosen})
                )
            ),
            *published_note(chosen),
            *_teacher_note(findings),
        ),
    )


def slices_table(findings: EvaluationFindings, kind: str) -> Table:
    """A few errors by slice, empty slices said, each map under the alignment it is shown under."""
    maps = findings.means.metric_maps
    heading, criterion = _KIND_TITLES[kind]
    rows: list[tuple[Cell, ...]] = []
    for name in slice_names(findings.protocol)[kind]:
        groups = {m: findings.means.slice_group(m, name) for m in maps}
        rows.append(sliced_line(slice_title(name), groups))
    return _sliced_table(findings, f"Metric depth {criterion}", heading, rows)


def conditions_table(findings: EvaluationFindings) -> Table:
    """The errors by condition as the data set names it, in alphabetical order."""
    maps = findings.means.metric_maps
    rows = []
    for condition in findings.means.conditions:
        groups = {m: findings.means.condition_group(m, condition) for m in maps}
        rows.append(sliced_line(condition or "(not given)", groups))
    return _sliced_table(findings, "Metric depth by condition", "Condition", rows)


def _sliced_table(
    findings: EvaluationFindings, title: str, heading: str, rows: list[tuple[Cell, ...]]
) -> Table:
    maps = findings.means.metric_maps
    used = dict.fromkeys(ALIGNMENTS[findings.means.shown_alignment(m)].label for m in maps)
    alignments = ", ".join(used)
    return Table(
        title=title,
        columns=(
            Column(label=heading, align="left"),
            Column(label="pixels"),
            Column(label="frames"),
            *(
                metric_column(METRICS[name], title=m.title if len(maps) > 1 else "")
                for name in BY_SLICE
                for m in maps
            ),
        ),
        rows=tuple(rows),
        notes=(
            f"Protocol {findings.protocol.protocol_id()}, alignment: {alignments}. 0 pixels: nothing was "
            "measured there.",
        ),
    )


def _teacher_note(findings: EvaluationFindings) -> tuple[str, ...]:
    """How much of the pixels the teacher answers for."""
    teacher = next((m for m in findings.maps if m.arm == TEACHER_ARM), None)
    if teacher is None:
        return ()
    means = findings.means
    labelled, scored = means.natural_group(teacher), means.natural_group(findings.maps[0])
    if labelled.pixels == scored.pixels:
        return ("The teacher is the ceiling of what a structural head can learn from it.",)
    return (
        f"The teacher answers for {labelled.pixels / scored.pixels:.0%} of the scored pixels, "
        "so its line is not over the same ones.",
    )
