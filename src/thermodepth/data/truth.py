"""Truth as a sensor gives it to a training: so far, below its upper edge, on scan lines, with holes, by day.

A rendered frame knows the distance of every pixel; a sensor does not. A pixel has truth if all hold:

    D* <= max_m                                         the reach, along the axis, before any zoom
    row >= rows * h                                     nothing above the sensor's upper edge
    on a scan line, and one of the points of that line  `keep` of the pixels, see `scan_lines`
    in no hole                                          `holes` of the pixels, see `hole_map`
    the frame is of one of the conditions               others keep their labels alone
    and one of so many that are drawn                   `frames`, the fewer among the more

Frames are drawn by the seed. Lines, points and holes are functions of (seed, frame) on the grid of the
training, spread over the pixels of the frame: every arm and every step of a seed has the same ones, and
crops and flips move them with the frame.
Only what a training is taught by is limited. What it is validated and scored on, and the label of a teacher
(of `teacher.kind=truth` too), are of the whole truth.

Holes follow nothing in the scene: rendered packs keep no material of a pixel, by which glass and black paint
could be told.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Container, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import Field, model_validator

from thermodepth.config import Settings
from thermodepth.data.frames import Dataset, Frames, condition_of
from thermodepth.errors import SettingsError, unknown
from thermodepth.types import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRUTH, _FRAMES = 5, 6  # streams of random numbers, apart from those of the batch stream
#: Points along a line stand closer than lines do, by this factor or so.
_LINES_APART = 1.5
#: Rows that a line rises or falls by per column at most: a sensor is never mounted quite level.
_TILT = 0.02
_HOLES_ACROSS = 8  # regions that holes are made of, across the frame
_LOOKED_AT = 16  # frames, evenly spread, one of which must have truth


class TruthSettings(Settings):
    """What is left of the truth of the training's frames; the defaults leave all of it."""

    max_m: float | None = Field(None, gt=0)  # reach of the sensor; None: none
    rows: float = Field(0.0, ge=0, lt=1)  # share of the rows, from the top, without truth
    keep: float = Field(1.0, gt=0, le=1)  # share of the pixels that the sensor measures
    holes: float = Field(0.0, ge=0, lt=1)  # share of the pixels that lie in a hole
    #: Of the data set: whole ones or a part between dashes, so `day` is `street-day` too; empty: all frames.
    conditions: tuple[str, ...] = ()
    frames: int | None = Field(None, ge=1)  # so many of the frames have truth; None: all

    @model_validator(mode="after")
    def _conditions_are_names(self) -> Self:
        if "" in self.conditions or len(set(self.conditions)) < len(self.conditions):
            raise ValueError(f"conditions {list(self.conditions)}, expected distinct names")
        return self

    @property
    def is_on(self) -> bool:
        """Whether anything is left out."""
        return self != TruthSettings()

    def includes(self, condition: str) -> bool:
        """Whether frames of a condition have truth."""
        return not self.conditions or not set(self.conditions).isdisjoint(_names(condition))

    @property
    def words(self) -> str:
        """`up to 15 m, not in the upper 30 % of the rows`; empty where nothing is left out."""
        parts = (
            f"up to {self.max_m:g} m" if self.max_m is not None else "",
            f"not in the upper {100 * self.rows:g} % of the rows" if self.rows else "",
            f"on scan lines with {100 * self.keep:g} % of the pixels" if self.keep < 1 else "",
            f"with holes in {100 * self.holes:g} % of the frame" if self.holes else "",
            f"only in frames of {', '.join(self.conditions)}" if self.conditions else "",
            f"only in {self.frames} frame{'s' * (self.frames > 1)}, drawn by the seed"
            if self.frames
            else "",
        )
        return ", ".join(filter(None, parts))


def frames_with_truth(
    frames: Frames, settings: TruthSettings, *, seed: int
) -> frozenset[str] | None:
    """The ids of the frames that have truth; None where all have.

    Args:
        frames: of the training.
        settings: which have.
        seed: of the training.

    Raises:
        DataError: as `condition_of`.
    """
    if not settings.conditions and settings.frames is None:
        return None
    names = [
        name
        for index, name in enumerate(frames.sample_ids)
        if not settings.conditions or settings.includes(condition_of(frames, index))
    ]
    if settings.frames is not None:
        order = np.random.default_rng([seed, _FRAMES]).permutation(len(names))
        names = [names[index] for index in order[: settings.frames]]
    return frozenset(names)


def limited(
    sample: Sample,
    settings: TruthSettings,
    *,
    size: tuple[int, int],
    seed: int,
    with_truth: Container[str] | None = None,
) -> Sample:
    """A frame with the truth that the sensor gives.

    Args:
        sample: as read, before it is varied.
        settings: what is left out.
        with_truth: as `frames_with_truth`.
        size: (rows, columns) that the training works at.
        seed: of the training.
    """
    if not settings.is_on or sample.depth_m is None:
        return sample
    if with_truth is not None and sample.sample_id not in with_truth:
        return replace(sample, depth_m=np.full_like(sample.depth_m, np.nan))
    depth_m = sample.depth_m.copy()
    depth_m[: round(settings.rows * sample.size[0])] = np.nan
    if settings.max_m is not None:
        depth_m[depth_m > settings.max_m] = np.nan
    if settings.keep < 1 or settings.holes:
        depth_m[~_measured(sample, settings, size, seed)] = np.nan
    return replace(sample, depth_m=depth_m)


def _measured(
    sample: Sample, settings: TruthSettings, size: tuple[int, int], seed: int
) -> NDArray[np.bool_]:
    """`[h w]` where a scan line has a point and no hole lies."""
    height, width = sample.size
    # A line is as thick as a row of the training's grid: of thinner ones, picking pixels would miss most.
    grid = min(size[0], height), min(size[1], width)
    digest = hashlib.sha256(sample.sample_id.encode()).digest()
    rng = np.random.default_rng([seed, _TRUTH, int.from_bytes(digest[:8], "big")])
    lines_rng, holes_rng = rng.spawn(2)
    measured = np.ones(grid, np.bool_)
    if settings.keep < 1:
        measured &= scan_lines(grid, settings.keep, lines_rng)
    if settings.holes:
        measured &= ~hole_map(grid, settings.holes, holes_rng)
    if grid == (height, width):
        return measured
    row, column = (
        np.floor((np.arange(n) + 0.5) * (cells / n)).astype(np.intp)
        for n, cells in zip((height, width), grid, strict=True)
    )
    spread: NDArray[np.bool_] = measured[row[:, None], column[None, :]]
    return spread


def scan_lines(size: tuple[int, int], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """`[h w]` True where a scanning sensor measures: points drawn from lines that lie evenly apart.

    Every n-th row is a line, n = sqrt(1.5 / share) rounded down, and n * share of its pixels are points: of
    a share of .04 every sixth row and 24 % of it. From a share of .375 on, every row is a line. Where the
    first line begins, a slight tilt and which pixels are points is drawn.
    """
    rows, columns = size
    apart = max(int(math.sqrt(_LINES_APART / share)), 1)
    first, tilt = rng.uniform(0, apart), rng.uniform(-_TILT, _TILT)
    points = rng.random(size) < apart * share
    offset = first + tilt * np.arange(columns)
    return points & ((np.arange(rows)[:, None] + offset) % apart < 1)


def hole_map(size: tuple[int, int], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """`[h w]` True in a share of the pixels: where a smooth random surface is lowest.

    The regions are about an eighth of the width across.
    """
    import cv2

    rows, columns = size
    coarse = rng.standard_normal((max(round(_HOLES_ACROSS * rows / columns), 2), _HOLES_ACROSS))
    surface = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    count = min(round(share * surface.size), surface.size - 1)
    holes: NDArray[np.bool_] = surface < np.partition(surface, count, axis=None)[count]
    return holes


def conditions_of(frames: Frames) -> list[str]:
    """Of every frame, as `condition_of`."""
    return [condition_of(frames, index) for index in range(len(frames.sample_ids))]


def check_conditions(dataset: Dataset, split: str, settings: TruthSettings) -> None:
    """Whether the conditions are some of the split's.

    Raises:
        SettingsError: for one that no frame is of.
        DataError: as `conditions_of`.
    """
    if not settings.conditions:
        return
    known = sorted({name for c in set(conditions_of(dataset.split(split))) for name in _names(c)})
    if not known:
        raise SettingsError(
            f"data.truth.conditions={_listed(settings.conditions)}: {dataset.spec} does not say of which "
            f"condition the frames of '{split}' are; leave it empty"
        )
    for name in settings.conditions:
        if name not in known:
            raise SettingsError(
                f"data.truth.conditions: on {dataset.spec}, '{split}': {unknown('condition', name, known)}"
            )


def check_some_truth(
    frames: Frames, settings: TruthSettings, *, size: tuple[int, int], seed: int
) -> None:
    """Whether truth is left in these frames, of which some are looked at.

    Raises:
        SettingsError: when there is none.
        DataError: for a frame that cannot be read.
    """
    if not settings.is_on:
        return
    with_truth = frames_with_truth(frames, settings, seed=seed)
    indices: Sequence[int] = range(len(frames.sample_ids))
    if with_truth is not None:
        indices = [n for n, name in enumerate(frames.sample_ids) if name in with_truth]
    if not indices:
        raise SettingsError(
            f"data.truth.conditions={_listed(settings.conditions)}: none of the {len(frames.sample_ids)} "
            f"frames that data.most_frames draws by seed {seed} is of them; draw more frames"
        )
    count = min(len(indices), _LOOKED_AT)
    for number in range(count):
        sample = frames.read(indices[number * len(indices) // count], with_rgb=False)
        sample = limited(sample, settings, size=size, seed=seed, with_truth=with_truth)
        if sample.depth_m is not None and (sample.depth_m > 0).any():
            return
    raise SettingsError(
        f"data.truth leaves no pixel of truth in any of {count} frames that were looked at "
        f"({settings.words}); the metric head would learn nothing"
    )


def _names(condition: str) -> tuple[str, ...]:
    """What a condition may be called: itself and its parts."""
    return tuple(dict.fromkeys(filter(None, (condition, *condition.split("-")))))


def _listed(names: Sequence[str]) -> str:
    return "[" + ", ".join(names) + "]"
