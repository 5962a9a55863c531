"""What an evaluation leaves in its folder: tables, facts and the page."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from thermodepth.evaluation.results.findings import EvaluationFindings
from thermodepth.evaluation.results.picked_maps import PickedMaps
from thermodepth.evaluation.scoring.chunks import Scored
from thermodepth.files import write_json
from thermodepth.machine import processor_model
from thermodepth.report.evaluation.overview import evaluation_tables, lead
from thermodepth.report.evaluation.page import EvaluationPage, PageSection, write_page
from thermodepth.report.page.scenes import PickedScene
from thermodepth.report.table import Table, write_tables

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """What is printed of an evaluation."""

    title: str
    findings: EvaluationFindings
    scored: Scored
    facts: Mapping[str, str]  # what a reader needs to know besides the protocol
    notes: Sequence[str] = ()
    maps: Sequence[PickedMaps] = ()  # of the frames that the page shows


def write_evaluation(evaluation: Evaluation, folder: Path) -> Path:
    """Tables as md, csv and tex, `evaluation.json` and the page; every file whole or absent.

    Returns:
        The page.
    """
    tables = evaluation_tables(evaluation.findings)
    _remove_stale_tables(folder / "tables")
    write_tables(folder / "tables", tables)
    provenance = _write_facts(evaluation, folder / FACTS)
    path = folder / PAGE
    write_page(path, _page(evaluation, tables, provenance))
    return path


def _remove_stale_tables(folder: Path) -> None:
    for stale in folder.glob("*"):  # of an earlier scoring into this folder
        if stale.stem in TABLES and stale.suffix in TABLE_SUFFIXES:
            stale.unlink()


def _write_facts(evaluation: Evaluation, path: Path) -> dict[str, str]:
    """Returns the provenance that it wrote."""
    protocol, scored = evaluation.findings.protocol, evaluation.scored
    provenance = {
        "Protocol id": protocol.protocol_id(),
        "thermodepth": VERSION,
        "Python": platform.python_version(),
        "Processor": processor_model(),
        "Command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }
    facts = {
        "title": evaluation.title,
        "protocol": protocol.tree(),
        "protocol_id": protocol.protocol_id(),
        "frames": scored.frames,
        "skipped": list(scored.skipped),
        "facts": dict(evaluation.facts),
        "provenance": provenance,
    }
    write_json(path, facts)
    return provenance


def _page(
    evaluation: Evaluation, tables: Mapping[str, Table], provenance: Mapping[str, str]
) -> EvaluationPage:
    findings, scored = evaluation.findings, evaluation.scored
    facts = {"Frames": scored.note(), "Protocol": findings.protocol.words()}
    return EvaluationPage(
        title=evaluation.title,
        lead=lead(findings),
        facts={**evaluation.facts, **facts},
        notes=evaluation.notes,
        sections=[
            PageSection(
                anchor=anchor, heading=heading, tables=[tables[t] for t in names if t in tables]
            )
            for anchor, heading, names in SECTIONS
            if anchor != _OPTIONAL or any(name in tables for name in names)
        ],
        densities=scored.densities,
        scenes=[_scene(maps, findings) for maps in evaluation.maps],
        ledger=findings.ledger_parts(),
        provenance=provenance,
    )


def _scene(maps: PickedMaps, findings: EvaluationFindings) -> PickedScene:
    scores = findings.picked_scores[maps.frame.sample_id]
    return PickedScene(
        sample_id=maps.frame.sample_id,
        condition=maps.condition,
        reason=maps.frame.reason,
        thermal=maps.thermal,
        truth_m=maps.truth_m,
        predictions={m.title: depth_m for m, depth_m in maps.predictions_m.items()},
        scores={m.title: scores[m] for m in maps.predictions_m},
        rgb=maps.rgb,
    )
