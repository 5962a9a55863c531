"""The means of a summary, printed."""

from __future__ import annotations

from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.results.summary import Summary
from thermodepth.metrics import metric_rows
from thermodepth.report.table import Cell, Column, Table


def summary_table(summary: Summary, *, title: str) -> Table:
    """As a printed table. Nothing is bold: which arm is best is for the contrasts to say."""
    rows = metric_rows(summary.metrics)
    columns = [Column(label=name, align="left") for name in summary.by]
    columns += [
        Column(
            label=row.heading,
            digits=row.digits,
            better=row.better,
            optimum=row.optimum,
        )
        for row in rows
    ]
    columns += [Column(label="seeds"), Column(label="frames"), Column(label="pixels")]
    cells: list[tuple[Cell, ...]] = []
    for group in summary.groups:
        seeds = {seed for values in group.seed_values.values() for seed in values}
        cells.append(
            (
                *(group.key[name] or "(not given)" for name in summary.by),
                *(group.values.get(name) for name in summary.metrics),
                len(seeds),
                max(group.frames.values()),
                group.pixels,
            )
        )
    notes = [f"Protocol {summary.protocol}; {_averaged(summary)}."]
    if summary.protocol_words:
        notes.append(summary.protocol_words)
    if any(len(set(g.frames.values())) > 1 for g in summary.groups):
        notes.append("Some frames have too few pixels for some metrics; frames counts the most.")
    return Table(title=title, columns=tuple(columns), rows=tuple(cells), notes=tuple(notes))


def _averaged(summary: Summary) -> str:
    """How the numbers came about, as far as it is not the usual."""
    averaged = "mean over frames" if summary.averaging == "per_frame" else "over all pixels pooled"
    parts = [f"{averaged}, then over seeds"]
    if summary.choices.get("head", "depth") != "depth":
        parts.append(f"{summary.choices['head']} head")
    if summary.choices.get("against", "truth") != "truth":
        parts.append(f"against the {summary.choices['against']}")
    if (name := summary.choices.get("alignment", "none")) != "none":
        parts.append(f"aligned per frame: {ALIGNMENTS[name].label}")
    return "; ".join(parts)
