"""Where in the truth's view a map of another size lies: all of it, or a window of its own size.

    whole            the map shows the whole view at another resolution, and is stretched over it
    kb               KITTI's benchmark crop: at the bottom, centred (352x1216 of 375x1242, and of any size)
    centre           in the middle, as networks crop
    garg, eigen, nyu the crop of that evaluation, for maps that were saved cut to it
    TOP,LEFT         the map's first pixel lies in this row and column; negative where the map is larger

A crop that passes for a rescaled view is wrong by a few per cent in x and by others in y, and nothing in
its numbers says so: AbsRel .016 becomes .085. `placement_trial` looks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.evaluation.protocols.crop import Crop, Size
from thermodepth.evaluation.protocols.presets import PRESETS

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: The crops of published evaluations, by the name that a person gives them.
CROPS: dict[str, Crop] = {
    preset.settings["name"].removeprefix("kitti_").removesuffix("_eigen"): Crop.parse(
        preset.settings["crop"], where="a preset"
    )
    for preset in PRESETS
    if "crop" in preset.settings
}
NAMES = ("whole", "kb", "centre", *CROPS)


@dataclass(frozen=True, slots=True)
class Placement:
    """A rule that places maps in the truth's view."""

    name: str  # as the option has it
    offset: tuple[int, int] | None = None  # (row, column) of TOP,LEFT

    @classmethod
    def parse(cls, text: str) -> Placement:
        """Of the option's text.

        Raises:
            SettingsError: for a name or an offset that is none.
        """
        if text in NAMES:
            return cls(text)
        parts = text.split(",")
        if len(parts) == 2 and all(part.strip().lstrip("+-").isdecimal() for part in parts):
            top, left = (int(part) for part in parts)
            return cls(f"{top},{left}", (top, left))
        known = unknown("placement", text, NAMES)
        raise SettingsError(
            f"--placement: {known}; or TOP,LEFT in pixels of the truth, such as 23,13"
        )

    def corner(self, map_size: Size, size: Size) -> tuple[int, int] | None:
        """(row, column) of the truth in which the map's first pixel lies; None: it is stretched.

        Args:
            map_size: (rows, columns) of the map.
            size: of the truth.

        Raises:
            DataError: for sizes that this placement is not for.
        """
        if self.name == "whole":
            return None
        (rows, columns), (height, width) = map_size, size
        if self.offset is not None:
            top, left = self.offset
        elif self.name in CROPS:
            window = CROPS[self.name].bounds(size)
            cut = tuple(part.stop - part.start for part in window)
            if cut != map_size:
                raise DataError(
                    f"{columns}x{rows}, but the crop '{self.name}' of {width}x{height} has {cut[1]}x{cut[0]}"
                )
            top, left = window[0].start, window[1].start
        else:
            if (rows - height) * (columns - width) < 0:
                raise DataError(
                    f"{columns}x{rows} is no crop of {width}x{height}, nor the other way round"
                )
            # A difference that is odd loses its half as `int(... / 2)` does, whichever is larger.
            left = int((width - columns) / 2)
            top = height - rows if self.name == "kb" else int((height - rows) / 2)
        if not (-rows < top < height and -columns < left < width):
            raise DataError(
                f"{columns}x{rows} at row {top}, column {left} lies outside of {width}x{height}"
            )
        return top, left

    def place(self, values: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
        """A map [h w] in a view of `size`, NaN where the map shows nothing; stretched ones as they are.

        Raises:
            DataError: as `corner`.
        """
        map_size = (values.shape[0], values.shape[1])
        corner = self.corner(map_size, size)
        if corner is None:
            return values
        placed = np.full(size, np.nan, np.float32)
        target, source = zip(
            *(overlap(*lengths) for lengths in zip(corner, map_size, size, strict=True)),
            strict=True,
        )
        placed[target] = values[source]
        return placed


WHOLE = Placement("whole")


def overlap(start: int, length: int, extent: int) -> tuple[slice, slice]:
    """Of one side: where it lies in the view, and which part of the map that is."""
    first, last = max(start, 0), min(start + length, extent)
    return slice(first, last), slice(first - start, last - start)


def stretch_of(map_size: Size, size: Size) -> tuple[float, float] | None:
    """The factors in x and in y, where they differ by more than a pixel of the map's sides explains."""
    (rows, columns), (height, width) = map_size, size
    if abs(columns - width * rows / height) <= 1.0 or abs(rows - height * columns / width) <= 1.0:
        return None
    return width / columns, height / rows
