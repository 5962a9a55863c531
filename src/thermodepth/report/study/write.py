"""From a finished study folder to its tables, figures and report: read once, compute once, print.

Everything is made from what lies in the folder, so the same cells give the same bytes, whenever and
however often they were interrupted on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from thermodepth.data import Dataset
from thermodepth.evaluation.rows.rows import write_rows
from thermodepth.files import write_text
from thermodepth.report.gradients.writing import FOLDER as GRADIENTS
from thermodepth.report.gradients.writing import write_study_gradients
from thermodepth.report.study.answers import effects_tables
from thermodepth.report.study.facts import page_facts, study_notes
from thermodepth.report.study.figures import (
    FILES,
    DrawnFigure,
    figure,
    figure_arms,
    write_figures,
)
from thermodepth.report.study.longer import as_published, longer_table
from thermodepth.report.study.methods import methods_text
from thermodepth.report.study.page import report_html
from thermodepth.report.study.pattern_tables import READINGS
from thermodepth.report.study.readings import reading_notes
from thermodepth.report.study.scenes import picked_scene
from thermodepth.report.study.shares_table import shares_table
from thermodepth.report.study.tables import study_table, study_tables
from thermodepth.report.study.training_methods import training_methods
from thermodepth.report.study.tuning import STEM as TUNING
from thermodepth.report.study.tuning import tuning_sections, tuning_tables
from thermodepth.report.table import Table, write_tables
from thermodepth.statistics.twin import twin_sentence
from thermodepth.study.design import Study
from thermodepth.study.pairing import pairing_words
from thermodepth.study.results.facts import StudyFacts
from thermodepth.study.results.findings import StudyFindings, compute_findings
from thermodepth.study.results.frames import rule_of
from thermodepth.study.results.record import read_study
from thermodepth.study.run import StudyState
from thermodepth.study.switched_record import write_switched
from thermodepth.study.tuned import TunedWeights
from thermodepth.study.tuning.findings import LevelChoices

CHANGES = "changes.json"  # each arm's change, as `study.results.published` reads it
#: Tables of changes that get the reading of each arm below.
BESIDE_READINGS = ("table", "table_beside_paper")
IN_THE_TERMINAL = ("abs_rel", "rmse", "silog", "delta_1")  # what 80 columns hold


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResults:
    """What a person looks at."""

    table: Table  # the paper's columns and a few more, for a terminal; the files have all
    files: Sequence[Path]
    beside: Table | None = None  # the changes beside those of a longer study that is published
    readings: Table | None = None  # of the paper's loss, beside its table


def write_results(
    study: Study,
    state: StudyState,
    dataset: Dataset,
    *,
    choices: LevelChoices | None = None,
    chosen: TunedWeights | None = None,
) -> StudyResults:
    """Write rows, tables, figures and the report of the cells that are done; they name those that are not.

    Args:
        study: settings resolved against the data set.
        state: what became of its cells.
        dataset: that it is scored on.
        choices: of the search of weights that the study is, where it is one.
        chosen: the same as later studies read it.

    Raises:
        StudyError: when arms of one seed did not share what they do not edit, or the reference has
            no results.
        DataError: when a cell's files are missing or damaged.
    """
    record = read_study(study, state, dataset)
    findings = compute_findings(record)
    write_rows(record.rows, state.folder.path / "rows.parquet")
    write_switched(state.folder.path, findings.contrasts.switched)
    return print_study(state.folder.path, record.facts, findings, choices=choices, chosen=chosen)


def print_study(
    out: Path,
    facts: StudyFacts,
    findings: StudyFindings,
    *,
    choices: LevelChoices | None = None,
    chosen: TunedWeights | None = None,
) -> StudyResults:
    """Write everything that is printed of a study, or of a search of weights, into its folder."""
    contrasts = findings.contrasts
    notes = study_notes(facts)
    effects = effects_tables(contrasts, findings.ledger, findings.places)
    tables = study_tables(findings.tables)
    beside = longer_table(findings.tables, facts.published) if facts.published else None
    if beside is not None:
        tables["table_beside_longer"] = beside
    readings = reading_notes(contrasts)
    for stem in BESIDE_READINGS:
        if stem in tables:
            tables[stem] = _with_notes(tables[stem], readings)
    if findings.shares is not None:
        effects["shares"] = shares_table(findings.shares, contrasts.titles)
    searched = tuning_tables(choices, chosen) if choices and chosen else {}
    written = write_tables(
        out, {**searched, **tables, "table": _with_notes(tables["table"], notes), **effects}
    )
    methods = methods_text(
        contrasts,
        pairing=pairing_words(facts.study),
        training=training_methods(facts, chosen=chosen),
    )
    write_text(out / "METHODS.md", methods)
    text = as_published(facts.study, facts.protocol.protocol_id(), findings.tables)
    write_text(out / CHANGES, text)
    figures = draw_figures(findings)
    written += write_figures(out, figures)
    write_study_gradients(out / GRADIENTS, findings.gradients)
    scenes = findings.scenes
    page = out / "report.html"
    html = report_html(
        page_facts(facts, twin=twin_sentence(contrasts.tested)),
        findings,
        tables={**tables, **effects},
        methods=methods,
        figures=figures,
        scenes=[picked_scene(scene, scenes.arms) for scene in scenes.scenes],
        search=tuning_sections(choices, searched) if choices else (),
    )
    write_text(page, html)
    first = (f"{TUNING}.md", "table.md", "fig1_structure.png", "fig2_metric.png")
    short = study_table(findings.tables, metrics=IN_THE_TERMINAL)
    return StudyResults(
        table=_with_notes(searched.get(TUNING, short), [*readings, *notes]),
        files=[page, *(path for path in written if path.name in first)],
        beside=beside,
        readings=effects.get(READINGS),
    )


def draw_figures(findings: StudyFindings) -> list[DrawnFigure]:
    """Both figures; none of a study with a single arm to show."""
    scenes, lines = findings.scenes, findings.tables.lines
    arms = figure_arms(scenes.arms, lines.reference)
    if len(arms) < 2:
        return []
    rule = rule_of(lines.title(lines.reference))
    return [
        figure(kind, scenes.scenes, arms=arms, seed=scenes.seed, rule=rule, total=len(scenes.arms))
        for kind in FILES
    ]


def _with_notes(table: Table, notes: Sequence[str]) -> Table:
    return replace(table, notes=(*table.notes, *notes))
