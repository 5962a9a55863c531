"""Readings of the paper's loss beside its table: a verdict on each, and the changes that it stands on."""

from __future__ import annotations

from thermodepth.report.study.findings_tables import interval_of
from thermodepth.report.table import Cell, Column, Interval, Table
from thermodepth.statistics.findings import Findings
from thermodepth.statistics.labels import counted, label_of, p_text
from thermodepth.statistics.paper_patterns import COUNT, NO_EFFECT, Pattern, PatternEntry, Sign
from thermodepth.statistics.paper_table import CARRIED, PAPER, PUBLISHED_METRICS

READINGS, SIGNS = "paper_readings", "paper_signs"  # the stems of their files
_SIGNS: tuple[Sign, ...] = ("agrees", "contradicts", "no change", "cannot tell")


def pattern_tables(findings: Findings) -> dict[str, Table]:
    """Both tables by the stem of their files; none of a study without readings."""
    if not findings.patterns:
        return {}
    return {READINGS: readings_table(findings), SIGNS: signs_table(findings)}


def readings_table(findings: Findings) -> Table:
    """A line a reading: its verdict, how many signs are as published, how far off the sizes are."""
    return Table(
        title="Which reading of the paper's loss behaves like its table",
        columns=(
            Column(label="Reading", align="left"),
            Column(label="Verdict", align="left"),
            Column(label="carried signs that agree", align="left"),
            *(Column(label=f"of {COUNT}: {sign}") for sign in _SIGNS),
            Column(label="distance (points)", digits=1),
            Column(label="95 %", digits=1),
        ),
        rows=tuple(_reading_line(pattern) for pattern in findings.patterns),
        notes=(
            *patterns_words(findings),
            f"No effect at all would be {NO_EFFECT:.1f} points from the table.",
        ),
        label="tab:study-paper-readings",
    )


def signs_table(findings: Findings) -> Table:
    """A line for each reading and configuration: published and own change of both metrics, and the sign."""
    lines: list[tuple[Cell, ...]] = []
    rules: set[int] = set()
    for pattern in findings.patterns:
        if lines:
            rules.add(len(lines))
        for row in dict.fromkeys(entry.row for entry in pattern.entries):
            cells = {e.metric: _entry_cells(e) for e in pattern.entries if e.row == row}
            empty: tuple[Cell, ...] = (None, None, None, None, "no results")
            line: list[Cell] = [pattern.reading.title, row.title]
            for metric in PUBLISHED_METRICS:
                line += cells.get(metric, empty)
            lines.append(tuple(line))
    columns = [Column(label="Reading", align="left"), Column(label="Configuration", align="left")]
    for metric in PUBLISHED_METRICS:
        label = label_of(metric)
        columns += [
            Column(label=f"{label}, published (%)", digits=1, signed=True),
            Column(label="here (%)", digits=1, signed=True),
            Column(label="95 %", signed=True),
            Column(label="p (Holm)"),
            Column(label="sign", align="left"),
        ]
    return Table(
        title="The published changes in each reading",
        columns=tuple(columns),
        rows=tuple(lines),
        notes=(
            "Changes against all losses of the same reading, in percent of its mean. †: the "
            f"table of single runs can carry this change. {_judged(findings)}",
        ),
        label="tab:study-paper-signs",
        rules=frozenset(rules),
    )


def patterns_words(findings: Findings) -> list[str]:
    """How a reading is judged, in sentences for notes and methods; none without readings."""
    if not findings.patterns:
        return []
    carried = [
        f"{label_of(entry.metric)} of {entry.row.title}"
        for entry in findings.patterns[0].entries
        if entry.carried
    ]
    return [
        f"{PAPER}, is one run per configuration. Two single runs of one configuration are taken to lie up to "
        f"{CARRIED:.1f} % apart (published noise of AbsRel between seeds; of RMSE none is published, and the "
        f"same share is taken), so it can carry {counted(len(carried), 'sign')}: {', '.join(carried)}. "
        "A reading's verdict is about these.",
        _judged(findings),
        "Distance: root mean square over the eight changes of ours minus the published one, in points of "
        "percent, with a 95 % interval for other seeds and scenes, for "
        f"{counted(len(findings.patterns), 'reading')} together (Bonferroni); "
        "descriptive, for data and network of the table are not known.",
    ]


def pattern_sentences(findings: Findings) -> list[str]:
    """What became of each reading, and which comes nearest."""
    patterns = findings.patterns
    if not patterns:
        return []
    near = [(p.distance, p) for p in patterns if p.distance is not None]
    sentences = [pattern.sentence for pattern in patterns]
    if near:
        nearest = min(near, key=lambda pair: pair[0])[1]
        sentences.append(
            f"Nearest to the published sizes is {nearest.reading.title}, {nearest.distance_words} away; no "
            f"effect at all is {NO_EFFECT:.1f} points away."
        )
    return sentences


def _judged(findings: Findings) -> str:
    family = max((s.family for s in findings.tested), default=0)
    return (
        f"A sign agrees or contradicts where the change is clear (p at most .05 after Holm over {family} "
        "declared comparisons, those of all readings together), is no change where it is too small to "
        "matter, and else cannot be told."
    )


def _reading_line(pattern: Pattern) -> tuple[Cell, ...]:
    agreeing = sum(entry.sign == "agrees" for entry in pattern.carried)
    return (
        pattern.reading.title,
        pattern.verdict,
        f"{agreeing} of {len(pattern.carried)}",
        *(pattern.signs[sign] for sign in _SIGNS),
        pattern.distance,
        None if pattern.interval is None else Interval(*pattern.interval, 1),
    )


def _entry_cells(entry: PatternEntry) -> tuple[Cell, ...]:
    comparison, p = entry.tested.comparison, entry.tested.p_adjusted
    return (
        entry.published,
        comparison.percent,
        interval_of(comparison),
        None if p is None else p_text(p),
        f"{entry.sign}{' †' if entry.carried else ''}",
    )
