"""The bars of steady video on maps made by hand: flicker, lag, no ghost, a held shutter."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.inference.depth import Depth
from thermodepth.thermal import NormaliserSettings, NormaliserState, normalise
from thermodepth.types import FrameEvent, ThermalUnit
from thermodepth.video import SteadySettings, SteadyVideo
from thermodepth.video.evidence import ChangeEvidence
from thermodepth.video.flicker import FlickerMeter

SIZE = (48, 64)
COUNTS = ThermalUnit.COUNTS
Map = NDArray[np.float32]


def thermal(seed: int, number: int) -> NDArray[np.uint16]:
    rough = np.random.default_rng(seed).normal(0, 100, (6, 8))
    scene = cv2.resize(rough, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng([seed, number]).normal(0, 3, SIZE)
    raw: NDArray[np.uint16] = np.rint(7000 + scene + noise).astype(np.uint16)
    return raw


def depth_of(metres: Map, number: int, *, noise: float = 0.03, sky: Map | None = None) -> Depth:
    """With an error of its own in every frame, smooth as those of a network are, and one of the whole."""
    rng = np.random.default_rng([7, number])
    error = cv2.blur(rng.normal(0, 5 * noise, SIZE), (5, 5)) + rng.normal(0, noise / 2)
    depth_m = (metres * np.exp(error)).astype(np.float32)
    scale, offset = 1 + rng.normal(0, 0.02), rng.normal(0, 0.02)
    structure = (scale / depth_m + offset).astype(np.float32)
    return Depth(depth_m=depth_m, structure=structure, sky=None if sky is None else sky > 0.5)


def slope() -> Map:
    return np.repeat(np.geomspace(40, 4, SIZE[0], dtype=np.float32)[:, None], SIZE[1], axis=1)


def run(frames: list[tuple[NDArray[np.uint16], Depth]]) -> tuple[SteadyVideo, list[Depth]]:
    steady, results = SteadyVideo(), []
    for raw, depth in frames:
        steady.look(raw, COUNTS)
        results.append(steady.filter(depth))
    return steady, results


def mean_change(maps: list[Map]) -> float:
    return float(np.mean([np.abs(b - a).mean() for a, b in pairwise(maps[3:])]))


def test_a_still_scene_flickers_less_than_half_as_much() -> None:
    frames = [(thermal(0, n), depth_of(slope(), n)) for n in range(24)]
    steady, results = run(frames)
    before = mean_change([np.log(depth.depth_m) for _, depth in frames])
    after = mean_change([np.log(depth.depth_m) for depth in results])
    assert after < 0.25 * before
    structure = mean_change([depth.structure for _, depth in frames])
    assert mean_change([depth.structure for depth in results]) < 0.25 * structure
    assert steady.flicker is not None
    assert steady.flicker.before == pytest.approx(before, rel=0.2)
    assert steady.flicker.after == pytest.approx(after, rel=0.6)  # it counts the first frames, too
    assert steady.flicker.still_share > 0.8
    assert steady.flicker.pairs == 23
    assert steady.events == {}


@pytest.mark.parametrize("slope_a_frame", [0.03, 0.06])
def test_what_comes_nearer_under_an_unchanged_picture_lags_two_frames_at_most(
    slope_a_frame: float,
) -> None:
    """Of a ramp in ln metres the filter is behind by its lag times the slope."""
    frames = []
    for n in range(40):
        metres = (slope() * np.exp(-slope_a_frame * max(n - 10, 0))).astype(np.float32)
        frames.append((thermal(0, n), depth_of(metres, n, noise=0.02)))
    _, results = run(frames)
    behind = []
    for n in range(20, 40):
        truth = np.log(slope()) - slope_a_frame * (n - 10)
        behind.append(float((np.log(results[n].depth_m) - truth).mean()) / slope_a_frame)
    assert 0 < np.mean(behind) <= 2.0


def test_what_jumps_is_there_at_once() -> None:
    """An object at 4 m steps before a wall at 20 m, and away again."""
    wall = np.full(SIZE, 20, np.float32)
    near = wall.copy()
    near[10:40, 20:50] = 4
    frames = []
    for n in range(16):
        raw = thermal(0, n)
        if 6 <= n < 10:
            raw[10:40, 20:50] += 150
        frames.append((raw, depth_of(near if 6 <= n < 10 else wall, n)))
    _, results = run(frames)
    inside = np.s_[16:34, 26:44]
    for n in (6, 10):
        step = np.log(results[n].depth_m[inside]) - np.log(frames[n][1].depth_m[inside])
        assert np.abs(step).max() < 0.01


def test_a_cut_leaves_no_ghost() -> None:
    frames = [(thermal(0, n), depth_of(slope(), n)) for n in range(8)]
    frames += [(thermal(1, n), depth_of(slope()[::-1], n)) for n in range(3)]
    _, results = run(frames)
    assert [depth.event for depth in results] == [None] * 8 + [FrameEvent.CUT] + [None] * 2
    np.testing.assert_array_equal(results[8].depth_m, frames[8][1].depth_m)
    np.testing.assert_array_equal(results[8].structure, frames[8][1].structure)
    assert not np.array_equal(results[9].depth_m, frames[9][1].depth_m)


def test_a_closed_shutter_holds_the_depth_and_a_new_one_begins_behind_it() -> None:
    live = [(thermal(0, n), depth_of(slope(), n)) for n in range(6)]
    frozen = [(live[-1][0], depth_of(slope(), n)) for n in range(6, 10)]
    after = [(thermal(0, n), depth_of(slope(), n)) for n in range(10, 12)]
    steady, results = run(live + frozen + after)
    for held in results[6:10]:
        assert held.event is FrameEvent.FROZEN
        np.testing.assert_array_equal(held.depth_m, results[5].depth_m)
    np.testing.assert_array_equal(results[10].depth_m, after[0][1].depth_m)
    assert steady.events == {FrameEvent.FROZEN: 4}
    assert steady.flicker is not None
    assert steady.flicker.pairs == 5 + 1  # none through the shutter


def test_the_state_of_the_input_is_another_one_after_a_cut() -> None:
    steady = SteadyVideo()
    steady.look(thermal(0, 0), COUNTS)
    state = steady.state
    assert state.memory == SteadySettings().memory
    steady.look(thermal(0, 1), COUNTS)
    assert steady.state is state
    steady.look(thermal(1, 2), COUNTS)
    assert steady.state is not state
    state = steady.state
    steady.restart()
    assert steady.state is not state


def test_a_hot_object_does_not_dim_the_whole_input() -> None:
    """It covers 6 % of the frame: the range of a still follows it, that with memory by a tenth."""
    recipe = NormaliserSettings()
    plain = thermal(0, 0)
    hot = plain.copy()
    hot[:12, :16] = 9000
    state = NormaliserState(memory=0.9)
    normalise(plain, COUNTS, recipe, state)
    wall = np.s_[24:, 32:]
    before = normalise(plain, COUNTS, recipe)[wall]
    still = normalise(hot, COUNTS, recipe)[wall]
    steady = normalise(hot, COUNTS, recipe, state)[wall]
    assert still.std() < 0.3 * before.std()
    assert steady.std() > 0.6 * before.std()


@pytest.mark.parametrize("name", ["percentile", "min_max", "clahe"])
def test_recipes_of_a_frame_s_own_range_remember_it_where_the_state_says_so(name: str) -> None:
    recipe = NormaliserSettings.model_validate({"name": name, "clahe_clip": 0.0})
    first, second = thermal(0, 0), thermal(0, 1) + 50
    forgetful, state = NormaliserState(), NormaliserState(memory=0.5)
    for each in (forgetful, state):
        normalise(first, COUNTS, recipe, each)
    still = normalise(second, COUNTS, recipe)
    np.testing.assert_array_equal(normalise(second, COUNTS, recipe, forgetful), still)
    assert forgetful.window is None
    assert normalise(second, COUNTS, recipe, state).mean() > still.mean() + 0.02


def test_sky_that_flickers_stays_what_it_mostly_is() -> None:
    mask = np.zeros(SIZE, np.float32)
    mask[:12] = 1
    frames = []
    for n in range(10):
        sky = mask.copy()
        sky[12:16] = n == 6  # once
        frames.append((thermal(0, n), depth_of(slope(), n, noise=0.0, sky=sky)))
    _, results = run(frames)
    for depth in results:
        assert depth.sky is not None
        edge = np.s_[:11], np.s_[14:]  # which the share is averaged over
        for rows in edge:
            np.testing.assert_array_equal(depth.sky[rows], mask[rows] > 0.5)


def test_change_is_seen_where_it_is_and_not_in_noise() -> None:
    evidence = ChangeEvidence()
    assert evidence.add(thermal(0, 0), COUNTS) is None
    quiet = evidence.add(thermal(0, 1), COUNTS)
    moved = thermal(0, 2)
    moved[20:30, 30:40] += 60
    change = evidence.add(moved, COUNTS)
    assert quiet is not None
    assert change is not None
    assert quiet.mean() < 0.1
    assert (change[21:29, 31:39] == 1).all()
    assert change[:16].mean() < 0.1
    evidence.restart()
    assert evidence.add(thermal(0, 3), COUNTS) is None


def test_flicker_by_hand() -> None:
    """ln 1.1 on the one pixel that stands still and is no sky; the written one changes by ln 1.05."""
    meter = FlickerMeter()
    sky = np.array([[False, True, False]])

    def depth(metres: float) -> Depth:
        depth_m = np.full((1, 3), metres, np.float32)
        return Depth(depth_m=depth_m, structure=(1 / depth_m).astype(np.float32), sky=sky)

    meter.add(depth(10), depth(10), None)
    assert meter.flicker is None
    meter.add(depth(11), depth(10.5), np.array([[0, 0, 1]], np.float32))
    flicker = meter.flicker
    assert flicker is not None
    assert flicker.before == pytest.approx(np.log(1.1), rel=1e-5)
    assert flicker.after == pytest.approx(np.log(1.05), rel=1e-5)
    assert (flicker.still_share, flicker.pairs) == (0.5, 1)
    assert str(flicker) == (
        "flicker of what stands still: 9.53% a frame before, 4.88% after (50% of the pixels)"
    )


def test_where_nothing_stands_still_nothing_is_said() -> None:
    meter = FlickerMeter()
    depth = depth_of(slope(), 0)
    meter.add(depth, depth, None)
    meter.add(depth, depth, np.ones(SIZE, np.float32))
    assert meter.flicker is None


def test_a_closed_shutter_holds_the_expected_error_too() -> None:
    frames = []
    for number in range(8):
        level = np.full(SIZE, 0.1 * (number + 1), np.float32)
        depth = replace(
            depth_of(slope(), number), relative_error=level, relative_error_90=2 * level
        )
        shutter = np.full(SIZE, 7000, np.uint16)
        frames.append((thermal(0, number) if number < 6 else shutter, depth))
    _, results = run(frames)
    assert results[6].event is FrameEvent.FLAT
    for held in results[6:]:
        assert held.event is not None
        np.testing.assert_array_equal(held.relative_error, frames[5][1].relative_error)
        np.testing.assert_array_equal(held.relative_error_90, frames[5][1].relative_error_90)
