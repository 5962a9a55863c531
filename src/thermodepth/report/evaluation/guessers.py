"""Every map beside the guessers, in words and in a table: the words are about who wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.results.findings import EvaluationFindings
from thermodepth.evaluation.results.guesser_comparison import (
    COMPARED,
    DECIDED_BY,
    GuesserComparison,
)
from thermodepth.evaluation.results.map_means import ScoredMap
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.metrics import METRICS
from thermodepth.report.table import Cell, Column, Heading, Number, Table


def verdict(value: float, guesses: Mapping[str, float]) -> str:
    """Which guessers are at least as good in AbsRel, such as `worse than the row ramp (0.0785)`.

    Empty without a guesser. The best of them is named where none wins.
    """
    if not guesses:
        return ""
    winners = [f"the {arm} ({guess:.4f})" for arm, guess in guesses.items() if guess <= value]
    if winners:
        *first, last = winners
        return "worse than " + (f"{', '.join(first)} and {last}" if first else last)
    best = min(guesses, key=lambda arm: guesses[arm])
    return f"better than every guesser (the best is the {best}, {guesses[best]:.4f})"


def verdict_on(comparison: GuesserComparison, *, shown_alignment: str) -> str:
    """The verdict on a map; empty where it was not compared in AbsRel.

    Where it is not under the alignment that the map is shown under it says so, with the map's own value.
    """
    value, alignment = comparison.values.get(DECIDED_BY), comparison.alignment
    if value is None or alignment is None:
        return ""
    text = verdict(value, comparison.guesses[DECIDED_BY])
    if alignment != shown_alignment:
        text = f"after {ALIGNMENTS[alignment].label} ({value:.4f}) {text}"
    return text


def beaten_notes(findings: EvaluationFindings) -> list[str]:
    """A sentence for each map but the first, of which the lead tells, that a guesser beats."""
    notes = []
    _, *others = (m for m in findings.maps if m.against == "truth" and m.arm not in BASELINES)
    for scored in others:
        comparison = findings.comparisons.get(scored)
        if comparison is not None and comparison.winners:
            alignment = findings.means.shown_alignment(scored)
            group = findings.means.group(scored, alignment)
            assert group is not None
            notes.append(
                f"{scored.title}: AbsRel {group.values[DECIDED_BY]:.4f} (alignment: "
                f"{ALIGNMENTS[alignment].label}), {verdict_on(comparison, shown_alignment=alignment)}."
            )
    return notes


def guessers_table(findings: EvaluationFindings) -> Table | None:
    """A line for each map and metric, a column for each guesser; None where there is no guesser."""
    arms = [arm for arm in BASELINES if ScoredMap(arm, "depth", "truth") in findings.maps]
    if not arms:
        return None
    rows = [
        _line(comparison, name, arms)
        for comparison in findings.comparisons.values()
        for name in COMPARED
        if name in comparison.values
    ]
    return Table(
        title="Beside what does not look, and what only remembers",
        columns=(
            Column(label="Map", align="left"),
            Column(label="Alignment", align="left"),
            Column(label="Metric", align="left"),
            Column(label="the map"),
            *(Column(label=arm) for arm in arms),
        ),
        rows=tuple(rows),
        notes=(
            f"Protocol {findings.protocol.protocol_id()}. Every guesser after the same alignment as the "
            "map. Ranks are the same under every rising fit; the partial correlation is what is seen beyond "
            "a layout: a row ramp has 0.",
            "A map that is no better than the nearest training frame cannot be told from a memory of "
            "the training split.",
        ),
    )


def _line(comparison: GuesserComparison, metric: str, arms: Sequence[str]) -> tuple[Cell, ...]:
    row = METRICS[metric]
    alignment = comparison.alignment if metric == DECIDED_BY else None
    label = "any" if alignment is None else ALIGNMENTS[alignment].label
    heading = Heading(label=row.heading, better=row.better, optimum=row.optimum)
    guesses = comparison.guesses[metric]
    numbers = (comparison.values[metric], *(guesses.get(arm) for arm in arms))
    cells = (None if number is None else Number(number, row.digits) for number in numbers)
    return (comparison.scored.title, label, heading, *cells)
