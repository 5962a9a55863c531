"""What an evaluation leaves in its folder: tables, facts and the page."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.picked import pick_frames, rule_words
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.evaluation.scoring.frame_truth import FrameTruth
from thermodepth.evaluation.scoring.score import metres_of
from thermodepth.evaluation.scoring.scored import Scored
from thermodepth.evaluation.scoring.sources import Source
from thermodepth.files import write_json, write_text
from thermodepth.machine import processor_model
from thermodepth.report.evaluation.overview import Overview
from thermodepth.report.evaluation.page import EvaluationPage, PageSection, write_page
from thermodepth.report.page.scenes import PickedScene

PAGE = "evaluation.html"
VERSION = version("thermodepth")
#: anchor, heading and tables of each section of the page, in order.
SECTIONS = (
    ("errors", "Errors", ("headline", "guessers", "alignments")),
    ("ledger", "Where the error comes from", ("ledger", "ledger_metres", "ledger_structure")),
    ("structure", "Structure and variability", ("structure", "variability")),
    ("stability", "Scale", ("stability",)),
    (
        "slices",
        "Slices",
        ("by_range", "by_condition", "by_edge", "by_contrast", "by_density"),
    ),
    ("expected", "Expected error", ("expected_error", "expected_error_by_slice")),
)
#: Of the page: what is not there for every model has no empty section.
_OPTIONAL = "expected"
TABLES = frozenset({"errors", *(name for _, _, names in SECTIONS for name in names)})
TABLE_SUFFIXES = (".md", ".csv", ".tex")
FACTS = "evaluation.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Scored maps and where they came from."""

    title: str
    source: Source
    protocol: Protocol
    scored: Scored
    facts: Mapping[str, str]  # what a reader needs to know besides the protocol
    notes: Sequence[str] = ()


def write_evaluation(evaluation: Evaluation, overview: Overview, folder: Path) -> Path:
    """Tables as md, csv and tex, `evaluation.json` and the page; every file whole or absent.

    Returns:
        The page.
    """
    tables = overview.tables()
    for stale in (folder / "tables").glob("*"):  # of an earlier scoring into this folder
        if stale.stem in TABLES and stale.suffix in TABLE_SUFFIXES:
            stale.unlink()
    for stem, table in tables.items():
        write_text(folder / "tables" / f"{stem}.md", table.markdown())
        write_text(folder / "tables" / f"{stem}.csv", table.csv())
        write_text(folder / "tables" / f"{stem}.tex", table.latex())
    protocol = evaluation.protocol
    facts = {**evaluation.facts, "Frames": evaluation.scored.note(), "Protocol": protocol.words()}
    provenance = {
        "Protocol id": protocol.protocol_id(),
        "thermodepth": VERSION,
        "Python": platform.python_version(),
        "Processor": processor_model(),
        "Command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }
    write_json(
        folder / FACTS,
        {
            "title": evaluation.title,
            "protocol": protocol.tree(),
            "protocol_id": protocol.protocol_id(),
            "frames": evaluation.scored.frames,
            "skipped": list(evaluation.scored.skipped),
            "facts": dict(evaluation.facts),
            "provenance": provenance,
        },
    )
    scenes, rule = _scenes(evaluation, overview)
    path = folder / PAGE
    write_page(
        path,
        EvaluationPage(
            title=evaluation.title,
            lead=overview.lead(),
            facts=facts,
            notes=evaluation.notes,
            sections=[
                PageSection(
                    anchor=anchor, heading=heading, tables=[tables[t] for t in names if t in tables]
                )
                for anchor, heading, names in SECTIONS
                if anchor != _OPTIONAL or any(name in tables for name in names)
            ],
            densities=evaluation.scored.densities,
            scenes=scenes,
            rule=rule,
            ledger=overview.ledger_parts(),
            provenance=provenance,
        ),
    )
    return path


def _scenes(evaluation: Evaluation, overview: Overview) -> tuple[list[PickedScene], str]:
    """The frames that the page shows, read again, and the rule they were picked by."""
    first = overview.maps[0]
    alignment = overview.shown_alignment(first)
    picked = pick_frames(evaluation.scored.rows, arm=first.arm, alignment=alignment)
    place = {name: number for number, name in enumerate(evaluation.source.sample_ids)}
    scenes = []
    for frame in picked:
        number = place[frame.sample_id]
        sample, answers = evaluation.source.read(number)
        truth = FrameTruth.of(sample, frame=number, protocol=evaluation.protocol)
        assert truth is not None, "it was scored"
        predictions = {}
        for scored in overview.maps:
            if scored.against == "truth" and scored.arm not in BASELINES:
                claim = answers[scored.arm][scored.head]
                alignment = overview.shown_alignment(scored)
                predictions[scored.title] = metres_of(claim, truth, alignment)
        scenes.append(
            PickedScene(
                sample_id=frame.sample_id,
                condition=sample.condition,
                reason=frame.reason,
                thermal=sample.thermal if sample.has_thermal else None,
                truth_m=np.where(truth.scored, truth.truth_m, np.nan),
                predictions=predictions,
                scores=overview.frame_scores(frame.sample_id, predictions),
                rgb=evaluation.source.rgb(number),
            )
        )
    return scenes, rule_words()
