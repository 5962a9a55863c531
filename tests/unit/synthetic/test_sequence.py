"""Raw frames of a video: a pattern that stands, a shutter that renews it, frames that freeze."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from thermodepth.errors import DataError
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings, counts
from thermodepth.synthetic.sensors.sequence import displayed_frames, raw

PLAIN = MicrobolometerSettings()
SHUTTER = replace(PLAIN, shutter_every_s=2.0, freeze_s=0.5)
SCENE = np.full((48, 64), 300.0, np.float32)
CHANCE = 0.3  # 64 columns carry most of a pattern: two of them are alike to about .08 by chance


def _raw(
    number: int,
    *,
    sequence: str = "drive",
    time_s: float | None = None,
    draw: int = 0,
    settings: MicrobolometerSettings = PLAIN,
) -> np.ndarray:
    return raw(
        SCENE,
        sequence=sequence,
        frame_id=f"{sequence}-{number:04d}",
        time_s=number / 25 if time_s is None else time_s,
        draw=draw,
        settings=settings,
    )


def _pattern(
    numbers: Sequence[int],
    *,
    sequence: str = "drive",
    draw: int = 0,
    settings: MicrobolometerSettings = PLAIN,
) -> np.ndarray:
    """[h*w] the mean picture of these frames, without its own mean and tilt: columns and pixels."""
    mean = np.mean(
        [_raw(n, sequence=sequence, draw=draw, settings=settings).astype(float) for n in numbers], 0
    )
    residual = mean - mean.mean(1, keepdims=True)
    columns = np.arange(64)
    shading = np.polynomial.Polynomial.fit(columns, residual.mean(0), 2)(columns)
    flat: np.ndarray = (residual - shading).ravel()
    return flat


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def test_the_pattern_stands_through_a_sequence_and_differs_between_sequences() -> None:
    early, late = _pattern(range(30)), _pattern(range(200, 230))
    assert _alike(early, late) > 0.9
    assert abs(_alike(early, _pattern(range(30), sequence="walk"))) < CHANCE


def test_another_draw_is_another_camera() -> None:
    standing = _pattern(range(30))
    assert abs(_alike(standing, _pattern(range(30), draw=1))) < CHANCE


def test_single_frames_of_a_sequence_share_only_the_pattern() -> None:
    first, second = _raw(0).astype(float), _raw(1).astype(float)
    assert not np.array_equal(first, second)
    assert abs(first.mean() - second.mean()) < 3  # the level does not jump
    temporal = (second - first).std() / np.sqrt(2) / 45
    assert temporal * 1.02 >= 0.04
    assert temporal <= 0.09 * np.hypot(1, 0.4) * 1.1


def test_a_shutter_event_renews_the_pattern() -> None:
    quick = replace(SHUTTER, gain_pixel=0.0, gain_column=0.0)  # gain is not what the shutter mends
    before, at_the_end = (
        _pattern(range(25), settings=quick),
        _pattern(range(25, 50), settings=quick),
    )
    after = _pattern(range(63, 88), settings=quick)
    assert _alike(before, at_the_end) > 0.85
    assert abs(_alike(before, after)) < CHANCE
    assert _alike(after, _pattern(range(75, 98), settings=quick)) > 0.85


def test_bad_pixels_outlast_the_shutter_and_belong_to_the_sequence() -> None:
    broken = replace(SHUTTER, bad_pixel_share=0.01)
    dead = [_raw(n, settings=broken) == 0 for n in (0, 49, 70, 1000)]
    assert dead[0].any()
    assert all(np.array_equal(dead[0], other) for other in dead[1:])
    assert not np.array_equal(dead[0], _raw(0, sequence="walk", settings=broken) == 0)


def test_the_same_frame_again_is_the_same_to_the_bit() -> None:
    in_order = [_raw(n, settings=SHUTTER) for n in range(0, 200, 20)]
    for number in range(20):  # other cameras come between and push the first one out
        _raw(0, sequence=f"other-{number}")
    backwards = [_raw(n, settings=SHUTTER) for n in range(180, -20, -20)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(in_order, backwards, strict=True))


def test_every_shutter_event_brings_another_pattern() -> None:
    quick = replace(SHUTTER, gain_pixel=0.0, gain_column=0.0)
    first, second = (_pattern(range(n, n + 25), settings=quick) for n in (63, 113))
    assert abs(_alike(first, second)) < CHANCE


def test_the_level_drifts_with_time_and_starts_anew_after_an_event() -> None:
    start, later = (_raw(0, time_s=time_s).mean() for time_s in (0.0, 300.0))
    soon = _raw(0, time_s=0.1).mean()
    assert abs(soon - start) < 2
    assert abs(later - start) > 10
    slow = replace(PLAIN, shutter_every_s=300.0)
    before, after = (_raw(0, time_s=time_s, settings=slow).mean() for time_s in (299.9, 300.0))
    assert before == pytest.approx(later, abs=2)
    assert abs(after - before) > 10


def test_time_that_was_rounded_in_a_file_changes_nothing() -> None:
    rounded, exact = (_raw(50, time_s=time_s, settings=SHUTTER) for time_s in (2.0 - 1e-9, 2.0))
    assert np.array_equal(rounded, exact)
    assert (
        displayed_frames([1.9, 2.0 - 1e-9], SHUTTER)
        == displayed_frames([1.9, 2.0], SHUTTER)
        == [0, 0]
    )


def test_a_frame_on_its_own_is_a_still() -> None:
    one, other = (
        raw(SCENE, sequence="", frame_id=name, time_s=0.0, draw=0, settings=PLAIN)
        for name in ("a", "b")
    )
    again = raw(SCENE, sequence="", frame_id="a", time_s=7.0, draw=0, settings=PLAIN)
    fresh = raw(SCENE, sequence="", frame_id="a", time_s=0.0, draw=1, settings=PLAIN)
    assert one.dtype == np.uint16
    assert one.shape == SCENE.shape
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, fresh)
    assert counts(SCENE, np.random.default_rng(0)).std() == pytest.approx(one.std(), rel=0.7)


def test_frozen_frames_repeat_the_last_before_the_event() -> None:
    times_s = [number / 4 for number in range(24)]  # 4 Hz, events at 2 s and 4 s
    indices = displayed_frames(times_s, SHUTTER)
    assert indices[:8] == list(range(8))
    assert indices[8:12] == [7, 7, 10, 11]
    assert indices[16:19] == [15, 15, 18]
    assert indices[-1] == 23


def test_without_a_shutter_every_frame_shows_itself() -> None:
    times_s = [number / 25 for number in range(100)]
    assert displayed_frames(times_s, PLAIN) == list(range(100))
    assert displayed_frames(times_s, replace(SHUTTER, freeze_s=0.0)) == list(range(100))
    assert displayed_frames([], SHUTTER) == []


def test_a_sequence_that_starts_within_an_event_shows_its_first_frame() -> None:
    assert displayed_frames([2.1, 2.3, 2.6], SHUTTER) == [0, 0, 2]


@pytest.mark.parametrize(
    ("times_s", "message"),
    [
        ([0.0, 0.1, 0.1], "frame 2: time_s = 0.1 after 0.1: times must rise"),
        ([-0.1], "frame 0: time_s = -0.1: must be finite and 0 or later"),
        ([0.0, float("nan")], "frame 1: time_s = nan"),
    ],
)
def test_impossible_times_are_named(times_s: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        displayed_frames(times_s, SHUTTER)


def test_an_impossible_time_of_a_frame_names_the_frame() -> None:
    with pytest.raises(DataError, match="frame 'drive-0003': time_s = inf"):
        _raw(3, time_s=float("inf"))
