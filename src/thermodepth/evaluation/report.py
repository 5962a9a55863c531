"""An evaluation as a whole: scored into rows on disk, then read into tables and a page."""

from __future__ import annotations

import platform
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa

from thermodepth.evaluation.page import EvaluationPage, PageSection, PickedScene, write_page
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.overview import Overview
from thermodepth.evaluation.results.picked import pick_frames, rule_words
from thermodepth.evaluation.results.rows import RowsWriter, read_rows
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.evaluation.scoring.chunks import score_source
from thermodepth.evaluation.scoring.density import DepthDensity
from thermodepth.evaluation.scoring.frame_truth import FrameTruth
from thermodepth.evaluation.scoring.score import add_densities, counted, metres_of, nothing_scored
from thermodepth.evaluation.scoring.sources import Source
from thermodepth.files import write_json, write_text
from thermodepth.machine import processor_model

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
STUDY = "evaluate"  # what the rows' column says that a study's name stands in elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What scoring left behind."""

    rows: pa.Table
    frames: int
    skipped: tuple[str, ...]
    densities: Mapping[str, DepthDensity] = field(default_factory=dict)
    floored: Mapping[str, int] = field(
        default_factory=dict
    )  # by arm, scored pixels at or below 0 m
    #: By arm, the share of the scored pixels of its metric map that lie outside the protocol's range.
    limited: Mapping[str, float] = field(default_factory=dict)

    def limited_notes(self, protocol: Protocol) -> list[str]:
        """What limiting to the range does to a number, where it does anything that can be printed."""
        shares = {arm: share for arm, share in self.limited.items() if share >= 0.0005}
        if not shares:
            return []
        listing = ", ".join(f"{arm} {share:.1%}" for arm, share in shares.items())
        return [
            f"Limited to {protocol.min_depth_m:g} to {protocol.max_depth_m:g} m, share of the scored "
            f"pixels: {listing}. Log bias, ledger and all errors are those of the limited maps; scale "
            "and its steadiness are taken before."
        ]

    def note(self) -> str:
        """One line: how many frames stand behind the numbers."""
        return counted(self.frames, self.skipped)


def score_into(
    path: Path,
    source: Source,
    protocol: Protocol,
    *,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Scored:
    """Score every frame of a source into a file of rows; no more than a few frames are in memory.

    Raises:
        DataError: as `scoring.score_source`, and when not one frame could be scored.
    """
    frames = 0
    skipped: list[str] = []
    floored, limited, pixels = Counter[str](), Counter[str](), Counter[str]()
    densities: dict[str, DepthDensity] = {}
    total = len(source.sample_ids)
    with RowsWriter(path) as writer:
        for chunk in score_source(source, protocol, study=STUDY, processes=processes):
            writer.append(chunk.rows)
            frames += chunk.frames
            skipped += chunk.skipped
            add_densities(densities, chunk.densities)
            floored += chunk.floored
            limited += chunk.limited
            pixels += chunk.counted
            if progress is not None:
                progress(frames + len(skipped), total)
        if not frames:
            raise nothing_scored(protocol, len(skipped))
    return Scored(
        rows=read_rows(path),
        frames=frames,
        skipped=tuple(skipped),
        densities=densities,
        floored=floored,
        limited={arm: limited[arm] / count for arm, count in pixels.items()},
    )


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
