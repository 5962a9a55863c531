"""A study as one page: tables, figures, curves and provenance in a single file that needs no network.

`evaluation.page.skeleton` escapes the words and forbids the page to load anything.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.errors import StudyError
from thermodepth.evaluation.page.skeleton import (
    Section,
    data_uri,
    document,
    facts_html,
    table_html,
)
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.rows import WHOLE_FRAME, protocol_of
from thermodepth.evaluation.results.summary import summarise
from thermodepth.evaluation.results.tables import Cell, Column, Table
from thermodepth.metrics import METRICS
from thermodepth.study.analysis.comparison import ONE_RUN
from thermodepth.study.figures.figures import DrawnFigure
from thermodepth.study.figures.frames import PickedFrame, frame_values
from thermodepth.study.page.curves import Curve, draw_curves
from thermodepth.study.tables.contrasts import difference, percent_text
from thermodepth.study.tables.lines import ArmLabel
from thermodepth.study.tables.table import study_tables

MOST_FRAMES = 1000  # lines of the table of frames; the rows file has all
MOST_FIGURE_BYTES = 950_000  # of one picture; two of them and the rest stay below 3 MB
FRAME_METRIC = "abs_rel"


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
    effects: Sequence[str] = ()  # the section of effects and claims, as `effects_section` draws it


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
        table_html(tables["table_beside_paper"]),
    ]
    parts: list[tuple[str, str, list[str]]] = [
        ("results", "Results", results),
        ("effects", "Effects and claims", list(report.effects)),
        ("figures", "Figures", [_figure_html(n, f) for n, f in enumerate(report.figures, 1)]),
        ("distance", "By distance", [table_html(tables["table_by_range"])]),
        ("condition", "By condition", [table_html(tables["table_by_condition"])]),
        ("curves", "Learning curves", _curves(report)),
        ("frames", "Frames", [table_html(_frame_table(report), sortable=True)]),
        ("provenance", "Provenance", _provenance(report)),
    ]
    return document(
        title=report.title,
        lead=_lead(report),
        sections=[Section(anchor=a, heading=h, parts=p) for a, h, p in parts],
        style=(Path(__file__).parent / "report.css").read_text(encoding="utf-8"),
    )


# --- sections ------------------------------------------------------------------------------------


def _lead(report: StudyReport) -> str:
    """The findings in two sentences, what they can carry, and what was run."""
    seeds = _seeds(report)
    groups = {g.key["arm"]: g for g in summarise(report.rows, metrics=("abs_rel", "rmse")).groups}
    base = groups[report.reference]
    titles = {arm.name: arm.title for arm in report.arms}
    told = (
        f"“{titles[report.reference]}” reaches AbsRel {base.values['abs_rel']:.4f} and RMSE "
        f"{base.values['rmse']:.3f} m on {base.frames['abs_rel']} test frames, {_count(seeds, 'seed')}."
    )
    changes = [
        (titles[arm], difference(groups[arm], base, metric))
        for arm in titles
        if arm in groups and arm != report.reference
        for metric in ("abs_rel", "rmse")
    ]
    if changes:
        title, most = max(changes, key=lambda change: abs(change[1].percent or 0.0))
        found = f"{METRICS[most.metric].label} {percent_text(most)}"
        told += f" The largest change: {title}, {found}."
    remarks = [ONE_RUN] if len(seeds) < 2 else []
    remarks += report.remarks
    facts = {
        **report.setup,
        "Arms": ", ".join(titles.values()),
        "Seeds": ", ".join(map(str, seeds)),
        "Protocol": _protocol_words(report.protocol),
    }
    stamps = "".join(f'<p class="stamp">{escape(remark)}</p>\n' for remark in remarks)
    return f'<p class="lead">{escape(told)}</p>\n{stamps}{facts_html(facts)}'


def _curves(report: StudyReport) -> list[str]:
    drawn = draw_curves(report.curves, arms=report.arms)
    if not drawn:
        return []
    legend = "".join(
        f'<li><svg viewBox="0 0 26 8" aria-hidden="true"><path class="line arm-{n}" d="M1 4H25"/></svg>'
        f"{escape(arm.title)}</li>"
        for n, arm in enumerate(report.arms)
    )
    charts = "\n".join(
        f"<figure><figcaption>{escape(curve.name)}</figcaption>{curve.svg}</figure>"
        for curve in drawn
    )
    return [
        "<p>Each term before its weight, on training batches; one line per arm and seed; logarithmic "
        "where every value is positive. <em>total</em> sums different terms in each arm, so only its "
        "shape compares.</p>",
        f'<ul class="legend">{legend}</ul>',
        f'<div class="charts">\n{charts}\n</div>',
    ]


def _provenance(report: StudyReport) -> list[str]:
    edits: list[tuple[Cell, ...]] = []
    for arm in report.arms:
        changed = report.edits.get(arm.name, {})
        edits += [
            (arm.title, path, _plain(old), _plain(new)) for path, (old, new) in changed.items()
        ]
        if not changed:
            none = "(the reference)" if arm.name == report.reference else "(nothing)"
            edits.append((arm.title, none, "", ""))
    table = Table(
        title="What each arm changes in the settings",
        columns=tuple(
            Column(label=label, align="left")
            for label in ("Configuration", "Setting", "Reference", "Arm")
        ),
        rows=tuple(edits),
    )
    return [table_html(table), facts_html(report.provenance)]


def _frame_table(report: StudyReport) -> Table:
    frames = frame_values(report.rows, metric=FRAME_METRIC)
    arms = [arm for arm in report.arms if arm.name in frames]
    reference = frames[report.reference]
    kept = report.rows.filter(
        pc.and_(
            pc.equal(report.rows["metric"], FRAME_METRIC),
            pc.equal(report.rows["slice"], WHOLE_FRAME),
        )
    )
    facts = {
        sample: (condition, pixels)
        for sample, condition, pixels in zip(
            *(kept[n].to_pylist() for n in ("sample_id", "condition", "pixels")), strict=True
        )
    }
    shown = {frame.sample_id: frame.reason for frame in report.picked}
    lines: list[tuple[Cell, ...]] = []
    spreads: dict[str, float] = {}
    for sample in sorted(reference):
        values = [frames[arm.name].get(sample) for arm in arms]
        known = [value for value in values if value is not None]
        span = max(known) - min(known)
        spread = 100 * span / reference[sample] if reference[sample] else None
        spreads[sample] = math.inf if spread is None else spread
        condition, pixels = facts[sample]
        lines.append((sample, condition, pixels, *values, spread, shown.get(sample, "")))
    notes = [
        f"{METRICS[FRAME_METRIC].label} of each frame, the mean over seeds. Spread: largest minus smallest "
        "between arms, relative to the reference. Press a heading to sort."
    ]
    if len(lines) > MOST_FRAMES:
        # The frames that arms agree on are the ones a reader misses least.
        keep = set(sorted(spreads, key=lambda s: (s not in shown, -spreads[s], s))[:MOST_FRAMES])
        notes.append(
            f"The {MOST_FRAMES} of {len(lines)} frames with the largest spread; the rows file has all."
        )
        lines = [line for line in lines if line[0] in keep]
    metric = METRICS[FRAME_METRIC]
    return Table(
        title=f"{metric.label} by frame",
        columns=(
            Column(label="Frame", align="left"),
            Column(label="Condition", align="left"),
            Column(label="pixels"),
            *(Column(label=arm.title, digits=metric.digits) for arm in arms),
            Column(label="Spread (%)", digits=0),
            Column(label="In the figures", align="left"),
        ),
        rows=tuple(lines),
        notes=tuple(notes),
    )


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


def _count(things: Sequence[Any], word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def _plain(value: Any) -> str:
    """A setting as it stands in a settings file."""
    return value if isinstance(value, str) else json.dumps(value)
