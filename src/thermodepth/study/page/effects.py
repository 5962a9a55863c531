"""What a study found, from its rows: tables for its folder and a section for its page."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.evaluation.page.skeleton import table_html
from thermodepth.evaluation.results.tables import Table
from thermodepth.study.analysis.findings import Findings, findings
from thermodepth.study.analysis.questions import Question
from thermodepth.study.analysis.result_rows import measurements_of
from thermodepth.study.analysis.tables import effects_table, findings_tables, label_of
from thermodepth.study.design import Study
from thermodepth.study.page.forest import forest_svg
from thermodepth.study.tables.ledger_matrix import ledger_matrix, matrix_table

#: Beside the primary ones: what they are made of, and what the paper's words are about.
DESCRIPTIVE = ("silog", "log_bias", "ordinal_error", "boundary_f1", "total_variation_ratio")
_OF_A_FACTORIAL = ("main effect", "interaction")


def study_findings(rows: pa.Table, study: Study) -> Findings:
    """Every question of a study answered; arms or seeds without results are said.

    Raises:
        DataError: for arms that were not scored on the same pixels, or have no seed in common.
    """
    there = set(pc.unique(rows["metric"]).to_pylist())
    present = set(pc.unique(rows["arm"]).to_pylist())
    arms = [arm.name for arm in study.arms if arm.name in present]
    shown = [*study.primary, *(name for name in DESCRIPTIVE if name not in study.primary)]
    wanted = dict.fromkeys([*shown, *(claim.metric for claim in study.claims)])
    blocks = {
        name: measurements_of(rows, name, arms=arms, images="common")
        for name in wanted
        if name.partition(".")[0] in there
    }
    return findings(
        {name: blocks[name] for name in shown if name in blocks},
        reference=study.reference,
        primary=[name for name in study.primary if name in blocks],
        claims=study.claims,
        claimed=blocks,
        smallest_effect=study.smallest_effect,
    )


def effects_tables(found: Findings, rows: pa.Table) -> dict[str, Table]:
    """By the stem of their files: effects (primary metrics), effects_all, scopes, best, claims, ..."""
    tables = findings_tables(found)
    tables["effects_all"] = tables["effects"]
    primary = [found.measurements[name].metric for name in found.primary]
    tables["effects"] = effects_table(found, metrics=primary)
    matrix = ledger_matrix(rows, _asked(found), reference=found.reference)
    if matrix:
        tables["ledger_matrix"] = matrix_table(matrix, reference=found.reference)
    return tables


def effects_section(found: Findings, tables: Mapping[str, Table]) -> list[str]:
    """A forest plot for each primary metric, then the tables."""
    parts = []
    for name in found.primary:
        metric = found.measurements[name].metric
        of = [s for s in found.settled if s.comparison.metric == metric]
        drawn = forest_svg(of, label=label_of(metric))
        if drawn:
            parts.append(
                f"<figure>{drawn}<figcaption>95 % intervals over seeds and scenes where both can be told; "
                "the band is what is too small to matter. Filled: a verdict.</figcaption></figure>"
            )
    parts += [
        table_html(tables[name])
        for name in ("effects", "claims", "ledger_matrix", "best", "scopes", "planner")
        if name in tables
    ]
    return parts


def _asked(found: Findings) -> list[Question]:
    """Each question once; of a factorial its effects, else the differences."""
    every = {s.comparison.question.name: s.comparison.question for s in found.settled}
    effects = [q for q in every.values() if q.kind in _OF_A_FACTORIAL]
    return effects or list(every.values())
