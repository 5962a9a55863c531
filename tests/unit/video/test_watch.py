"""Cuts, frozen frames and a closed shutter, in pictures made by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.types import FrameEvent
from thermodepth.video.evidence import noise
from thermodepth.video.watch import LONGEST_FLAT, FrameWatch, SmallPicture, Verdict, explained

Raw = NDArray[np.uint16]
SIZE = (60, 80)


def scene(seed: int) -> NDArray[np.float64]:
    """Blobs over 300 counts, larger than the frame."""
    rough = np.random.default_rng(seed).normal(size=(12, 16))
    large = cv2.resize(rough, (2 * SIZE[1], 2 * SIZE[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.float64) * 100


def frame(seed: int, number: int, *, moved: int = 0, level: float = 7000.0) -> Raw:
    """With fresh noise of 3 counts."""
    noise = np.random.default_rng([seed, number]).normal(0, 3, SIZE)
    part = scene(seed)[20 : 20 + SIZE[0], 20 + moved : 20 + moved + SIZE[1]]
    return np.rint(level + part + noise).astype(np.uint16)


def verdicts(frames: list[Raw]) -> list[Verdict]:
    watch = FrameWatch(least_explained=0.85)
    return [watch.look(raw) for raw in frames]


def events(frames: list[Raw]) -> list[FrameEvent | None]:
    return [verdict.event for verdict in verdicts(frames)]


def restarts(frames: list[Raw]) -> list[int]:
    return [n for n, verdict in enumerate(verdicts(frames)) if verdict.restart]


def test_noise_motion_and_drift_are_no_events() -> None:
    frames = [frame(0, n, moved=3 * n, level=7000 + 5 * n) for n in range(12)]
    assert events(frames) == [None] * 12
    assert restarts(frames) == [0]


def test_another_scene_is_a_cut_and_begins_anew() -> None:
    frames = [frame(0, n) for n in range(4)] + [frame(1, n) for n in range(4)]
    assert events(frames) == [None] * 4 + [FrameEvent.CUT] + [None] * 3
    assert restarts(frames) == [0, 4]


def test_a_frame_of_another_size_is_a_cut() -> None:
    frames = [frame(0, 0), frame(0, 1)[:40]]
    assert events(frames) == [None, FrameEvent.CUT]


@pytest.mark.parametrize("nearly", [False, True])
def test_a_closed_shutter_freezes_the_picture_and_begins_anew(nearly: bool) -> None:
    live = [frame(0, n) for n in range(6)]
    frozen = [live[-1].copy() for _ in range(4)]
    if nearly:  # a pixel blinks
        for n, raw in enumerate(frozen):
            raw[3, n] += 40
    after = [frame(0, n, level=7040) for n in range(6, 9)]
    frames = live + frozen + after
    assert events(frames) == [None] * 6 + [FrameEvent.FROZEN] * 4 + [None] * 3
    assert restarts(frames) == [0, 10]


def test_repeats_of_a_slow_camera_begin_nothing() -> None:
    frames = [frame(0, n // 3) for n in range(12)]
    assert events(frames) == [None, FrameEvent.FROZEN, FrameEvent.FROZEN] * 4
    assert restarts(frames) == [0]


def test_the_shutter_itself_is_flat() -> None:
    flat = [np.rint(7100 + np.random.default_rng(n).normal(0, 3, SIZE)) for n in range(3)]
    frames = [frame(0, n) for n in range(5)]
    frames += [raw.astype(np.uint16) for raw in flat] + [frame(0, n) for n in range(5, 7)]
    assert events(frames) == [None] * 5 + [FrameEvent.FLAT] * 3 + [None] * 2
    assert restarts(frames) == [0, 8]


def test_a_scene_that_stays_flat_is_believed() -> None:
    def flat(n: int) -> Raw:
        return np.rint(7100 + np.random.default_rng(n).normal(0, 3, SIZE)).astype(np.uint16)

    frames = [frame(0, n) for n in range(4)] + [flat(n) for n in range(LONGEST_FLAT + 3)]
    seen = events(frames)
    assert seen[4 : 4 + LONGEST_FLAT] == [FrameEvent.FLAT] * LONGEST_FLAT
    assert seen[4 + LONGEST_FLAT :] == [FrameEvent.CUT, None, None]


def small(values: NDArray[np.float64], *, noise_variance: float = 0.0) -> SmallPicture:
    span = float(np.ptp(np.percentile(values, [1, 99])))
    return SmallPicture(
        values=values.astype(np.float32), span=max(span, 1e-6), noise_variance=noise_variance
    )


def test_what_a_frame_explains_of_the_next() -> None:
    """Itself wholly; a picture of nothing leaves the whole variance."""
    values = scene(0)[:72, :96]
    values = values - np.median(values)
    picture = small(values)
    assert explained(picture, picture) == pytest.approx(1.0)
    assert explained(small(np.roll(values, 2, axis=1)), picture) > 0.9
    nothing = SmallPicture(
        values=np.zeros_like(picture.values), span=picture.span, noise_variance=0
    )
    assert explained(nothing, picture) == pytest.approx(0.0, abs=0.01)
    # Where all of it can be noise, nothing is left to be explained.
    assert explained(nothing, small(values, noise_variance=float(values.var()))) == 1.0


def test_a_hot_object_that_enters_is_no_cut() -> None:
    frames = [frame(0, n) for n in range(6)]
    for raw in frames[3:]:
        raw[:15, :18] = 9500
    assert events(frames) == [None] * 6


def test_noise_is_that_of_the_pixels_and_not_of_the_scene() -> None:
    assert noise(frame(0, 0)) == pytest.approx(3.0, rel=0.2)
    assert noise(np.add.outer(np.arange(60.0), 3 * np.arange(80.0))) < 1e-3
