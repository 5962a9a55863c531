"""What a study found, from its rows: tables for its folder and the first sections of its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.report.page.skeleton import Section, table_html
from thermodepth.report.study.dose_charts import CAPTION as DOSE_CAPTION
from thermodepth.report.study.dose_charts import dose_figure
from thermodepth.report.study.findings_tables import effects_table, findings_tables
from thermodepth.report.study.forest import CAPTION as FOREST_CAPTION
from thermodepth.report.study.forest import forest_svg
from thermodepth.report.study.heatmap import CAPTION as HEAT_CAPTION
from thermodepth.report.study.heatmap import effects_map
from thermodepth.report.study.ledger_table import matrix_table
from thermodepth.report.study.matrix import matrix_html
from thermodepth.report.table import Table
from thermodepth.statistics.comparison import Settled
from thermodepth.statistics.default_questions import declared_kinds
from thermodepth.statistics.findings import Findings, findings
from thermodepth.statistics.labels import label_of
from thermodepth.statistics.questions import Question
from thermodepth.study.design import Study
from thermodepth.study.results.ledger_matrix import Entry, ledger_matrix
from thermodepth.study.results.result_rows import measurements_of

#: Beside the primary ones: what they are made of, and what the paper's words are about.
DESCRIPTIVE = ("silog", "log_bias", "ordinal_error", "boundary_f1", "total_variation_ratio")


def study_findings(rows: pa.Table, study: Study) -> Findings:
    """Every question of a study answered; arms or seeds without results are said.

    Raises:
        DataError: for arms that were not scored on the same pixels.
    """
    there = set(pc.unique(rows["metric"]).to_pylist())
    arms = [
        arm.name for arm in study.arms
    ]  # with results or without: what was declared stays declared
    shown = [*study.primary, *(name for name in DESCRIPTIVE if name not in study.primary)]
    wanted = dict.fromkeys([*shown, *(claim.metric for claim in study.claims)])
    blocks = {
        name: measurements_of(rows, name, arms=arms, images="common")
        for name in wanted
        if name.partition(".")[0] in there
    }
    found = findings(
        {name: blocks[name] for name in shown if name in blocks},
        reference=study.reference,
        titles={arm.name: arm.title for arm in study.arms},
        asked=study.asked,
        primary=[name for name in study.primary if name in blocks],
        claims=study.claims,
        claimed=blocks,
        smallest_effect=study.smallest_effect,
    )
    lost = [
        f"No results in {label_of(n)}, a primary metric." for n in study.primary if n not in blocks
    ]
    return replace(found, unanswered=(*found.unanswered, *lost))


def study_matrix(found: Findings, rows: pa.Table) -> dict[str, Mapping[str, Entry]]:
    """Question -> part of the error -> change: of a factorial its effects, else the differences."""
    return ledger_matrix(rows, _asked(found), reference=found.reference)


def effects_tables(found: Findings, matrix: Mapping[str, Mapping[str, Entry]]) -> dict[str, Table]:
    """By the stem of their files: verdicts, effects (primary metrics), effects_all, scopes, best, ..."""
    tables = findings_tables(found)
    tables["effects_all"] = tables["effects"]
    tables["effects"] = effects_table(found, metrics=_primary(found))
    declared = replace(found, settled=tuple(s for s in found.settled if s.declared))
    tables["verdicts"] = effects_table(declared, metrics=_primary(found))
    if matrix:
        tables["ledger_matrix"] = matrix_table(matrix, reference=found.reference)
    return tables


def answers(
    found: Findings,
    tables: Mapping[str, Table],
    matrix: Mapping[str, Mapping[str, Entry]],
) -> list[Section]:
    """The sections that a person reads first: effects and claims, interactions, doses, parts of the error."""
    heat = [
        f"<figure><figcaption>{escape(label_of(metric))}</figcaption>"
        f'<div class="scroll">{drawn}</div></figure>'
        for metric in _primary(found)
        if (drawn := effects_map(_of(found, metric), label=label_of(metric)))
    ]
    doses = [
        drawn
        for curve in found.doses
        if curve.metric in _primary(found) and (drawn := dose_figure(curve))
    ]
    parts = {
        ("effects", "Effects and claims"): _effects(found, tables),
        ("interactions", "Main effects and interactions"): _charts(heat, HEAT_CAPTION, "heats"),
        ("doses", "Dose curves"): _charts(doses, DOSE_CAPTION, "charts"),
        ("ledger", "Which part of the error"): [matrix_html(tables["ledger_matrix"], matrix)]
        if "ledger_matrix" in tables
        else [],
    }
    return [Section(anchor=a, heading=h, parts=each) for (a, h), each in parts.items()]


def further_tables(tables: Mapping[str, Table]) -> list[Table]:
    """What stands behind the verdicts, for those who ask."""
    return [tables[name] for name in ("best", "scopes", "planner") if name in tables]


def _effects(found: Findings, tables: Mapping[str, Table]) -> list[str]:
    """Claims, then for each primary metric what has a verdict, and folded what is descriptive."""
    declared = [s for s in found.settled if s.declared]
    parts = [table_html(tables["claims"], wordy=True)] if "claims" in tables else []
    plots = [
        (metric, drawn)
        for metric in _primary(found)
        if (drawn := forest_svg(_of(found, metric, declared), label=label_of(metric)))
    ]
    parts += [f'<figure><div class="scroll">{drawn}</div></figure>' for _, drawn in plots]
    if plots:
        parts.append(f'<p class="caption">{escape(FOREST_CAPTION)}</p>')
    parts.append(table_html(tables["verdicts"]))
    others = [s for s in found.settled if not s.declared and s.comparison.metric in _primary(found)]
    folded = "".join(
        f'<figure><div class="scroll">{drawn}</div></figure>'
        for metric in _primary(found)
        if (drawn := forest_svg(_of(found, metric, others), label=label_of(metric)))
    )
    if folded:
        parts.append(
            f"<details><summary>{len(others)} further comparisons of the same metrics, descriptive</summary>"
            f"{folded}</details>"
        )
    return parts


def _charts(figures: Sequence[str], caption: str, kind: str) -> list[str]:
    if not figures:
        return []
    drawn = "\n".join(figures)
    return [
        f'<div class="{kind}">\n{drawn}\n</div>',
        f'<p class="caption">{escape(caption)}</p>',
    ]


def _primary(found: Findings) -> list[str]:
    return [found.measurements[name].metric for name in found.primary]


def _of(found: Findings, metric: str, settled: Sequence[Settled] | None = None) -> list[Settled]:
    some = found.settled if settled is None else settled
    return [s for s in some if s.comparison.metric == metric]


def _asked(found: Findings) -> list[Question]:
    """Each declared question once: of a factorial its effects, else the differences."""
    every = {s.comparison.question.name: s.comparison.question for s in found.settled}
    kinds = declared_kinds(question.kind for question in every.values())
    return [question for question in every.values() if question.kind in kinds]
