"""What a study found: tables for its folder and the first sections of its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape

from thermodepth.report.page.skeleton import Section, folded, table_html
from thermodepth.report.study.dose_charts import CAPTION as DOSE_CAPTION
from thermodepth.report.study.dose_charts import dose_figure
from thermodepth.report.study.findings_tables import effects_table, findings_tables
from thermodepth.report.study.forest import CAPTION as FOREST_CAPTION
from thermodepth.report.study.forest import forest_svg
from thermodepth.report.study.heatmap import CAPTION as HEAT_CAPTION
from thermodepth.report.study.heatmap import effects_map
from thermodepth.report.study.ledger_table import matrix_table
from thermodepth.report.study.level_charts import CAPTION as LEVEL_CAPTION
from thermodepth.report.study.level_charts import TABLE as LEVEL_TABLE
from thermodepth.report.study.level_charts import TABLE_BY_RANGE, level_figure, place_tables
from thermodepth.report.study.matrix import matrix_html
from thermodepth.report.study.pattern_tables import READINGS, SIGNS, pattern_tables
from thermodepth.report.study.readings import level_readings
from thermodepth.report.table import Table
from thermodepth.statistics.comparison import TestedComparison
from thermodepth.statistics.findings import Findings
from thermodepth.statistics.labels import label_of
from thermodepth.study.results.ledger_matrix import PartChange
from thermodepth.study.results.level_ranges import PlaceEffect


def effects_tables(
    findings: Findings,
    matrix: Mapping[str, Mapping[str, PartChange]],
    places: Sequence[PlaceEffect] = (),
) -> dict[str, Table]:
    """By the stem of their files: verdicts, effects (primary metrics), effects_all, scopes, best, ..."""
    tables = findings_tables(findings)
    tables["effects_all"] = tables["effects"]
    tables["effects"] = effects_table(findings, metrics=_primary(findings))
    declared = replace(findings, tested=tuple(s for s in findings.tested if s.declared))
    tables["verdicts"] = effects_table(declared, metrics=_primary(findings))
    tables |= pattern_tables(findings)
    if matrix:
        tables["ledger_matrix"] = matrix_table(matrix, reference=findings.reference)
    if places:
        factors = dict.fromkeys(curve.effects.factor for curve in findings.levels)
        readings = level_readings(findings)
        for stem, table in place_tables(places, factor=" and ".join(factors)).items():
            tables[stem] = replace(table, notes=(*table.notes, *readings))
    return tables


def answers(
    findings: Findings,
    tables: Mapping[str, Table],
    matrix: Mapping[str, Mapping[str, PartChange]],
) -> list[Section]:
    """The sections that a person reads first: levels, readings, effects, interactions, doses, the ledger."""
    heat = [
        f"<figure><figcaption>{escape(label_of(metric))}</figcaption>"
        f'<div class="scroll">{drawn}</div></figure>'
        for metric in _primary(findings)
        if (drawn := effects_map(_of(findings, metric), label=label_of(metric)))
    ]
    doses = [
        drawn
        for curve in findings.doses
        if curve.metric in _primary(findings) and (drawn := dose_figure(curve))
    ]
    levels = [drawn for curve in findings.levels if (drawn := level_figure(curve))]
    at_levels = _charts(levels, LEVEL_CAPTION, "charts")
    if LEVEL_TABLE in tables:
        at_levels.append(table_html(tables[LEVEL_TABLE]))
    if TABLE_BY_RANGE in tables:
        at_levels.append(folded(tables[TABLE_BY_RANGE]))
    parts = {
        ("levels", "At each level"): at_levels,
        ("readings", "Readings of the paper's loss"): [
            table_html(tables[stem]) for stem in (READINGS, SIGNS) if stem in tables
        ],
        ("effects", "Effects and claims"): _effects(findings, tables),
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


def _effects(findings: Findings, tables: Mapping[str, Table]) -> list[str]:
    """Claims, then for each primary metric what has a verdict, and folded what is descriptive."""
    declared = [s for s in findings.tested if s.declared]
    parts = [table_html(tables["claims"], wordy=True)] if "claims" in tables else []
    plots = [
        (metric, drawn)
        for metric in _primary(findings)
        if (drawn := forest_svg(_of(findings, metric, declared), label=label_of(metric)))
    ]
    parts += [f'<figure><div class="scroll">{drawn}</div></figure>' for _, drawn in plots]
    if plots:
        parts.append(f'<p class="caption">{escape(FOREST_CAPTION)}</p>')
    parts.append(table_html(tables["verdicts"], wordy=bool(findings.switched)))
    if "shares" in tables:
        parts.append(folded(tables["shares"]))
    others = [
        s for s in findings.tested if not s.declared and s.comparison.metric in _primary(findings)
    ]
    further = "".join(
        f'<figure><div class="scroll">{drawn}</div></figure>'
        for metric in _primary(findings)
        if (drawn := forest_svg(_of(findings, metric, others), label=label_of(metric)))
    )
    if further:
        parts.append(
            f"<details><summary>{len(others)} further comparisons of the same metrics, descriptive</summary>"
            f"{further}</details>"
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


def _primary(findings: Findings) -> list[str]:
    return [findings.measurements[name].metric for name in findings.primary]


def _of(
    findings: Findings, metric: str, tested: Sequence[TestedComparison] | None = None
) -> list[TestedComparison]:
    some = findings.tested if tested is None else tested
    return [s for s in some if s.comparison.metric == metric]
