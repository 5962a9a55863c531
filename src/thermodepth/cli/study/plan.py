"""`thermodepth study plan`: what a study would train, ask and be able to answer, before an hour is spent."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from thermodepth.cli.options import (
    OptionalData,
    Seeds,
    Set,
    Steps,
    StudyName,
    StudyOut,
    Tuned,
    Twin,
    With,
    load_with,
)
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.report.table import Cell, Table
    from thermodepth.study.design import Study


def plan(
    name: StudyName,
    data: OptionalData = None,
    seeds: Seeds = None,
    steps: Steps = None,
    twin: Twin = False,
    out: StudyOut = None,
    tuned: Tuned = None,
    edits: Set = [],
    extensions: With = [],
) -> None:
    """What a study would train, ask and be able to answer. Nothing is trained or written."""
    set_thread_policy(1)
    load_with(extensions)
    from rich.text import Text

    from thermodepth.cli.edits import edits_of_options
    from thermodepth.cli.terminal import console
    from thermodepth.data import open_dataset
    from thermodepth.recipes.planned import planned_study
    from thermodepth.study.folder import study_folder_of
    from thermodepth.study.inputs import open_datasets

    options = {"data.source": ("--data", data), "steps": ("--steps", steps)}
    planned = planned_study(
        name, edits_of_options(options, edits), seeds=seeds, twin=twin, tuned=tuned
    )
    dataset = open_dataset(planned.settings.data.source)
    study = replace(planned, settings=planned.settings.resolved(dataset))
    open_datasets(study, dataset)
    console.print(Text(study.title, style="bold"))
    console.print(Text(dataset.note), soft_wrap=True)
    console.print()
    console.print(arms_table(study).rich())
    for line in (
        *question_lines(study),
        *cell_lines(study, out or study_folder_of(study, dataset)),
    ):
        console.print(Text(line))


def arms_table(study: Study) -> Table:
    """A line an arm, with what it changes in the settings."""
    from thermodepth.config import difference
    from thermodepth.report.table import Column, Table

    rows: list[tuple[Cell, ...]] = []
    for arm in study.arms:
        changed = difference(study.settings, study.settings.edit(arm.edits))
        changes = [f"{path} = {json.dumps(new)}" for path, (_, new) in changed.items()]
        unchanged = "the reference" if arm.name == study.reference else "nothing"
        rows.append((arm.name, arm.title, "; ".join(changes) or unchanged))
    labels = ("Arm", "Title", "Changes")
    return Table(
        title="Arms",
        columns=tuple(Column(label=label, align="left") for label in labels),
        rows=tuple(rows),
    )


def question_lines(study: Study) -> Iterator[str]:
    """What is declared, what the design can tell, and what so many seeds can."""
    from thermodepth.statistics.default_questions import declared_kinds, questions_of
    from thermodepth.statistics.designs import estimable
    from thermodepth.statistics.multiple_testing import least_sign_flip_p

    arms = [arm.name for arm in study.arms]
    titles = {arm.name: arm.title for arm in study.arms}
    arm_factors = study.arm_factors
    questions = questions_of(arms, study.reference, titles=titles, arm_factors=arm_factors)
    kinds = declared_kinds([question.kind for question in questions])
    declared = [question.title for question in questions if question.kind in kinds]
    yield (
        f"Declared: {len(declared)} questions on {', '.join(study.primary)}, so Holm over "
        f"{len(declared) * len(study.primary)}; {len(study.claims)} claims."
    )
    yield from (f"  {title}" for title in declared)
    design = arm_factors.design
    if design.factors:
        yield f"Design: {design.kind} of {', '.join(design.factors)}."
        if design.kind != "full factorial":
            order = 2 if design.kind == "half fraction" else 1
            yield from (f"  {row.sentence}" for row in estimable(design, order=order))
    count = len(study.seeds)
    if count < 2:
        yield "One seed: run-to-run noise stays unknown, and nothing gets a verdict."
        return
    smallest_p = least_sign_flip_p(count)
    yield (
        f"{count} seeds: the exact sign-flip p is at least {smallest_p:.3g}"
        + ("; six seeds can reach .05." if smallest_p > 0.05 else ".")
    )


def cell_lines(study: Study, out: Path) -> Iterator[str]:
    """How many trainings there are to do, and how long those took that are done."""
    from thermodepth.study.design import steps_words

    cells = study.cells()
    done = [out / "cells" / cell.name for cell in cells]
    seconds = [s for s in map(_seconds, done) if s is not None]
    yield (
        f"{len(study.arms)} arms x {len(study.seeds)} seeds x {steps_words(study)} steps = "
        f"{len(cells)} cells, {len(seconds)} of them done in {out}"
    )
    if study.budget_hours is not None:
        yield f"Budget: {study.budget_hours:g} h of training; no seed is begun that would not fit."
    if seconds and len(seconds) < len(cells):
        mean = math.fsum(seconds) / len(seconds)
        remaining_h = mean * (len(cells) - len(seconds)) / 3600
        yield f"A cell trained for {mean:.0f} s; the others would take {remaining_h:.2g} h, one at a time."


def _seconds(cell: Path) -> float | None:
    """Of a cell with rows; whether they are this study's is for `study run` to say."""
    from thermodepth.study.cell import ROWS
    from thermodepth.study.cell_facts import known_seconds

    if not (cell / ROWS).is_file():
        return None
    return known_seconds(cell)
