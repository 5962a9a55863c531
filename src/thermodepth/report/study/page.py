"""A study as one page: what it found first, then what that stands on, in a single file that needs no network.

`report.page.skeleton` escapes the words and forbids the page to load anything.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.errors import StudyError
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows.rows import protocol_of
from thermodepth.files import read_text
from thermodepth.report.page.scenes import (
    PickedScene,
    picks_html,
    scenes_html,
    viewer_script,
    viewer_style,
)
from thermodepth.report.page.skeleton import (
    Section,
    data_uri,
    document,
    facts_html,
    folded,
    table_html,
)
from thermodepth.report.study.curves import Curve, draw_curves, line_class
from thermodepth.report.study.figures import DrawnFigure
from thermodepth.report.study.frames_table import frames_table
from thermodepth.report.study.methods_html import methods_html
from thermodepth.report.study.notes import beaten_notes
from thermodepth.report.study.provenance import CellRecord, cells_table, edits_table
from thermodepth.report.study.tables import COMPARED, study_tables
from thermodepth.report.table import Table
from thermodepth.statistics.comparison import ONE_RECORDING, ONE_RUN, change_words
from thermodepth.statistics.labels import counted
from thermodepth.study.results.entries import Part, parts_of
from thermodepth.study.results.frames import PickedFrame
from thermodepth.study.results.lines import ArmLabel, Lines, lines_of

MOST_FRAMES = 1000  # lines of the table of frames; the rows file has all
#: Of one figure, and of all pictures of the scenes: in base64 a third more, and the page stays below 6 MB.
MOST_FIGURE_BYTES = 950_000
MOST_SCENE_BYTES = 2_200_000
_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyReport:
    """Everything the page shows. All words are plain text."""

    title: str
    setup: Mapping[str, str]  # what was run: "Data", "Teacher", "Steps", ... in this order
    protocol: Protocol  # that the rows were made under
    arms: Sequence[ArmLabel]
    reference: str
    rows: pa.Table  # all cells and baselines
    figures: Sequence[DrawnFigure] = ()
    picked: Sequence[PickedFrame] = ()  # the frames of the figures
    curves: Sequence[Curve] = ()
    #: arm -> {dotted setting: (the reference's value, the arm's)}, as `config.difference` gives it
    edits: Mapping[str, Mapping[str, tuple[Any, Any]]]
    provenance: Mapping[str, str]  # identity, versions, device, command, wall time, ...
    remarks: Sequence[str] = ()  # what a reader must know: frames skipped, cells that failed
    summary: str = ""  # what was found, in sentences
    answers: Sequence[Section] = ()  # effects, interactions, doses, ledger, as `answers` draws them
    scenes: Sequence[PickedScene] = ()  # the picked frames for the viewer, with all arms
    scenes_words: str = ""  # whose predictions they show, and the rule they were chosen by
    further: Sequence[Table] = ()  # below the tables of results
    gradients: Sequence[str] = ()  # HTML
    methods: str = ""  # Markdown, as `analysis.methods` writes it
    cells: Sequence[CellRecord] = ()


def report_html(report: StudyReport) -> str:
    """The whole page.

    Raises:
        StudyError: when the rows were made under another protocol than the report names.
        StudyError, DataError: as `table.study_tables`.
    """
    if protocol_of(report.rows) != report.protocol.protocol_id():
        raise StudyError(
            f"the results were made under protocol {protocol_of(report.rows)}, and the report names "
            f"{report.protocol.protocol_id()}: score the stored predictions again"
        )
    tables = study_tables(report.rows, arms=report.arms, reference=report.reference)
    results = [
        table_html(tables["table"], rules={len(report.arms)}),  # a line above the baselines
        *(table_html(tables[n]) for n in ("table_beside_paper",) if n in tables),
    ]
    parts: list[tuple[str, str, list[str]]] = [
        ("figures", "Figures", [_figure_html(n, f) for n, f in enumerate(report.figures, 1)]),
        ("scenes", "Side by side", _scenes(report)),
        ("results", "Results", results),
        ("distance", "By distance", [table_html(tables["table_by_range"])]),
        ("condition", "By condition", [table_html(tables["table_by_condition"])]),
        ("further", "Behind the verdicts", [folded(table) for table in report.further]),
        ("curves", "Learning curves", _curves(report)),
        ("gradients", "Gradients", list(report.gradients)),
        ("frames", "Frames", [table_html(_frames(report), sortable=True)]),
        ("methods", "Methods", methods_html(report.methods)),
        ("provenance", "Provenance", _provenance(report)),
    ]
    sections = [Section(anchor=a, heading=h, parts=p) for a, h, p in parts]
    return document(
        title=report.title,
        lead=_lead(report),
        sections=[*report.answers, *sections],
        style=viewer_style() + read_text(_FOLDER / "report.css"),
        script=(viewer_script() if report.scenes else "") + read_text(_FOLDER / "study.js"),
    )


# --- sections ------------------------------------------------------------------------------------


def _lead(report: StudyReport) -> str:
    """The findings in a few sentences, what they can carry, and what was run."""
    seeds = _seeds(report)
    lines = lines_of(report.rows, arms=report.arms, reference=report.reference)
    parts = parts_of(lines, COMPARED)
    abs_rel, rmse = (part.entries[report.reference].value for part in parts.values())
    frames = max(part.images for part in parts.values())
    told = (
        f"“{lines.title(report.reference)}” reaches AbsRel {abs_rel:.4f} and RMSE {rmse:.3f} m on {frames} "
        f"test frames, {counted(len(seeds), 'seed')}."
    )
    told = " ".join([told, *beaten_notes(lines, tuple(parts.values()))])
    told = f"{told} {report.summary or _largest_change(lines, parts)}".rstrip()
    remarks = [ONE_RUN] if len(seeds) < 2 else []
    remarks += [ONE_RECORDING] if all(part.recordings == 1 for part in parts.values()) else []
    remarks += report.remarks
    facts = {
        **report.setup,
        "Arms": ", ".join(lines.titles.values()),
        "Seeds": ", ".join(map(str, seeds)),
        "Protocol": _protocol_words(report.protocol),
    }
    stamps = "".join(f'<p class="stamp">{escape(remark)}</p>\n' for remark in remarks)
    return f'<p class="lead">{escape(told)}</p>\n{stamps}{facts_html(facts)}'


def _largest_change(lines: Lines, parts: Mapping[str, Part]) -> str:
    """What stands out where nothing can have a verdict; empty with one arm."""
    changes = [
        (part.metric.label, made)
        for part in parts.values()
        for arm in lines.ranked
        if arm in part.entries and (made := part.entries[arm].change) is not None
    ]
    if not changes:
        return ""
    label, most = max(changes, key=lambda change: abs(change[1].percent or 0.0))
    return f"The largest change: {lines.title(most.question.name)}, {label} {change_words(most)}."


def _frames(report: StudyReport) -> Table:
    return frames_table(
        report.rows, report.arms, report.reference, picked=report.picked, most=MOST_FRAMES
    )


def _curves(report: StudyReport) -> list[str]:
    drawn = draw_curves(report.curves, arms=report.arms)
    if not drawn:
        return []
    legend = "".join(
        f'<li data-arm="{n}"><svg viewBox="0 0 26 8" aria-hidden="true"><path class="{line_class(n)}" '
        f'd="M1 4H25"/></svg>{escape(arm.title)}</li>'
        for n, arm in enumerate(report.arms)
    )
    charts = "\n".join(
        f"<figure><figcaption>{escape(curve.name)}</figcaption>{curve.svg}</figure>"
        for curve in drawn
    )
    return [
        "<p>Each term before its weight, on training batches. A line is an arm's mean over its seeds, the "
        "band around it reaches from the least seed to the largest; logarithmic where every value is "
        "positive. <em>total</em> sums different terms in each arm, so only its shape compares. A press on a "
        "name hides that arm, pointing at it brings it out.</p>",
        f'<ul class="legend switches">{legend}</ul>',
        f'<div class="charts">\n{charts}\n</div>',
    ]


def _scenes(report: StudyReport) -> list[str]:
    if not report.scenes:
        return []
    return [
        f"<p>{escape(report.scenes_words)}</p>",
        picks_html(report.scenes),
        *scenes_html(report.scenes, most_bytes=MOST_SCENE_BYTES, arms_first=True),
    ]


def _provenance(report: StudyReport) -> list[str]:
    parts = [table_html(edits_table(report.arms, report.reference, report.edits))]
    if report.cells:
        parts.append(table_html(cells_table(report.cells), sortable=True))
    return [*parts, facts_html(report.provenance)]


# --- pieces --------------------------------------------------------------------------------------


def _figure_html(number: int, figure: DrawnFigure) -> str:
    picture, reduced = _page_picture(figure.png)
    size = f" Reduced for this page; full size in {figure.stem}.png." if reduced else ""
    return (
        f'<figure class="wide"><div class="scroll"><img alt="{escape(figure.title)}" '
        f'src="{data_uri(picture, "png")}"></div>\n'
        f"<figcaption><strong>Figure {number}. {escape(figure.title)}.</strong> "
        f"{escape(figure.caption)}{escape(size)}</figcaption></figure>"
    )


def _page_picture(png: bytes) -> tuple[bytes, bool]:
    """The picture, made smaller until it fits the page's budget; and whether it was."""
    if len(png) <= MOST_FIGURE_BYTES:
        return png, False
    from PIL import Image

    with Image.open(io.BytesIO(png)) as opened:
        whole = opened.convert("RGB")
    smaller = png
    factor = 1.0
    while len(smaller) > MOST_FIGURE_BYTES:
        factor *= 0.9
        size = (max(1, round(whole.width * factor)), max(1, round(whole.height * factor)))
        stream = io.BytesIO()
        whole.resize(size, Image.Resampling.LANCZOS).save(stream, "PNG", optimize=True)
        smaller = stream.getvalue()
    return smaller, True


def _protocol_words(protocol: Protocol) -> str:
    limited = "limited to that range" if protocol.clamp_prediction else "not limited"
    return (
        f"{protocol.protocol_id()}: truth between {protocol.min_depth_m:g} and {protocol.max_depth_m:g} m "
        f"is scored, the prediction {limited}, no alignment, mean per frame"
    )


def _seeds(report: StudyReport) -> list[int]:
    names = [arm.name for arm in report.arms]
    kept = report.rows.filter(pc.is_in(report.rows["arm"], pa.array(names, type=pa.string())))
    return sorted(pc.unique(kept["seed"]).to_pylist())
