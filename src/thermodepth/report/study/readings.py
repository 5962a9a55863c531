"""The readings of a loss that verdicts are about, as notes and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from thermodepth.statistics.findings import Findings

_MOST_NOTES = 12  # readings below one table
WHAT = (
    "Of the loss: the weighted term's part of the sum, last quarter of the training. Of a gradient: mean "
    "over pixels of |d(w L)/d(map)| over the sum of all terms' at that pixel, at the end."
)
READING = (
    "This reading: the terms that were switched, with form and weight as resolved, and what they weigh. "
    "Another form or weight is another reading, of which this says nothing."
)


def switched_notes(findings: Findings, metrics: Sequence[str] | None) -> list[str]:
    """A note for each question that was asked on these metrics (None: any): its reading."""
    questions = {
        s.comparison.question.name: s.comparison.question
        for s in findings.tested
        if metrics is None or s.comparison.metric in metrics
    }
    return [f"{q.title}: {findings.switched_by(q).words}." for q in questions.values()]


def reading_notes(findings: Findings) -> list[str]:
    """What stands under a table of changes: of each arm the reading that its change is about."""
    differences = [
        question
        for question in {
            s.comparison.question.name: s.comparison.question for s in findings.tested
        }.values()
        if question.kind == "difference" and question.name in findings.switched
    ]
    if not differences:
        return []
    if len(differences) > _MOST_NOTES:
        return ["What each arm switches, and what that weighs: `verdicts` and `shares`."]
    lines = [
        f"{findings.titles.get(question.name, question.title)}: {findings.switched_by(question).words}."
        for question in differences
    ]
    return [f"A change is that of one reading of the loss. {WHAT}", *lines]


def level_readings(findings: Findings) -> list[str]:
    """A sentence for each switch that was tried at levels: its reading, and what that weighs at each."""
    sentences = []
    for effects in dict.fromkeys(curve.effects for curve in findings.levels):
        known = [
            (pair.title, switched)
            for pair in effects.pairs
            if (switched := findings.switched.get(effects.question(pair).name)) is not None
        ]
        by_terms: dict[str, list[str]] = {}
        for title, switched in known:
            by_terms.setdefault(switched.terms, []).append(f"{title}: {switched.shares}")
        sentences += [
            f"This reading ({terms}): {'; '.join(levels)}." for terms, levels in by_terms.items()
        ]
    return sentences
