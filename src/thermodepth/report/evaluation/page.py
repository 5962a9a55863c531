"""An evaluation as one page: tables, charts, and the frames that a rule chose, to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from thermodepth.evaluation.results.picked import rule_words
from thermodepth.evaluation.scoring.density import DepthDensity
from thermodepth.files import read_text, write_text
from thermodepth.report.evaluation.figures import ledger_figure, range_figures, scatter_figures
from thermodepth.report.page.scenes import (
    PickedScene,
    picks_html,
    scenes_html,
    viewer_script,
    viewer_style,
)
from thermodepth.report.page.skeleton import (
    Section,
    document,
    facts_html,
    notes_html,
    table_html,
)
from thermodepth.report.table import Table

LEDGER = "ledger"  # the anchor of the section whose tables the bars stand above
_SORTABLE_ROWS = 12  # longer tables, one line a name, are sorted by a press on a heading
_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSection:
    """Tables under one heading."""

    anchor: str  # a word; of the page's own ones only "ledger" may be taken
    heading: str
    tables: Sequence[Table]
    words: str = ""  # a paragraph above them


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvaluationPage:
    """Everything the page shows. All words are plain text. What is empty is left out."""

    title: str
    lead: str = ""  # the finding in a sentence or two
    facts: Mapping[str, str]  # data, split, frames, model, protocol, ... in this order
    notes: Sequence[str] = ()  # what a reader must know before the first number
    sections: Sequence[PageSection] = ()  # the first stands before all pictures, the others after
    densities: Mapping[str, DepthDensity] = field(default_factory=dict)  # arm -> all its frames
    #: Each with the arms of the first, in its order; the first arm's prediction is on the stage.
    scenes: Sequence[PickedScene] = ()
    rule: str = field(default_factory=rule_words)  # how the scenes were chosen
    #: arm -> {part of the error: its size}, none negative, so that they add up to a bar.
    ledger: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    ledger_words: str = (
        "Each bar is the whole of one error, split into its parts. The number is its size, and so is the "
        "length of the thin line."
    )
    provenance: Mapping[str, str] = field(default_factory=dict)


def page_html(page: EvaluationPage) -> str:
    """The whole page. The same input gives the same bytes.

    Raises:
        DataError: naming the frame, for a scene without truth or without a prediction of an arm.
    """
    tables = [_table_section(section, page) for section in page.sections]
    if page.ledger and LEDGER not in {section.anchor for section in page.sections}:
        tables.append(Section(anchor=LEDGER, heading="Error ledger", parts=_ledger(page)))
    sections = [
        *tables[:1],
        Section(anchor="range", heading="Depth and range", parts=_densities(page)),
        Section(anchor="frames", heading="Frames", parts=_scenes(page)),
        *tables[1:],
        Section(
            anchor="provenance",
            heading="Provenance",
            parts=[facts_html(page.provenance)] if page.provenance else [],
        ),
    ]
    anchors = [section.anchor for section in sections]
    assert len(set(anchors)) == len(anchors), f"two sections of one anchor: {anchors}"
    return document(
        title=page.title,
        lead=_lead(page),
        sections=sections,
        style=read_text(_FOLDER / "page.css") + viewer_style(),
        script=viewer_script() if page.scenes else "",
    )


def write_page(path: Path, page: EvaluationPage) -> None:
    """Write `page_html`, whole or not at all.

    Raises:
        DataError: as `page_html`.
    """
    write_text(path, page_html(page))


def _lead(page: EvaluationPage) -> str:
    lead = f'<p class="lead">{escape(page.lead)}</p>\n' if page.lead else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in page.notes)
    return lead + facts_html(page.facts) + (f'<ul class="remarks">{notes}</ul>' if notes else "")


def _table_section(section: PageSection, page: EvaluationPage) -> Section:
    parts = [f"<p>{escape(section.words)}</p>"] if section.words else []
    if section.anchor == LEDGER and page.ledger:
        parts += _ledger(page)
    for table in section.tables:
        names = [row[0] for row in table.rows]
        long = len(names) > _SORTABLE_ROWS and len(set(names)) == len(names)
        parts.append(table_html(table, sortable=long))
    return Section(anchor=section.anchor, heading=section.heading, parts=parts)


def _densities(page: EvaluationPage) -> list[str]:
    if not page.densities:
        return []
    return [
        "<h3>Predicted against true depth</h3>",
        scatter_figures(page.densities),
        notes_html(
            [
                "Pixels of all frames, pooled; stronger is more, logarithmic. The full line is right, the "
                "dashed ones are off by a factor of 1.25, and the share between them is from bins."
            ]
        ),
        "<h3>Error against range</h3>",
        range_figures(page.densities),
        notes_html(
            [
                "From bins of equal factors of true depth over the pooled pixels of all frames, while the "
                "tables average frames; the bars along the floor are how many pixels lie there. ×: "
                "predicted too far, ÷: too near. A curve that leaves its chart goes on outside."
            ]
        ),
    ]


def _ledger(page: EvaluationPage) -> list[str]:
    return [f"<p>{escape(page.ledger_words)}</p>", ledger_figure(page.ledger)]


def _scenes(page: EvaluationPage) -> list[str]:
    if not page.scenes:
        return []
    return [f"<p>{escape(page.rule)}</p>", picks_html(page.scenes), *scenes_html(page.scenes)]
