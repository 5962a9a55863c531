"""One range of metres for the colours of a whole recording, so that a colour means the same in every frame.

Who states none gets the range of the first frames: 0.5 to 99.5 % of their pixels, a quarter wider at either
end, in two figures. It stands in `colour_range.json`, and a later run into the same folder goes on with it.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from thermodepth.errors import DataError
from thermodepth.files import read_json, write_json
from thermodepth.inference.depth import Depth

FIRST_FRAMES = 8
FILE = "colour_range.json"
_WIDER = 1.25
_MOST_PIXELS = 20_000  # of a frame, evenly spread
_KEYS = ("near_m", "far_m")


class ColourRange:
    """Known once `range_m` is not None."""

    def __init__(self, stated_m: tuple[float, float] | None, folder: Path) -> None:
        """
        Args:
            stated_m: (near, far) metres; None: of an earlier run into the folder, or of the first frames.
            folder: where its record stands.

        Raises:
            DataError: for a record that is damaged.
        """
        self._path = folder / FILE
        self.range_m = stated_m
        #: Where it comes from, as a sentence; empty where a person stated it, or it is not known yet.
        self.note = ""
        self._metres: list[np.ndarray] = []
        if stated_m is None and self._path.is_file():
            self.range_m = self._recorded()
            near_m, far_m = self.range_m
            self.note = f"colours from {near_m:g} to {far_m:g} m, as {self._path} has it"

    def add(self, depth: Depth) -> None:
        """Look at one of the first frames; the last of them settles it."""
        assert self.range_m is None
        metres = depth.solid_m
        self._metres.append(metres[:: max(metres.size // _MOST_PIXELS, 1)])
        if len(self._metres) == FIRST_FRAMES:
            self.settled_m()

    def settled_m(self) -> tuple[float, float]:
        """The range: of what was seen so far, at least one frame, where it was not known."""
        if self.range_m is None:
            count = len(self._metres)
            near_m, far_m = np.percentile(np.concatenate(self._metres), [0.5, 99.5])
            self.range_m = _two_figures(near_m / _WIDER), _two_figures(far_m * _WIDER)
            self._metres = []
            frames = f"the first {count} frames" if count > 1 else "the frame"
            self.note = f"colours from {self.range_m[0]:g} to {self.range_m[1]:g} m, of {frames}"
            write_json(self._path, dict(zip(_KEYS, self.range_m, strict=True)))
        return self.range_m

    def _recorded(self) -> tuple[float, float]:
        record = read_json(self._path)
        values = [record.get(key) for key in _KEYS]
        match values:
            case [int() | float() as near_m, int() | float() as far_m] if 0 < near_m < far_m:
                return float(near_m), float(far_m)
        raise DataError(
            f"{self._path}: expected near_m and far_m, metres, the first the smaller; delete it, or state a "
            "range"
        )


def _two_figures(metres: float) -> float:
    """0.0234 -> 0.023, 87.6 -> 88."""
    return round(float(metres), 1 - math.floor(math.log10(metres)))
