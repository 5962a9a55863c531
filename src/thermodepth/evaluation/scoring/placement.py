"""Where in the truth's view a map of another size lies: all of it, or a window of its own size.

    whole            the map shows the whole view at another resolution, and is stretched over it
    kb               KITTI's benchmark crop: at the bottom, centred (352x1216 of 375x1242, and of any size)
    centre           in the middle, as networks crop
    garg, eigen, nyu the crop of that evaluation, for maps that were saved cut to it
    TOP,LEFT         the map's first pixel lies in this row and column; negative where the map is larger

A crop that passes for a rescaled view is wrong by a few per cent in x and by others in y, and nothing in
its numbers says so: AbsRel .016 becomes .085. So a stretch that differs in x and y is said with its
figures, and a few frames are tried at every place that their size allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.evaluation.protocols.alignment import alignments_of
from thermodepth.evaluation.protocols.crop import Crop, Size
from thermodepth.evaluation.protocols.presets import PRESETS
from thermodepth.evaluation.scoring.answer import GeometryMap
from thermodepth.evaluation.scoring.frame_truth import FrameTruth
from thermodepth.evaluation.scoring.score import metres_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.types import Geometry

#: The crops of published evaluations, by the name that a person gives them.
CROPS: dict[str, Crop] = {
    preset.settings["name"].removeprefix("kitti_").removesuffix("_eigen"): Crop.parse(
        preset.settings["crop"], where="a preset"
    )
    for preset in PRESETS
    if "crop" in preset.settings
}
NAMES = ("whole", "kb", "centre", *CROPS)
#: Frames that are tried at several places.
LOOKED_AT = 8
#: Another place is far better when its error is at most this share of the one in use ...
FAR_BETTER = 0.8
#: ... and it wins in at least this share of the frames.
IN_MOST = 0.75
#: Fewer pixels that all places show say nothing.
LEAST_PIXELS = 30


@dataclass(frozen=True, slots=True)
class Placement:
    """A rule that places maps in the truth's view."""

    name: str  # as the option has it
    offset: tuple[int, int] | None = None  # (row, column) of TOP,LEFT

    @classmethod
    def of(cls, text: str) -> Placement:
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
            *(_overlap(*lengths) for lengths in zip(corner, map_size, size, strict=True)),
            strict=True,
        )
        placed[target] = values[source]
        return placed


WHOLE = Placement("whole")


def _overlap(start: int, length: int, extent: int) -> tuple[slice, slice]:
    """Of one side: where it lies in the view, and which part of the map that is."""
    first, last = max(start, 0), min(start + length, extent)
    return slice(first, last), slice(first - start, last - start)


def stretch_of(map_size: Size, size: Size) -> tuple[float, float] | None:
    """The factors in x and in y, where they differ by more than a pixel of the map's sides explains."""
    (rows, columns), (height, width) = map_size, size
    if abs(columns - width * rows / height) <= 1.0 or abs(rows - height * columns / width) <= 1.0:
        return None
    return width / columns, height / rows


def covered(scored: NDArray[np.bool_], placement: Placement, map_size: Size, name: str) -> None:
    """Whether a placed map reaches every scored pixel [h w].

    Raises:
        SettingsError: where it does not: those pixels have no prediction.
    """
    size = (scored.shape[0], scored.shape[1])
    corner = placement.corner(map_size, size)
    if corner is None:
        return
    inside = np.zeros(size, np.bool_)
    (rows, _), (columns, _) = (
        _overlap(*lengths) for lengths in zip(corner, map_size, size, strict=True)
    )
    inside[rows, columns] = True
    beyond = int(np.count_nonzero(scored & ~inside))
    if beyond:
        raise SettingsError(
            f"--placement {placement.name}: {beyond} of {np.count_nonzero(scored)} scored pixels of frame "
            f"'{name}' lie outside of its map (rows {rows.start}:{rows.stop}, columns "
            f"{columns.start}:{columns.stop} of {size[1]}x{size[0]}) and have no prediction; name a protocol "
            "whose crop lies within"
        )


def errors_by_place(
    values: NDArray[np.float32],
    geometry: Geometry,
    truth: FrameTruth,
    placements: Sequence[Placement],
) -> dict[str, float]:
    """AbsRel of one raw map at each place that its size allows, over the pixels that all of them show.

    After the geometry's natural alignment. Empty where fewer than two places are possible.
    """
    natural = alignments_of(geometry)[0].name
    maps: dict[str, NDArray[np.float64]] = {}
    corners = set[tuple[int, int] | None]()
    for placement in placements:
        map_size = (values.shape[0], values.shape[1])
        try:
            corner = placement.corner(map_size, truth.size)
            if corner in corners:
                continue
            placed = GeometryMap(values=placement.place(values, truth.size), geometry=geometry)
            maps[placement.name] = metres_of(placed, truth, natural)
        except ValueError:  # not possible, or cannot be fitted there
            continue
        corners.add(corner)
    if len(maps) < 2:
        return {}
    both = truth.scored & np.logical_and.reduce([np.isfinite(m) for m in maps.values()])
    if np.count_nonzero(both) < LEAST_PIXELS:
        return {}
    depth = truth.truth_m[both].astype(np.float64)
    return {name: float(np.mean(np.abs(m[both] - depth) / depth)) for name, m in maps.items()}


def better_place(errors: Sequence[dict[str, float]], current: str) -> str:
    """What to say when another place is far better than the one in use; "" when none is."""
    frames = [found for found in errors if current in found]
    if not frames:
        return ""
    names = set.intersection(*(set(found) for found in frames)) - {current}
    now = fmean(found[current] for found in frames)
    best = min(names, key=lambda name: fmean(found[name] for found in frames), default=None)
    if best is None:
        return ""
    error = fmean(found[best] for found in frames)
    wins = sum(found[best] < found[current] for found in frames)
    if error > FAR_BETTER * now or wins < IN_MOST * len(frames):
        return ""
    how = "stretched over the view" if current == "whole" else f"placed as '{current}'"
    instead = "as the whole view" if best == "whole" else f"placed as '{best}'"
    return (
        f"these maps fit far better {instead}: AbsRel {error:.4f}, {how} as now {now:.4f}, over the same "
        f"pixels of {len(frames)} frame{'s' * (len(frames) != 1)}. If they show that, say --placement {best}"
    )


def candidates(current: Placement) -> tuple[Placement, ...]:
    """The place in use, and those that have a name."""
    return (current, *(Placement(name) for name in NAMES if name != current.name))
