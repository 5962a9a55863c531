"""A study as one page: what it found first, then what that stands on, in a single file that needs no network.

`evaluation.page.skeleton` escapes the words and forbids the page to load anything.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.files import read_text
from thermodepth.report.gradients.section import gradients_section
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
from thermodepth.report.study.answers import answers, further_tables
from thermodepth.report.study.curves import draw_curves, line_class
from thermodepth.report.study.facts import PageFacts
from thermodepth.report.study.figures import DrawnFigure
from thermodepth.report.study.frames_table import frames_table
from thermodepth.report.study.methods_html import methods_html
from thermodepth.report.study.notes import beaten_notes
from thermodepth.report.study.provenance import cells_table, edits_table
from thermodepth.report.study.summary import summary_of
from thermodepth.report.table import Table
from thermodepth.statistics.comparison import ONE_RECORDING, ONE_RUN, change_words
from thermodepth.statistics.labels import counted
from thermodepth.study.arm import ArmLabel
from thermodepth.study.results.entries import COMPARED, Part
from thermodepth.study.results.findings import StudyFindings
from thermodepth.study.results.frames import rule_of
from thermodepth.study.results.lines import Lines

MOST_FRAMES = 1000  # lines of the table of frames; the rows file has all
#: Of one figure, and of all pictures of the scenes: in base64 a third more, and the page stays below 6 MB.
MOST_FIGURE_BYTES = 950_000
MOST_SCENE_BYTES = 2_200_000
_FOLDER = Path(__file__).parent


def report_html(
    facts: PageFacts,
    findings: StudyFindings,
    *,
    tables: Mapping[str, Table],
    methods: str,
    figures: Sequence[DrawnFigure] = (),
    scenes: Sequence[PickedScene] = (),
    search: Sequence[Section] = (),
) -> str:
    """The whole page.

    Args:
        facts: what was run.
        findings: every number.
        tables: of `study_tables` and `effects_tables`, by the stem of their files.
        methods: Markdown, as `methods.methods_text` writes it.
        figures: at the top.
        scenes: the frames of the figures for the viewer, with all arms.
        search: what a search of weights chose, before all else.
    """
    lines = findings.tables.lines
    arms = [ArmLabel(name=name, title=title) for name, title in lines.titles.items()]
    results = [
        table_html(tables["table"], rules={len(arms)}),  # a line above the baselines
        *(
            table_html(tables[n])
            for n in ("table_beside_longer", "table_beside_paper")
            if n in tables
        ),
    ]
    frames = frames_table(
        findings.errors,
        arms,
        lines.reference,
        reasons={scene.sample.sample_id: scene.reason for scene in findings.scenes.scenes},
        most=MOST_FRAMES,
    )
    gradients = gradients_section(findings.gradients, reference=lines.reference)
    parts: list[tuple[str, str, list[str]]] = [
        ("figures", "Figures", [_figure_html(n, f) for n, f in enumerate(figures, 1)]),
        ("scenes", "Side by side", _scenes(scenes, findings)),
        ("results", "Results", results),
        ("distance", "By distance", [table_html(tables["table_by_range"])]),
        ("condition", "By condition", [table_html(tables["table_by_condition"])]),
        ("further", "Behind the verdicts", [folded(table) for table in further_tables(tables)]),
        ("curves", "Learning curves", _curves(findings, arms)),
        ("gradients", "Gradients", gradients),
        ("frames", "Frames", [table_html(frames, sortable=True)]),
        ("methods", "Methods", methods_html(methods)),
        ("provenance", "Provenance", _provenance(facts, arms, lines.reference)),
    ]
    sections = [Section(anchor=a, heading=h, parts=p) for a, h, p in parts]
    return document(
        title=facts.title,
        lead=_lead(facts, findings),
        sections=[*search, *answers(findings.contrasts, tables, findings.ledger), *sections],
        style=viewer_style() + read_text(_FOLDER / "report.css"),
        script=(viewer_script() if scenes else "") + read_text(_FOLDER / "study.js"),
    )


# --- sections ------------------------------------------------------------------------------------


def _lead(facts: PageFacts, findings: StudyFindings) -> str:
    """The findings in a few sentences, what they can carry, and what was run."""
    lines, seeds = findings.tables.lines, findings.tables.seeds
    parts = {name: findings.tables.whole[name] for name in COMPARED}
    abs_rel, rmse = (part.entries[lines.reference].value for part in parts.values())
    frames = max(part.images for part in parts.values())
    reached = (
        f"“{lines.title(lines.reference)}” reaches AbsRel {abs_rel:.4f} and RMSE {rmse:.3f} m on {frames} "
        f"{facts.frames}, {counted(len(seeds), 'seed')}."
    )
    summary = summary_of(findings.contrasts) or _largest_change(lines, parts)
    sentences = [reached, *beaten_notes(lines, tuple(parts.values())), summary]
    remarks = [ONE_RUN] if len(seeds) < 2 else []
    remarks += [ONE_RECORDING] if all(part.recordings == 1 for part in parts.values()) else []
    remarks += facts.remarks
    setup = {
        **facts.setup,
        "Arms": ", ".join(lines.titles.values()),
        "Seeds": ", ".join(map(str, seeds)),
        "Protocol": _protocol_words(facts.protocol),
    }
    stamps = "".join(f'<p class="stamp">{escape(remark)}</p>\n' for remark in remarks)
    lead = " ".join(sentences).rstrip()
    return f'<p class="lead">{escape(lead)}</p>\n{stamps}{facts_html(setup)}'


def _largest_change(lines: Lines, parts: Mapping[str, Part]) -> str:
    """What stands out where nothing can have a verdict; empty with one arm."""
    changes = [
        (part.metric.label, change)
        for part in parts.values()
        for arm in lines.ranked
        if arm in part.entries and (change := part.entries[arm].change) is not None
    ]
    if not changes:
        return ""
    label, most = max(changes, key=lambda change: abs(change[1].percent or 0.0))
    return f"The largest change: {lines.title(most.question.name)}, {label} {change_words(most)}."


def _curves(findings: StudyFindings, arms: Sequence[ArmLabel]) -> list[str]:
    curves = draw_curves(findings.curves, arms=arms)
    if not curves:
        return []
    legend = "".join(
        f'<li data-arm="{n}"><svg viewBox="0 0 26 8" aria-hidden="true"><path class="{line_class(n)}" '
        f'd="M1 4H25"/></svg>{escape(arm.title)}</li>'
        for n, arm in enumerate(arms)
    )
    charts = "\n".join(
        f"<figure><figcaption>{escape(curve.name)}</figcaption>{curve.svg}</figure>"
        for curve in curves
    )
    return [
        "<p>Each term before its weight, on training batches. A line is an arm's mean over its seeds, the "
        "band around it reaches from the least seed to the largest; logarithmic where every value is "
        "positive. <em>total</em> sums different terms in each arm, so only its shape compares. A press on a "
        "name hides that arm, pointing at it brings it out.</p>",
        f'<ul class="legend switches">{legend}</ul>',
        f'<div class="charts">\n{charts}\n</div>',
    ]


def _scenes(scenes: Sequence[PickedScene], findings: StudyFindings) -> list[str]:
    if not scenes:
        return []
    lines = findings.tables.lines
    rule = rule_of(lines.title(lines.reference))
    return [
        f"<p>{escape(f'Predictions of seed {findings.scenes.seed}. {rule}')}</p>",
        picks_html(scenes),
        *scenes_html(scenes, most_bytes=MOST_SCENE_BYTES, arms_first=True),
    ]


def _provenance(facts: PageFacts, arms: Sequence[ArmLabel], reference: str) -> list[str]:
    parts = [table_html(edits_table(arms, reference, facts.edits))]
    if facts.cells:
        parts.append(table_html(cells_table(facts.cells), sortable=True))
    return [*parts, facts_html(facts.provenance)]


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
