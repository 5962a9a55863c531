"""Every frame of a source scored into a file of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows.rows import RowsWriter, read_rows
from thermodepth.evaluation.scoring.chunks import score_source
from thermodepth.evaluation.scoring.density import DepthDensity
from thermodepth.evaluation.scoring.score import add_densities, counted, nothing_scored
from thermodepth.evaluation.scoring.sources import Source

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
