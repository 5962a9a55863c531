"""`frames.csv`: a line a frame, with what interrupts a video and how far things are.

name, event       event: cut, frozen or flat, of a steady video; else empty
near_m, median_m, far_m     5, 50 and 95 % of the depth, sky left out
sky, expected_error         shares, the second the median at 68 % of the pixels; empty where not told
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from thermodepth.files import write_text
from thermodepth.inference.depth import Depth
from thermodepth.outputs.settings import OutputSettings

COLUMNS = ("name", "event", "near_m", "median_m", "far_m", "sky", "expected_error")


@dataclass(slots=True)
class TableRecorder:
    """Lines are kept until the file is closed: a hundred bytes a frame."""

    path: Path
    settings: OutputSettings
    _lines: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, name: str, depth: Depth) -> None:
        """One more line."""
        metres = [f"{q:.4g}" for q in np.percentile(depth.solid_m, [5, 50, 95])]
        sky = "" if depth.sky is None else f"{depth.sky.mean():.4f}"
        error = ""
        if depth.relative_error is not None and depth.has_depth.any():
            error = f"{np.median(depth.relative_error[depth.has_depth]):.4f}"
        event = "" if depth.event is None else depth.event.value
        self._lines.append((name, event, *metres, sky, error))

    def close(self) -> None:
        """The file is whole, and in its place."""
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *self._lines])
        write_text(self.path, stream.getvalue())
