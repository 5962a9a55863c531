"""The second of the two loops: every stored frame to rows, chunk by chunk, in as many processes as wanted.

Chunks are cut by frame number alone and come back in order, so neither the number of processes nor their
pace changes a byte of the result, and no more than a few frames are in memory at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows.rows import Row, RowsWriter, rows_from_records
from thermodepth.evaluation.scoring.density import DepthDensity
from thermodepth.evaluation.scoring.score import (
    add_densities,
    counted,
    nothing_scored,
    score_frame,
)
from thermodepth.evaluation.scoring.sources import Source
from thermodepth.metrics import METRICS
from thermodepth.processes import worker_processes

CHUNK = 8  # frames
STUDY = "evaluate"  # what the rows' column says that a study's name stands in elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """What a few frames gave."""

    rows: pa.Table  # rows.ROW_SCHEMA
    frames: int
    skipped: tuple[str, ...]
    densities: dict[str, DepthDensity]
    floored: Counter[str]  # by arm, scored pixels at or below 0 m
    limited: Counter[str]  # by arm, scored pixels of metric maps outside the range, as they are
    counted: Counter[str]  # by arm, scored pixels of metric maps


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    source: Source
    protocol: Protocol
    study: str
    seed: int
    metrics: tuple[str, ...]

    def score(self, frames: range) -> Chunk:
        records: list[Row] = []
        skipped: list[str] = []
        densities: dict[str, DepthDensity] = {}
        floored, limited, counted = Counter[str](), Counter[str](), Counter[str]()
        for number in frames:
            sample, head_maps = self.source.read(number)
            scored = score_frame(
                head_maps,
                sample,
                self.protocol,
                frame=number,
                study=self.study,
                seed=self.seed,
                metrics=self.metrics,
            )
            if scored is None:
                skipped.append(sample.sample_id)
                continue
            records += scored.rows
            add_densities(densities, scored.densities)
            floored += scored.floored
            limited += scored.limited
            counted += scored.counted
        return Chunk(
            rows=rows_from_records(records, protocol=self.protocol),
            frames=len(frames) - len(skipped),
            skipped=tuple(skipped),
            densities=densities,
            floored=floored,
            limited=limited,
            counted=counted,
        )


def score_source(
    source: Source,
    protocol: Protocol,
    *,
    study: str,
    seed: int = 0,
    metrics: Sequence[str] | None = None,
    processes: int = 1,
) -> Iterator[Chunk]:
    """Score every frame of a source; the chunks come in the order of the frames.

    The rows stand under the protocol for exactly these frames.

    Raises:
        DataError: as `score.score_frame`, and where the source cannot be read.
        SettingsError: for a protocol that was made for other frames.
        UserError: when a worker process dies.
    """
    protocol = protocol.for_frames(source.sample_ids)
    names = tuple(METRICS if metrics is None else metrics)  # with those of extensions
    job = _Job(source=source, protocol=protocol, study=study, seed=seed, metrics=names)
    total = len(source.sample_ids)
    pieces = [range(first, min(first + CHUNK, total)) for first in range(0, total, CHUNK)]
    processes = min(processes, len(pieces))
    if processes < 2:
        yield from map(job.score, pieces)
        return
    with worker_processes(processes, prepare=_prepare, arguments=(job,)) as executor:
        yield from executor.map(_score, pieces)


_job: _Job | None = None  # of a worker process: sent once, not with every chunk


def _prepare(job: _Job) -> None:
    global _job
    _job = job


def _score(frames: range) -> Chunk:
    assert _job is not None
    return _job.score(frames)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What scoring counted, beside the rows that it wrote."""

    frames: int
    skipped: tuple[str, ...]
    densities: Mapping[str, DepthDensity] = field(default_factory=dict)
    floored: Mapping[str, int] = field(
        default_factory=dict
    )  # by arm, scored pixels at or below 0 m
    #: By arm, the share of the scored pixels of its metric map that lie outside the protocol's range.
    limited: Mapping[str, float] = field(default_factory=dict)

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
        frames=frames,
        skipped=tuple(skipped),
        densities=densities,
        floored=floored,
        limited={arm: limited[arm] / count for arm, count in pixels.items()},
    )
