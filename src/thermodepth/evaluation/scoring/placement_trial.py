"""Do maps of another size lie where they are put? A few of them are tried at every place that fits.

A stretch that differs in x and y is said with its figures: right for a resized view, wrong for a crop. Where
another place has a far smaller error over the same pixels, in most frames, that is said too. And a placed map
that does not reach every scored pixel is refused before hours of scoring.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import SettingsError
from thermodepth.evaluation.head_maps import GeometryMap
from thermodepth.evaluation.protocols.alignment import alignments_of
from thermodepth.evaluation.scoring.frame_truth import FrameTruth
from thermodepth.evaluation.scoring.placement import NAMES, WHOLE, Placement, overlap, stretch_of
from thermodepth.evaluation.scoring.score import metres_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.evaluation.protocols.crop import Size
    from thermodepth.evaluation.protocols.protocol import Protocol
    from thermodepth.evaluation.scoring.map_folders import MapFolders
    from thermodepth.types import Geometry

#: Frames that are tried at several places.
LOOKED_AT = 8
#: Another place is far better when its error is at most this share of the one in use ...
FAR_BETTER = 0.8
#: ... and it wins in at least this share of the frames.
IN_MOST = 0.75
#: Fewer pixels that all places show say nothing.
LEAST_PIXELS = 30


def placement_notes(folders: MapFolders, protocol: Protocol) -> tuple[str, ...]:
    """What a few frames say about where their maps lie: an uneven stretch, a place that fits better.

    Raises:
        SettingsError: for a placement that leaves scored pixels without a prediction.
        DataError: for files that cannot be read, or maps that the placement is not for.
    """
    count = min(len(folders), LOOKED_AT)
    placement, stretched = folders.placement, ""
    errors = []
    for index in (number * len(folders) // count for number in range(count)):
        sample, values = folders.pair(index)[0], folders.values(index)
        truth = FrameTruth.from_sample(sample, frame=index, protocol=protocol)
        map_size = (values.shape[0], values.shape[1])
        if truth is None or (map_size == truth.size and placement == WHOLE):
            continue
        covered(truth.scored, placement, map_size, sample.sample_id)
        stretch = stretch_of(map_size, truth.size) if placement == WHOLE else None
        if stretch is not None and not stretched:
            stretched = (
                f"{folders.prediction(index)}: {map_size[1]}x{map_size[0]} is stretched to "
                f"{truth.size[1]}x{truth.size[0]}, by {stretch[0]:.4f} in x and {stretch[1]:.4f} in y; "
                "right for a resized view, wrong for a crop, which --placement puts in its place"
            )
        errors.append(errors_by_place(values, folders.geometry, truth, candidates(placement)))
    return tuple(note for note in (stretched, better_place(errors, placement.name)) if note)


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
        overlap(*lengths) for lengths in zip(corner, map_size, size, strict=True)
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
    frames = [by_place for by_place in errors if current in by_place]
    if not frames:
        return ""
    names = set.intersection(*(set(by_place) for by_place in frames)) - {current}
    now = fmean(by_place[current] for by_place in frames)
    best = min(names, key=lambda name: fmean(by_place[name] for by_place in frames), default=None)
    if best is None:
        return ""
    error = fmean(by_place[best] for by_place in frames)
    wins = sum(by_place[best] < by_place[current] for by_place in frames)
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
