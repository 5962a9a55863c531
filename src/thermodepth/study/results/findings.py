"""What a study found: every number of its tables, figures and page, computed once from its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.statistics.default_questions import declared_kinds
from thermodepth.statistics.findings import Findings, analyze
from thermodepth.statistics.labels import label_of
from thermodepth.statistics.questions import Question
from thermodepth.study.design import Study
from thermodepth.study.gradients.findings import ArmGradients, arm_gradients
from thermodepth.study.results.entries import TableEntries, table_entries
from thermodepth.study.results.fitted_scenes import FittedScenes, fit_scenes
from thermodepth.study.results.frames import FrameErrors
from thermodepth.study.results.ledger_matrix import PartChange, ledger_matrix
from thermodepth.study.results.level_ranges import PlaceEffect, place_effects
from thermodepth.study.results.lines import metric_depth_rows
from thermodepth.study.results.record import StudyRecord
from thermodepth.study.results.result_rows import measurements_of
from thermodepth.study.results.shares import (
    ArmShares,
    StudyShares,
    arm_shares,
    study_shares,
    switched_by,
)
from thermodepth.study.results.training_logs import LoggedColumn, logged_columns

#: Beside the primary ones: what they are made of, and what the paper's words are about.
DESCRIPTIVE = ("silog", "log_bias", "ordinal_error", "boundary_f1", "total_variation_ratio")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudyFindings:
    """Everything that is printed of a study's numbers."""

    contrasts: Findings  # questions, verdicts, claims, doses
    tables: TableEntries
    ledger: Mapping[str, Mapping[str, PartChange]]  # question -> part of the error -> change
    errors: FrameErrors
    curves: tuple[LoggedColumn, ...]
    scenes: FittedScenes
    gradients: tuple[ArmGradients, ...]  # of arms that have diagnostics
    shares: StudyShares | None = None  # what loss terms weigh; None where nobody knows the settings
    places: tuple[PlaceEffect, ...] = ()  # of switches at levels of something else, by distance


def compute_findings(record: StudyRecord) -> StudyFindings:
    """Answer every question of a study, once.

    Raises:
        DataError: for arms that were not scored on the same pixels, or a shown frame without truth.
        StudyError: for a reference without results.
    """
    study = record.facts.study
    shares = arm_shares(study, record.facts.finished, record.curves)
    contrasts = study_contrasts(record.rows, study, shares=shares)
    scored = metric_depth_rows(record.rows)
    return StudyFindings(
        contrasts=contrasts,
        tables=table_entries(
            scored,
            arms=record.arms,
            reference=study.reference,
            answers=contrasts,
        ),
        ledger=ledger_matrix(
            record.rows, declared_questions(contrasts), reference=contrasts.reference
        ),
        errors=record.errors,
        curves=logged_columns(record.curves, arms=[arm.name for arm in record.arms]),
        scenes=fit_scenes(record.scenes),
        gradients=tuple(arm_gradients(diagnostics) for diagnostics in record.diagnostics),
        places=place_effects(scored, study, contrasts),
        shares=study_shares(study, shares),
    )


def study_contrasts(
    rows: pa.Table, study: Study, *, shares: Mapping[str, ArmShares] | None = None
) -> Findings:
    """Every question of a study answered; arms or seeds without results are said.

    Args:
        rows: of its cells.
        study: whose settings say what each question switches.
        shares: what that weighs in each arm; None: nobody recorded it.

    Raises:
        DataError: for arms that were not scored on the same pixels.
    """
    measured = set(pc.unique(rows["metric"]).to_pylist())
    # With results or without: what was declared stays declared.
    arms = [arm.name for arm in study.arms]
    printed = [*study.primary, *(name for name in DESCRIPTIVE if name not in study.primary)]
    quantities = dict.fromkeys([*printed, *(claim.metric for claim in study.claims)])
    blocks = {
        name: measurements_of(rows, name, arms=arms, images="common")
        for name in quantities
        if name.partition(".")[0] in measured
    }
    contrasts = analyze(
        {name: blocks[name] for name in printed if name in blocks},
        reference=study.reference,
        titles={arm.name: arm.title for arm in study.arms},
        arm_factors=study.arm_factors,
        primary=[name for name in study.primary if name in blocks],
        claims=study.claims,
        claimed=blocks,
        smallest_effect=study.smallest_effect,
    )
    lost = [
        f"No results in {label_of(n)}, a primary metric." for n in study.primary if n not in blocks
    ]
    questions = [
        *(s.comparison.question for s in contrasts.tested),
        *(claim.question for claim in study.claims),
    ]
    return replace(
        contrasts,
        unanswered=(*contrasts.unanswered, *lost),
        switched=switched_by(study, {q.name: q for q in questions}.values(), shares),
    )


def declared_questions(contrasts: Findings) -> list[Question]:
    """Each declared question once: of a factorial its effects, else the differences."""
    every = {s.comparison.question.name: s.comparison.question for s in contrasts.tested}
    kinds = declared_kinds(question.kind for question in every.values())
    return [question for question in every.values() if question.kind in kinds]
