"""Does a test only ask what was seen in training: the same camera in the same place, over the same ground.

For every test frame the training frame with the likest thermal thumbnail is looked up, and its depth is held
against the truth, cell by cell of a thumbnail. Where that is far better than the mean of all training depth,
remembering is enough to score well, and a score says little of another place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from thermodepth.doctor.evidence import Evidence
from thermodepth.doctor.facts import FrameFacts
from thermodepth.doctor.finding import Finding, Severity, finding

PLACEMENTS = "placements"

#: A look-up that errs by less than this share of the mean map's error: .08 and .27 where three placements of
#: a camera are in every split, 1.0 where each split has its own.
FAR_BETTER = 0.5
#: And by less than this: in rendered scenes it errs .4 times as much as the mean map, for it tells rooms from
#: streets, but that is .5 of the truth, for no scene is there twice.
MEMORISED = 0.1
LEAST_FRAMES = 5  # of either split: the error of fewer says nothing
#: Frames of each split that are compared, evenly spread: tables of 2000 x 2000 take a tenth of a second.
MOST_COMPARED = 2000


def placements(evidence: Evidence) -> Iterator[Finding]:
    """Splits of which a look-up of training frames knows the depth."""
    splits: dict[str, list[FrameFacts]] = {}
    for frame in evidence.readable:
        if frame.thermal is not None and frame.depth is not None and frame.depth.in_metres:
            splits.setdefault(frame.split, []).append(frame)
    train = _evenly_spaced(splits.pop("train", []))
    for name, frames in splits.items():
        queries = _evenly_spaced(frames)
        if not name or len(train) < LEAST_FRAMES or len(queries) < LEAST_FRAMES:
            continue
        by_look_up, by_mean, nearest = _errors(train, queries)
        if by_look_up < min(FAR_BETTER * by_mean, MEMORISED):
            yield finding(
                PLACEMENTS,
                Severity.WARNING,
                f"train and {name} share a camera placement: the nearest training frame's depth errs by "
                f"{by_look_up:.3f} of the truth, the mean-depth map by {by_mean:.3f}",
                [f"{a.name} ~ {train[i].name}" for a, i in zip(queries, nearest, strict=True)],
                total=len(frames),
                meaning="who remembers the training frames scores well here without seeing depth; a score on "
                f"{name} says little about another place or another angle",
                remedy="split by placement of the camera; where that cannot be, print the nearest training "
                "frame beside every number (`thermodepth evaluate` does)",
            )


def _errors(
    train: Sequence[FrameFacts], queries: Sequence[FrameFacts]
) -> tuple[float, float, NDArray[np.intp]]:
    """(AbsRel of the look-up, AbsRel of the mean map, which training frame was looked up)."""
    references, sought = _thumbnails(train), _thumbnails(queries)
    nearest = (sought @ references.T).argmax(axis=1)
    depths, truths = _depths(train), _depths(queries)
    with np.errstate(invalid="ignore"):
        counts = np.isfinite(depths).sum(axis=0)
        means = np.nansum(depths, axis=0) / np.maximum(counts, 1)
    overall = float(np.nanmean(depths)) if np.isfinite(depths).any() else 1.0
    means = np.where(counts > 0, means, overall)
    looked_up = np.where(np.isfinite(depths[nearest]), depths[nearest], means)
    return _abs_rel(looked_up, truths), _abs_rel(means[None], truths), nearest


def _abs_rel(guess: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    relative = np.abs(guess - truth) / truth
    return float(np.nanmean(relative)) if np.isfinite(relative).any() else 0.0


def _thumbnails(frames: Sequence[FrameFacts]) -> NDArray[np.float32]:
    looks = [frame.thermal.look.thumbnail for frame in frames if frame.thermal is not None]
    return np.stack(looks, dtype=np.float32)


def _depths(frames: Sequence[FrameFacts]) -> NDArray[np.float64]:
    return np.stack([f.depth.cells for f in frames if f.depth is not None]).astype(np.float64)


def _evenly_spaced(frames: Sequence[FrameFacts]) -> Sequence[FrameFacts]:
    count = min(len(frames), MOST_COMPARED)
    return [frames[number * len(frames) // count] for number in range(count)]
