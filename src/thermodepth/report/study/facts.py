"""What was run and where its numbers come from, in words for the page."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thermodepth.config import difference
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.report.study.machines import machines_of
from thermodepth.statistics.labels import counted
from thermodepth.statistics.questions import is_twin
from thermodepth.study.design import TEST_SPLIT, Study
from thermodepth.study.results.cells import CellRecord
from thermodepth.study.results.facts import ArmTraining, StudyFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """All of a study's page but its numbers. All words are plain text."""

    title: str
    setup: Mapping[str, str]  # what was run: "Data", "Teacher", "Steps", ... in this order
    protocol: Protocol  # that the rows were made under
    #: arm -> {dotted setting: (the reference's value, the arm's)}, as `config.difference` gives it
    edits: Mapping[str, Mapping[str, tuple[Any, Any]]]
    provenance: Mapping[str, str]  # identity, versions, device, command, wall time, ...
    remarks: Sequence[str] = ()  # what a reader must know: frames skipped, cells that failed
    cells: Sequence[CellRecord] = ()
    frames: str = "test frames"  # what was scored, in the plural


def page_facts(facts: StudyFacts, *, twin: str) -> PageFacts:
    """What the page says of a study beside its numbers.

    Args:
        facts: of the study.
        twin: the sentence of `statistics.twin`; empty without a twin.
    """
    study = facts.study
    return PageFacts(
        title=study.title,
        setup=setup_facts(facts, twin=twin),
        protocol=facts.protocol,
        edits={
            arm.name: difference(study.settings, study.settings.edit(arm.edits))
            for arm in study.arms
        },
        provenance=provenance_facts(facts),
        remarks=[*study_notes(facts), *_skipped_frames(facts)],
        cells=facts.cells,
        frames=scored_words(study),
    )


def study_notes(facts: StudyFacts) -> list[str]:
    """What a reader must know: cells without results, arms that ended alike, useless teachers."""
    return [*missing_notes(facts.missing), *facts.notes]


def scored_words(study: Study) -> str:
    """The frames that a study is scored on, in the plural."""
    split = study.scored_split
    return "test frames" if split == TEST_SPLIT else f"frames of the split '{split}'"


def missing_notes(missing: Sequence[str]) -> list[str]:
    """What a reader must know of the cells that have no results; nothing where all have."""
    return [f"No results: {'; '.join(missing)}."] if missing else []


def setup_facts(facts: StudyFacts, *, twin: str) -> dict[str, str]:
    """What was run: the reference's, and of other arms what parts from it."""
    study, data = facts.study, facts.data
    by_heading: dict[str, dict[str, str]] = {}  # heading -> words -> titles of the arms
    for arm in sorted(study.arms, key=lambda arm: arm.name != study.reference):
        if is_twin(arm.name, study.reference):
            continue
        for heading, words in _trained_by(facts.trainings[arm.name]).items():
            titles = by_heading.setdefault(heading, {})
            titles[words] = f"{titles[words]}, {arm.title}" if words in titles else arm.title
    is_test = study.scored_split == TEST_SPLIT
    split_words = "" if is_test else f" of the split '{study.scored_split}'"
    setup = {
        "Data": f"{data.note} ({data.licence})",
        "Tested on" if is_test else "Scored on": (
            f"{data.splits[study.scored_split]} frames{split_words}, {facts.finished[0].frames} scored"
        ),
    }
    for heading, titles in by_heading.items():
        (usual, _), *others = titles.items()
        setup[heading] = "; ".join([usual, *(f"{arms}: {words}" for words, arms in others)])
    if study.tuned is not None:
        searched = study.tuned
        setup["Weights"] = (
            f"searched on {counted(searched.frames, 'frame')} of '{searched.split}' ({searched.name}, "
            f"{searched.study})"
        )
    if twin:
        setup["A/A twin"] = twin.removeprefix("A/A twin: ").capitalize()
    return setup


def _trained_by(training: ArmTraining) -> dict[str, str]:
    """Of one arm's settings what a reader asks first."""
    settings, count = training.settings, training.frames
    rows, columns = training.size
    most = settings.data.most_frames
    drawn = f" of {count}, drawn anew by every seed" if most is not None and most < count else ""
    data = f" of {training.elsewhere}" if training.elsewhere else ""
    limits = settings.data.truth.words
    truth = f", truth {limits}" if limits else ""
    return {
        "Trained on": f"{counted(min(count, most or count), 'frame')}{drawn}{data}{truth}",
        "Teacher": training.teacher,
        "Training": f"{settings.steps} steps of {settings.data.batch_size} at {columns}x{rows}",
        "Encoder": f"{settings.model.encoder}, first weights {settings.model.weights}",
    }


def provenance_facts(facts: StudyFacts) -> dict[str, str]:
    """Identity, digests, versions, machines, and the command that this process is."""
    environments = [cell.environment or {} for cell in facts.finished]
    first = environments[0]
    packages = ", ".join(f"{name} {version}" for name, version in first["packages"].items())
    return {
        "Study": facts.identity,
        "Settings": facts.study.settings.fingerprint(),
        **_extensions(facts.study),
        "Data fingerprint": facts.data.fingerprint,
        "Labels": _of_first_seed(facts.finished, "labels"),
        "First weights": _of_first_seed(facts.finished, "first_weights"),
        "Batches": _of_first_seed(facts.finished, "batches"),
        "thermodepth": f"{first['thermodepth']} ({first['revision'] or 'installed package'})",
        "Python": str(first["python"]),
        "Packages": packages,
        **machines_of(environments),
        "Command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "Training time": f"{facts.seconds:.0f} s over {len(facts.finished)} cells",
    }


def _extensions(study: Study) -> dict[str, str]:
    """What is no part of thermodepth; nothing where nothing is."""
    words = [f"{record.name} (sha256 {record.sha256})" for record in study.settings.extensions]
    return {"Extensions": ", ".join(words)} if words else {}


def _of_first_seed(cells: Sequence[CellRecord], name: str) -> str:
    """A digest of the first seed's cells: most often one for all arms."""
    values: dict[str, list[str]] = {}
    for cell in cells:
        if cell.seed == cells[0].seed:
            values.setdefault(str(getattr(cell, name)), []).append(cell.arm)
    (usual, _), *others = values.items()
    return "; ".join([usual, *(f"{', '.join(arms)}: {fact}" for fact, arms in others)])


def _skipped_frames(facts: StudyFacts) -> list[str]:
    skipped = dict.fromkeys(frame for cell in facts.finished for frame in cell.skipped)
    if not skipped:
        return []
    return [
        f"{len(skipped)} {scored_words(facts.study)} have too little truth in range: {', '.join(skipped)}."
    ]
