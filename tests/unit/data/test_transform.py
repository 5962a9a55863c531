"""A sample moves as a whole: picture, depth, label, holes and intrinsics stay about the same scene."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from thermodepth.data.transform import (
    AugmentationSettings,
    as_one_lens,
    augment,
    crop_resize,
    drift,
    mirror,
    pick,
    resize_image,
    tint,
)
from thermodepth.errors import SettingsError
from thermodepth.types import Sample, ThermalUnit

STILL = AugmentationSettings(flip_probability=0, zoom=1, gain=0, offset=0, colour=0)
SIZES = [(12, 16), (11, 15), (7, 9), (24, 32), (23, 37), (6, 40)]
F = 61.0  # focal length of the test camera


def ramps(size: tuple[int, int], *, depth_m: float = 8.0) -> tuple[Sample, Sample]:
    """Two frames whose value at a pixel is its own column, and its own row."""
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32) + np.float32(0.5)
    camera = np.array([[F, 0, 0.43 * size[1]], [0, F, 0.58 * size[0]], [0, 0, 1]], np.float32)
    frame = Sample(
        sample_id="ramp",
        thermal=columns,
        thermal_unit=ThermalUnit.KELVIN,
        intrinsics=camera,
        depth_m=np.full(size, depth_m, np.float32),
    )
    return frame, replace(frame, thermal=rows)


def seen_at(frame: Sample, points: np.ndarray) -> np.ndarray:
    """The thermal value where each 3-D point is projected to."""
    u, v, w = frame.intrinsics.astype(np.float64) @ points.T
    return map_coordinates(frame.thermal, [v / w - 0.5, u / w - 0.5], order=1, mode="nearest")


def inner_points(frame: Sample, *, share: tuple[float, float] = (0.42, 0.58)) -> np.ndarray:
    """3-D points at 8 m that fall into the middle of the frame, so that every crop keeps them."""
    height, width = frame.size
    rng = np.random.default_rng(0)
    u, v = rng.uniform(*share, (2, 80)) * [[width], [height]]
    camera = frame.intrinsics.astype(np.float64)
    x, y = (u - camera[0, 2]) / camera[0, 0], (v - camera[1, 2]) / camera[1, 1]
    return np.stack([x, y, np.ones_like(x)], axis=1) * 8.0


def drawn(recipe: AugmentationSettings, seed: int) -> tuple[bool, float]:
    """(flipped, degrees rolled) of a seed, by the order of draws that every old run depends on."""
    rng = np.random.default_rng(seed)
    flip = rng.random(9)[0] < recipe.flip_probability
    _, of_roll = rng.spawn(2)
    return bool(flip), recipe.roll_deg * float(of_roll.uniform(-1, 1))


def turned(points: np.ndarray, degrees: float, flip: bool) -> np.ndarray:
    """Points in the axes of a camera that was turned clockwise about its own axis, then mirrored."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]).T * [-1 if flip else 1, 1, 1]


class TestGeometry:
    @pytest.mark.parametrize("zoom", [1.0, 1.05, 1.15, 1.5, 2.0])
    @pytest.mark.parametrize(
        "size", [(61, 83), (120, 160), (97, 129), (60, 80), (30, 40), (31, 47), (45, 160)]
    )
    @pytest.mark.parametrize("flip", [False, True])
    def test_a_point_meets_the_same_content_before_and_after(
        self, size: tuple[int, int], zoom: float, flip: bool
    ) -> None:
        across, down = ramps((60, 80))
        points = inner_points(across)
        before = seen_at(across, points), seen_at(down, points)
        one_lens = points / [1, 1, zoom]  # read as the same lens, nearer by
        for frame, expected, knows_lens in (
            (across, before[0], True),
            (down, before[1], True),
            (across, before[0], False),
            (down, before[1], False),
        ):
            moved = (points if knows_lens else one_lens) * [-1 if flip else 1, 1, 1]
            after = crop_resize(frame, size, zoom=zoom, position=(0.3, 0.7))
            after = after if knows_lens else as_one_lens(after, zoom=zoom)
            after = mirror(after) if flip else after
            assert after.size == size
            # The mean over a part of a pixel knows its place to an eighth of a pixel only.
            error_px = 0.02 if size > (60, 80) else 0.125
            np.testing.assert_allclose(seen_at(after, moved), expected, atol=error_px)

    @pytest.mark.parametrize("seed", range(6))
    @pytest.mark.parametrize("flip", [0.0, 1.0])
    def test_augmentation_keeps_points_on_their_content(self, seed: int, flip: float) -> None:
        recipe = AugmentationSettings(flip_probability=flip, zoom=1.4, gain=0, offset=0)
        across, down = ramps((60, 80))
        points = inner_points(across)
        for frame in (across, down):
            after = augment(frame, recipe, (65, 91), np.random.default_rng(seed))
            assert after.depth_m is not None
            nearer = float(after.depth_m[0, 0]) / 8.0
            assert 1 / 1.4 <= nearer < 1
            moved = points * [-1 if flip else 1, 1, nearer]
            np.testing.assert_allclose(seen_at(after, moved), seen_at(frame, points), atol=0.02)

    @pytest.mark.parametrize("zoom", [1.0, 1.25, 1.6])
    def test_a_zoom_is_a_longer_lens_or_a_nearer_scene(self, zoom: float) -> None:
        frame, _ = ramps((80, 80))  # every window is a whole number of pixels
        longer = crop_resize(frame, (40, 40), zoom=zoom)
        assert longer.focal_px == pytest.approx(zoom * F / 2)
        assert longer.depth_m[0, 0] == 8.0
        nearer = as_one_lens(longer, zoom=zoom)
        assert nearer.intrinsics[0, 0] == pytest.approx(F / 2)
        assert nearer.intrinsics[1, 1] == pytest.approx(F / 2)
        assert nearer.depth_m[0, 0] == pytest.approx(8.0 / zoom)

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("size", [(65, 91), (64, 64), (90, 60)])
    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"zoom": 1.7, "zoom_least": 1.2},
            {"zoom": 1.7, "aspect": "cut"},
            {"zoom": 1.3, "roll_deg": 9.0},
            {"zoom": 1.5, "roll_deg": 30.0, "aspect": "cut"},
        ],
    )
    def test_a_network_that_knows_the_lens_gets_true_depth_and_the_lens_of_the_picture(
        self, seed: int, size: tuple[int, int], changes: dict[str, Any]
    ) -> None:
        recipe = AugmentationSettings(
            **{"flip_probability": 0.5, "gain": 0, "offset": 0, **changes}
        )
        across, down = ramps((60, 80))
        points = inner_points(across, share=(0.02, 0.98))
        flip, degrees = drawn(recipe, seed)
        for frame in (across, down):
            after = augment(frame, recipe, size, np.random.default_rng(seed), knows_lens=True)
            assert after.size == size
            assert (after.depth_m == 8.0).all()
            u, v, w = after.intrinsics.astype(np.float64) @ turned(points, degrees, flip).T
            inside = (u > w) & (u < (size[1] - 1) * w) & (v > w) & (v < (size[0] - 1) * w)
            assert inside.sum() > 5
            got = seen_at(after, turned(points, degrees, flip))[inside]
            np.testing.assert_allclose(got, seen_at(frame, points)[inside], atol=0.125)

    def test_without_roll_and_shape_draws_are_what_they_were(self, make_sample) -> None:
        sample = make_sample((24, 32))
        plain = augment(sample, AugmentationSettings(), (17, 23), np.random.default_rng(3))
        turn = AugmentationSettings(roll_deg=1e-9)
        rolled_by_nothing = augment(sample, turn, (17, 23), np.random.default_rng(3))
        # The window of a roll is at most a pixel smaller, which is one zoom; everything else agrees.
        assert rolled_by_nothing.size == plain.size
        np.testing.assert_allclose(
            np.nanmedian(rolled_by_nothing.depth_m / plain.depth_m), 1, atol=0.1
        )

    @pytest.mark.parametrize("shape", [(60, 90), (64, 64), (90, 30)])
    def test_a_frame_that_is_cut_to_a_shape_is_not_stretched(self, shape: tuple[int, int]) -> None:
        frame, _ = ramps((60, 80))
        recipe = AugmentationSettings(flip_probability=0, zoom=1, aspect="cut")
        after = augment(frame, recipe, shape, np.random.default_rng(0), knows_lens=True)
        fx, fy = after.intrinsics[0, 0], after.intrinsics[1, 1]
        assert fx == pytest.approx(fy, rel=0.03)  # windows are whole pixels
        stretched = augment(frame, STILL, shape, np.random.default_rng(0), knows_lens=True)
        assert after.focal_px > stretched.focal_px

    def test_a_least_zoom_leaves_the_horizon_room_in_every_draw(self) -> None:
        frame, _ = ramps((60, 80))
        recipe = AugmentationSettings(zoom=1.7, zoom_least=1.5)
        focals, horizons = [], []
        for seed in range(40):
            after = augment(frame, recipe, (60, 80), np.random.default_rng(seed), knows_lens=True)
            focals.append(after.focal_px / F)
            horizons.append(float(after.intrinsics[1, 2]) / 60)
        assert 1.48 < min(focals) < 1.55
        assert 1.65 < max(focals) < 1.73
        assert np.ptp(horizons) > 0.4

    def test_place_says_which_corner(self) -> None:
        across, down = ramps((40, 80))
        for place, corner in {
            (0, 0): (0.5, 0.5),
            (1, 1): (20.5, 40.5),
            (0, 1): (0.5, 40.5),
        }.items():
            got = [
                crop_resize(f, (20, 40), zoom=2, position=place).thermal[0, 0]
                for f in (down, across)
            ]
            assert tuple(got) == corner

    def test_the_whole_frame_at_its_own_size_is_untouched(self, make_sample) -> None:
        sample = make_sample((13, 17))
        after = crop_resize(sample, (13, 17))
        for name in ("thermal", "depth_m", "label", "rgb", "intrinsics"):
            np.testing.assert_array_equal(getattr(after, name), getattr(sample, name))


class TestNothingIsInvented:
    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("zoom", [1.0, 1.15, 1.7])
    def test_depth_is_picked_and_divided_exactly(self, make_sample, size, zoom: float) -> None:
        sample = make_sample((12, 16))
        after = as_one_lens(crop_resize(sample, size, zoom=zoom), zoom=zoom)
        originals = sample.depth_m[np.isfinite(sample.depth_m)] * np.float32(1 / zoom)
        values = after.depth_m[np.isfinite(after.depth_m)]
        assert after.depth_m.shape == size
        assert after.depth_m.dtype == np.float32
        assert set(values.tolist()) <= set(originals.tolist())

    @pytest.mark.parametrize("size", SIZES)
    def test_labels_are_picked_and_never_scaled(self, make_sample, size) -> None:
        sample = make_sample((12, 16))
        after = mirror(crop_resize(sample, size, zoom=1.3))
        values = after.label[np.isfinite(after.label)]
        assert set(values.tolist()) <= set(sample.label[np.isfinite(sample.label)].tolist())

    @pytest.mark.parametrize("seed", range(5))
    def test_depth_label_and_holes_move_together(self, make_sample, seed: int) -> None:
        depth = make_sample((24, 32)).depth_m
        sample = make_sample((24, 32), depth_m=depth, label=1 / depth)
        after = augment(sample, AugmentationSettings(), (17, 23), np.random.default_rng(seed))
        np.testing.assert_array_equal(np.isnan(after.depth_m), np.isnan(after.label))
        ratio = (after.depth_m * after.label)[np.isfinite(after.depth_m)]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)  # one zoom for the whole frame
        assert np.isnan(after.depth_m).any()

    def test_pick_by_hand(self) -> None:
        values = np.array([[1, 2, 3, 4, 5]], np.float32)
        # Centres of 2 cells of 5 lie at 1.25 and 3.75: the pixels 1 and 3.
        np.testing.assert_array_equal(pick(values, (1, 2)), [[2, 4]])
        np.testing.assert_array_equal(pick(values, (1, 3)), [[1, 3, 5]])
        np.testing.assert_array_equal(pick(values, (2, 10))[1], np.repeat([1, 2, 3, 4, 5], 2))

    def test_missing_maps_stay_missing(self, make_sample) -> None:
        sample = make_sample(depth_m=None, label=None, rgb=None, label_geometry=None)
        after = augment(sample, AugmentationSettings(), (9, 9), np.random.default_rng(0))
        assert after.depth_m is after.label is after.rgb is None

    def test_the_sample_given_is_left_alone(self, make_sample) -> None:
        sample, same = make_sample(), make_sample()
        augment(sample, AugmentationSettings(), sample.size, np.random.default_rng(1))
        for name in ("thermal", "depth_m", "label", "rgb", "intrinsics"):
            np.testing.assert_array_equal(getattr(sample, name), getattr(same, name))


class TestMirror:
    def test_by_hand(self, make_sample) -> None:
        sample = make_sample((5, 7))
        after = mirror(sample)
        for name in ("thermal", "depth_m", "label", "rgb"):
            np.testing.assert_array_equal(getattr(after, name), getattr(sample, name)[:, ::-1])
        assert after.intrinsics[0, 2] == np.float32(7 - 7.5)
        assert after.thermal.flags.c_contiguous

    def test_twice_is_nothing(self, make_sample) -> None:
        sample = make_sample((5, 7))
        again = mirror(mirror(sample))
        np.testing.assert_array_equal(again.intrinsics, sample.intrinsics)
        np.testing.assert_array_equal(again.rgb, sample.rgb)


class TestDrift:
    def test_gain_about_the_mean_and_offset_by_the_span(self, make_sample) -> None:
        raw = np.array([[7000, 7100], [7200, 7300]], np.uint16)
        sample = make_sample((2, 2), thermal=raw)
        by_gain = drift(sample, gain=1.5, offset=0).thermal
        np.testing.assert_allclose(by_gain, [[6925, 7075], [7225, 7375]])  # mean 7150
        by_offset = drift(sample, gain=1, offset=0.1).thermal
        np.testing.assert_allclose(by_offset, raw + 30.0)  # span 300
        nothing = drift(sample, gain=1, offset=0).thermal
        np.testing.assert_allclose(nothing, raw)

    @pytest.mark.parametrize(
        ("unit", "level", "top"),
        [(ThermalUnit.COUNTS, 65000, 65535), (ThermalUnit.DISPLAY, 240, 255)],
    )
    def test_it_ends_where_the_number_type_ends(self, make_sample, unit, level, top) -> None:
        raw = np.array([[level - 200, level]], np.float32)
        sample = make_sample((1, 2), thermal=raw, thermal_unit=unit)
        assert drift(sample, gain=1, offset=10).thermal.max() == top
        assert drift(sample, gain=1, offset=-1000).thermal.min() == 0

    def test_kelvin_has_no_top(self, make_sample) -> None:
        raw = np.array([[290, 310]], np.float32)
        sample = make_sample((1, 2), thermal=raw, thermal_unit=ThermalUnit.KELVIN)
        np.testing.assert_allclose(drift(sample, gain=1, offset=0.5).thermal, [[300, 320]])

    def test_only_the_thermal_frame_drifts(self, make_sample) -> None:
        sample = make_sample()
        after = drift(sample, gain=1.2, offset=0.1)
        assert after.depth_m is sample.depth_m
        assert after.rgb is sample.rgb


class TestTint:
    def test_each_colour_times_its_gain_within_8_bits(self, make_sample) -> None:
        sample = make_sample((1, 1), rgb=np.array([[[100, 101, 240]]], np.uint8))
        after = tint(sample, [0.8, 1.5, 1.25])
        assert after.rgb.dtype == np.uint8
        assert after.rgb.tolist() == [[[80, 152, 255]]]  # 151.5 goes to the even neighbour
        assert after.thermal is sample.thermal

    def test_colours_vary_one_by_one_and_within_the_share(self, make_sample) -> None:
        sample = make_sample((8, 8), rgb=np.full((8, 8, 3), 100, np.uint8))
        recipe = AugmentationSettings(colour=0.2)
        drawn = np.array(
            [
                augment(sample, recipe, (8, 8), np.random.default_rng(seed)).rgb[0, 0]
                for seed in range(60)
            ]
        )
        assert 80 <= drawn.min() < 84
        assert 116 < drawn.max() <= 120
        assert (drawn.std(axis=1) > 3).mean() > 0.7


class TestAugment:
    def test_the_same_state_gives_the_same_copy(self, make_sample) -> None:
        one, two = (
            augment(make_sample(), AugmentationSettings(), (9, 11), np.random.default_rng(4))
            for _ in range(2)
        )
        np.testing.assert_array_equal(one.thermal, two.thermal)
        np.testing.assert_array_equal(one.depth_m, two.depth_m)

    def test_switched_off_it_changes_nothing(self, make_sample) -> None:
        sample = make_sample()
        after = augment(sample, STILL, sample.size, np.random.default_rng(4))
        for name in ("thermal", "depth_m", "label", "rgb", "intrinsics"):
            np.testing.assert_allclose(getattr(after, name), getattr(sample, name), atol=1e-3)

    @pytest.mark.parametrize("seed", range(8))
    def test_one_part_switched_off_leaves_the_others_as_they_were(self, make_sample, seed) -> None:
        sample = make_sample((24, 32))

        def depth_under(**changes: float) -> np.ndarray:
            recipe = AugmentationSettings(**changes)
            return augment(sample, recipe, (24, 32), np.random.default_rng(seed)).depth_m

        whole = depth_under()
        np.testing.assert_array_equal(depth_under(gain=0, offset=0, colour=0), whole)
        unflipped = depth_under(flip_probability=0)
        assert np.array_equal(unflipped, whole, equal_nan=True) or np.array_equal(
            unflipped[:, ::-1], whole, equal_nan=True
        )

    def test_every_part_happens_and_stays_within_its_bounds(self) -> None:
        frame = replace(ramps((40, 40), depth_m=10)[0], thermal_unit=ThermalUnit.COUNTS)
        flat = replace(frame, thermal=frame.thermal * 0 + np.float32(7000))
        flips, nearer, spans = [], [], []
        for seed in range(60):
            recipe = AugmentationSettings(flip_probability=0.5, zoom=1.2, gain=0.2, offset=0)
            rng = np.random.default_rng(seed)
            after = augment(frame, recipe, (40, 40), rng)
            flips.append(after.thermal[0, 0] > after.thermal[0, -1])
            nearer.append(after.depth_m[0, 0] / 10)
            spans.append(np.ptp(after.thermal) / np.ptp(frame.thermal) / nearer[-1])
            same = augment(flat, recipe, (40, 40), np.random.default_rng(seed))
            np.testing.assert_allclose(same.thermal, 7000)
        assert 15 < sum(flips) < 45
        assert 1 / 1.2 <= min(nearer) < 0.86
        assert 0.98 < max(nearer) <= 1
        assert 0.77 < min(spans) < 0.85
        assert 1.15 < max(spans) < 1.23

    @pytest.mark.parametrize(
        "change",
        [
            {"zoom": 0.9},
            {"zoom": 3.0},
            {"gain": 1.0},
            {"flip_probability": 1.1},
            {"zoom_least": 1.3},
            {"roll_deg": 31.0},
            {"aspect": "squeeze"},
        ],
    )
    def test_settings_that_make_no_sense_are_refused(self, change: dict[str, float]) -> None:
        with pytest.raises(SettingsError, match=next(iter(change))):
            AugmentationSettings.parse(change)


class TestResizeImage:
    def test_shrinking_is_the_mean_of_an_area(self) -> None:
        image = np.arange(16, dtype=np.float32).reshape(4, 4)
        np.testing.assert_allclose(resize_image(image, (2, 2)), [[2.5, 4.5], [10.5, 12.5]])

    def test_enlarging_is_linear_between_pixel_centres(self) -> None:
        image = np.array([[0, 4]], np.float32)
        np.testing.assert_allclose(resize_image(image, (1, 4)), [[0, 1, 3, 4]])

    @pytest.mark.parametrize(
        "dtype", [np.uint8, np.uint16, np.int32, np.int64, np.uint32, np.float16, np.float64, ">u2"]
    )
    def test_any_number_type_a_camera_or_a_person_hands_over(self, dtype) -> None:
        """OpenCV itself fails on half of these."""
        image = np.arange(16).reshape(4, 4).astype(dtype)
        expected = [[2.5, 4.5], [10.5, 12.5]]
        np.testing.assert_allclose(resize_image(image, (2, 2)), expected, atol=0.5)

    def test_colour_keeps_its_channels_and_the_same_size_its_values(self) -> None:
        image = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        assert resize_image(image, (3, 4)).shape == (3, 4, 3)
        np.testing.assert_array_equal(resize_image(image, (6, 8)), image)
