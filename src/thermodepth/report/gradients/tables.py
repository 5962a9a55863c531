"""Gradient diagnostics as tables, with what a reader must know under each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, median

from thermodepth.losses import LOSSES
from thermodepth.report.table import Cell, Column, Table
from thermodepth.statistics.labels import signed
from thermodepth.study.gradients.averages import (
    ENOUGH_PROBES,
    MOST_BLOCKS,
    Average,
)
from thermodepth.study.gradients.findings import PARAMETERS, ArmGradients
from thermodepth.study.gradients.records import GradientRecord, terms_of
from thermodepth.training.diagnostics.steps import TOTAL
from thermodepth.training.gradient_watch import BLOCK, SHARED

DIAGNOSTIC = (
    "A diagnostic, never a verdict: whether a term is worth having is what the arms of a study say."
)


def share_table(gradients: ArmGradients) -> Table:
    """Each term's part of the gradient where the heads part, of the loss, and of the steps taken."""
    records = gradients.records
    rows: list[tuple[Cell, ...]] = []
    along = {a.term: a.cosine.mean for a in gradients.along[BLOCK]}
    for term in gradients.shares:
        ending: tuple[Cell, ...] = (term.of_loss,)
        if along:
            ending += (along.get(term.term),)
        share = term.share
        if share is None:
            rows.append((term.term, None, None, None, None, None, *ending))
            continue
        thirds = (100 * (third or 0.0) for third in (term.first_third, term.last_third))
        rows.append(
            (
                term.term,
                share.probes,
                100 * share.mean,
                _interval(share, digits=1, factor=100),
                *thirds,
                *ending,
            )
        )
    few = any(term.share is not None and term.share.few for term in gradients.shares)
    columns = (
        Column(label="Term", align="left"),
        Column(label="probes"),
        Column(label="Share (%)", digits=1),
        Column(label="95 %"),
        Column(label="first third (%)", digits=1),
        Column(label="last third (%)", digits=1),
        Column(label="of the loss (%)", digits=1),
        *([Column(label="along the step", digits=2, signed=True)] if along else []),
    )
    notes = [
        f"Share of the weighted gradients' norms at {PARAMETERS[BLOCK]}, over the probes "
        f"at which a term had weight; {_interval_words(records)}.",
        *_along_words(along.get(TOTAL)),
        *_few_words(few, what="shares"),
        *notes_of(records),
    ]
    return Table(
        title=f"Gradient shares, {gradients.title}",
        columns=columns,
        rows=tuple(rows),
        notes=tuple(notes),
    )


def cosine_table(gradients: ArmGradients, parameters: str) -> Table:
    """Every pair of terms: cosine, interval, conflict frequency, magnitude similarity.

    What comes from fewer than 30 probes stands in brackets, and a note says so.
    """
    records, conflicts = gradients.records, gradients.conflicts[parameters]
    rows: list[tuple[Cell, ...]] = []
    for conflict in conflicts:
        cosine = conflict.cosine
        open_, close = ("(", ")") if cosine.few else ("", "")
        rows.append(
            (
                *conflict.pair,
                cosine.probes,
                f"{open_}{signed(cosine.mean, digits=2)}{close}",
                _interval(cosine, digits=2),
                f"{open_}{100 * conflict.negative:.0f}{close}",
                conflict.similarity,
            )
        )
    columns = (
        Column(label="Term", align="left"),
        Column(label="and", align="left"),
        Column(label="probes"),
        Column(label="Cosine"),
        Column(label="95 %"),
        Column(label="below 0 (%)"),
        Column(label="Magnitude similarity", digits=2),
    )
    lags = [c.neighbours for c in conflicts if c.neighbours is not None]
    likeness = (
        [
            f"Neighbouring probes of a run correlate by {signed(median(lags), digits=2)} in the median; were "
            "it far above 0, the intervals would be too short."
        ]
        if lags
        else []
    )
    notes = [
        f"Weighted gradients at {PARAMETERS[parameters]}, every term from the same batch; "
        f"{_interval_words(records)}.",
        *_few_words(any(c.cosine.few for c in conflicts), what="cosines in brackets"),
        *likeness,
        *notes_of(records),
    ]
    heading = f"Gradient cosines at {PARAMETERS[parameters]}, {gradients.title}"
    return Table(title=heading, columns=columns, rows=tuple(rows), notes=tuple(notes))


def step_table(gradients: ArmGradients) -> Table | None:
    """How far each term's gradient points along the steps taken; None where nothing was measured."""
    records = gradients.records
    rows: list[tuple[Cell, ...]] = []
    few = False
    for where in PARAMETERS:
        for along in gradients.along[where]:
            cosine = along.cosine
            few |= cosine.few
            open_, close = ("(", ")") if cosine.few else ("", "")
            rows.append(
                (
                    where,
                    along.term,
                    cosine.probes,
                    f"{open_}{signed(cosine.mean, digits=2)}{close}",
                    _interval(cosine, digits=2),
                    f"{open_}{100 * along.negative:.0f}{close}",
                )
            )
    if not rows:
        return None
    columns = (
        Column(label="At", align="left"),
        Column(label="Term", align="left"),
        Column(label="probes"),
        Column(label="Step cosine"),
        Column(label="95 %"),
        Column(label="below 0 (%)"),
    )
    notes = [
        "Cosine of a term's weighted gradient with the step that the optimiser then took (clipped, scaled "
        f"by AdamW, with its memory and weight decay); {_interval_words(records)}.",
        f"{BLOCK}: {PARAMETERS[BLOCK]}; {SHARED}: {PARAMETERS[SHARED]}; {TOTAL}: the gradient of all terms "
        "together, beside which the terms are to be read.",
        "Left out: steps hardly larger than the rounding of the weights, such as the last one of a run.",
        *_few_words(few, what="cosines in brackets"),
        *notes_of(records),
    ]
    return Table(
        title=f"Gradients along the step, {gradients.title}",
        columns=columns,
        rows=tuple(rows),
        notes=tuple(notes),
    )


def overview_table(arms: Sequence[ArmGradients]) -> Table:
    """A line an arm: the mean share of each term."""
    terms = terms_of([record for arm in arms for record in arm.records])
    rows: list[tuple[Cell, ...]] = []
    for arm in arms:
        means = {term.term: term.share.mean for term in arm.shares if term.share is not None}
        shares = (100 * means[term] if term in means else None for term in terms)
        rows.append((arm.title, len(arm.records), *shares))
    return Table(
        title="Gradient shares of every configuration (%)",
        columns=(
            Column(label="Configuration", align="left"),
            Column(label="runs"),
            # Words, so that narrow columns can break their headings.
            *(Column(label=term.replace("_", " "), digits=1) for term in terms),
        ),
        rows=tuple(rows),
        notes=(
            f"Share of the weighted gradients' norms at {PARAMETERS[BLOCK]}, mean over probes and runs; "
            "a dash: without weight.",
        ),
    )


def without_notes(table: Table, notes: Sequence[str]) -> Table:
    """The table without notes that are said elsewhere."""
    return replace(table, notes=tuple(note for note in table.notes if note not in notes))


def notes_of(records: Sequence[GradientRecord]) -> list[str]:
    """What a reader must know of these runs, and what they are not."""
    notes = []
    on = terms_of(records)
    off = [term for term, row in LOSSES.items() if term not in on and row.settings().weight > 0.0]
    if off:
        notes.append(f"Left out, without weight in these runs: {', '.join(off)}.")
    for term in on:
        first = min(record.losses[term][0][0] for record in records if term in record.losses)
        if first > 1:
            notes.append(f"{term} has no weight before step {first}.")
    for record in records:
        for step, term in record.not_finite[:3]:
            notes.append(f"{record.name}: the gradient of {term} is not finite at step {step}.")
        if record.missing:
            notes.append(f"{record.name}: {record.missing} steps were not looked at.")
        notes += [f"{record.name}: the diagnostics ended early, {stop}." for stop in record.stops]
        if record.last_step < max(other.last_step for other in records):
            notes.append(f"{record.name} has come to step {record.last_step} only.")
    costs = [record.overhead for record in records if record.overhead is not None]
    if costs:
        notes.append(f"Looking took {100 * fmean(costs):.1f} % of the training's time.")
    return [*notes, DIAGNOSTIC]


def _interval(average: Average, *, digits: int, factor: float = 1.0) -> str | None:
    if average.interval is None:
        return None
    low, high = (format(factor * end, f"z.{digits}f") for end in average.interval)
    return f"[{low}, {high}]".replace("-", "−")


def _interval_words(records: Sequence[GradientRecord]) -> str:
    if len(records) > 1:
        return f"mean over {len(records)} runs and the 95 % t interval over them"
    return (
        f"mean over the run, 95 % t interval over at most {MOST_BLOCKS} blocks of neighbouring probes, "
        "which speaks of other batches of this run and not of other runs"
    )


def _along_words(total: float | None) -> list[str]:
    if total is None:
        return []
    return [
        "Along the step: mean cosine, at the same parameters, with the step that the optimiser then took; "
        f"the gradient of all terms together reaches {signed(total, digits=2)}."
    ]


def _few_words(few: bool, *, what: str) -> list[str]:
    if not few:
        return []
    return [
        f"Fewer than {ENOUGH_PROBES} probes: {what} are no more than a hint, for single batches "
        "spread widely (cosines by about 0.3)."
    ]
