"""Each part does what its name says, within its bounds, and nothing at all where it is off."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from thermodepth.data.loader import DataSettings
from thermodepth.data.thermal_augmentation import (
    PARTS,
    ThermalAugmentationSettings,
    vary_thermal,
)
from thermodepth.data.transform import (
    AugmentationSettings,
    as_one_lens,
    augment,
    crop_resize,
    drift,
    mirror,
)
from thermodepth.errors import SettingsError
from thermodepth.thermal import NormaliserSettings, normalise
from thermodepth.types import Sample, ThermalUnit

SEEDS = range(12)
UNITS = {ThermalUnit.COUNTS: 45.0, ThermalUnit.KELVIN: 1.0, ThermalUnit.DISPLAY: 6.0}


def only(part: str, **changes: float) -> ThermalAugmentationSettings:
    return ThermalAugmentationSettings.parse({f"{part}_probability": 1.0, **changes})


def scene(make_sample: Any, unit: ThermalUnit = ThermalUnit.COUNTS) -> Sample:
    """A ramp of 20 K down the frame with a weak texture, in the unit."""
    rows, columns = np.mgrid[0:48, 0:64]
    kelvin = 285 + 20 * rows / 47 + 0.4 * np.sin(columns / 3)
    level = {ThermalUnit.COUNTS: 7000.0, ThermalUnit.KELVIN: 285.0, ThermalUnit.DISPLAY: 60.0}
    raw = (kelvin - 285) * UNITS[unit] + level[unit]
    return make_sample((48, 64), thermal=raw.astype(np.float32), thermal_unit=unit)


def varied(sample: Sample, settings: ThermalAugmentationSettings, seed: int = 0) -> Any:
    return vary_thermal(sample, settings, np.random.default_rng(seed)).thermal


def change(make_sample: Any, part: str, seed: int, **changes: float) -> Any:
    sample = scene(make_sample)
    return varied(sample, only(part, **changes), seed) - sample.thermal


class TestOff:
    def test_off_is_the_default_and_the_training_of_before_bit_for_bit(self, make_sample) -> None:
        settings = AugmentationSettings(gain=0.2, offset=0.1)
        assert not settings.thermal.is_on
        for seed in SEEDS:
            sample = make_sample((24, 32), rgb=None)
            rng = np.random.default_rng(seed)
            after = augment(sample, settings, (19, 29), rng)
            # Nine numbers, and what was always made of them.
            flip, zoom, x, y, gain, offset, *_ = np.random.default_rng(seed).random(9)
            nearer = 1 + 0.15 * zoom
            expected = crop_resize(sample, (19, 29), zoom=nearer, position=(y, x))
            expected = as_one_lens(expected, zoom=nearer)
            expected = mirror(expected) if flip < 0.5 else expected
            expected = drift(expected, gain=1 + 0.2 * (2 * gain - 1), offset=0.1 * (2 * offset - 1))
            for name in ("thermal", "depth_m", "label", "intrinsics"):
                np.testing.assert_array_equal(getattr(after, name), getattr(expected, name))
            assert rng.random() == np.random.default_rng(seed).random(10)[9]

    def test_switched_on_it_leaves_every_other_part_as_it_was(self, make_sample) -> None:
        sample = make_sample((24, 32))
        loud = AugmentationSettings(thermal=only("noise"))
        for seed in SEEDS:
            with_noise, without = (
                augment(sample, settings, (24, 32), np.random.default_rng(seed))
                for settings in (loud, AugmentationSettings())
            )
            assert not np.array_equal(with_noise.thermal, without.thermal)
            for name in ("depth_m", "label", "rgb", "intrinsics"):
                np.testing.assert_array_equal(getattr(with_noise, name), getattr(without, name))

    @pytest.mark.parametrize("part", ["stripes", "shutter", "noise"])
    def test_a_part_brings_the_same_beside_others_as_alone(self, make_sample, part: str) -> None:
        sample = scene(make_sample)
        others = {f"{name}_probability": 1.0 for name in ("blur", "stripes", "shutter", "noise")}
        whole = varied(sample, ThermalAugmentationSettings(**others))
        without = varied(
            sample, ThermalAugmentationSettings(**{**others, f"{part}_probability": 0.0})
        )
        alone = varied(sample, only(part)) - sample.thermal
        assert np.abs(alone).max() > 1
        np.testing.assert_allclose(whole - without, alone, atol=0.01)


@pytest.mark.parametrize("unit", list(UNITS))
@pytest.mark.parametrize("part", sorted(PARTS))
class TestEveryPart:
    def test_only_the_thermal_frame_changes_and_stays_in_its_range(
        self, make_sample, part: str, unit: ThermalUnit
    ) -> None:
        sample = scene(make_sample, unit)
        before = sample.thermal.copy()
        top = {"counts": 65535, "display": 255, "kelvin": 1000}[unit]
        changed = False
        for seed in SEEDS:
            after = vary_thermal(sample, only(part), np.random.default_rng(seed))
            assert after.thermal.dtype == np.float32
            assert after.thermal.shape == sample.size
            assert 0 <= after.thermal.min() < after.thermal.max() <= top
            changed |= not np.array_equal(after.thermal, before)
            for name in ("depth_m", "label", "rgb", "intrinsics"):
                assert getattr(after, name) is getattr(sample, name)
        assert changed
        np.testing.assert_array_equal(sample.thermal, before)

    def test_the_same_state_gives_the_same_frame_in_every_unit(
        self, make_sample, part: str, unit: ThermalUnit
    ) -> None:
        """Strengths are shares of the span: counts and kelvin of one scene are varied alike."""
        reference = scene(make_sample, ThermalUnit.KELVIN)
        sample = scene(make_sample, unit)
        one, two = (varied(s, only(part)) - s.thermal.min() for s in (reference, sample))
        two /= UNITS[unit]
        if unit is ThermalUnit.DISPLAY:  # ends at 0 and 255
            one, two = np.clip(one, -9, 30), np.clip(two, -9, 30)
        np.testing.assert_allclose(two, one, atol=0.02)

    def test_it_happens_as_often_as_it_is_asked_for(
        self, make_sample, part: str, unit: ThermalUnit
    ) -> None:
        sample = scene(make_sample, unit)
        settings = ThermalAugmentationSettings.parse({f"{part}_probability": 0.5})
        happened = [
            not np.array_equal(varied(sample, settings, seed), sample.thermal) for seed in range(80)
        ]
        assert 24 < sum(happened) < 56


class TestParts:
    def test_stripes_are_constant_along_columns_or_rows(self, make_sample) -> None:
        directions = set()
        for seed in SEEDS:
            moved = change(make_sample, "stripes", seed, stripes_strength=0.1)
            along_rows, along_columns = np.ptp(moved, axis=1).max(), np.ptp(moved, axis=0).max()
            assert min(along_rows, along_columns) < 0.01
            directions.add(bool(along_rows < along_columns))
            assert moved.std() < 0.14 * 900  # span 900 counts, sigma up to a tenth
        assert directions == {True, False}

    def test_a_shutter_event_is_an_offset_and_a_smooth_pattern(self, make_sample) -> None:
        offsets = []
        for seed in SEEDS:
            moved = change(make_sample, "shutter", seed, shutter_strength=0.1)
            offsets.append(moved.mean())
            assert moved.std() > 5  # not an offset alone
            steps = [np.abs(np.diff(moved, axis=axis)).max() for axis in (0, 1)]
            assert max(steps) < 0.25 * np.ptp(moved)
        assert min(offsets) < -10
        assert max(offsets) > 10

    def test_a_hot_object_saturates_one_ellipse(self, make_sample) -> None:
        for seed in SEEDS:
            sample = scene(make_sample)
            after = varied(sample, only("hot_object"), seed)
            hot = after != sample.thermal
            assert len(np.unique(after[hot])) == 1
            assert after[hot][0] >= sample.thermal.max()
            assert hot.mean() < np.pi * 0.25**2 * 48 / 64 + 0.02
            rows, columns = np.nonzero(hot)
            box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
            assert hot.sum() > 0.5 * box  # in one piece

    def test_a_hot_object_ends_where_the_number_type_ends(self, make_sample) -> None:
        sample = scene(make_sample, ThermalUnit.DISPLAY)
        tops = [
            varied(sample, only("hot_object", hot_object_strength=50.0), s).max() for s in SEEDS
        ]
        assert max(tops) == 255

    def test_blur_smooths_and_keeps_the_level(self, make_sample) -> None:
        sample = make_sample((48, 64))  # noise
        for seed in SEEDS:
            after = varied(sample, only("blur", blur_sigma_px=2.0), seed)
            assert after.std() <= sample.thermal.std() + 1e-3
            assert after.mean() == pytest.approx(sample.thermal.mean(), abs=15)
        assert min(varied(sample, only("blur", blur_sigma_px=2.0), s).std() for s in SEEDS) < 100

    def test_noise_is_white_and_as_strong_as_it_says(self, make_sample) -> None:
        sigmas = [change(make_sample, "noise", s, noise_strength=0.1).std() for s in range(40)]
        assert 70 < max(sigmas) < 92  # a tenth of 900 counts at most
        assert min(sigmas) < 25
        moved = change(make_sample, "noise", 3, noise_strength=0.1)
        assert abs(np.corrcoef(moved[:, 1:].ravel(), moved[:, :-1].ravel())[0, 1]) < 0.08

    def test_dead_pixels_stand_out_on_either_side(self, make_sample) -> None:
        shares = []
        for seed in range(30):
            moved = change(make_sample, "dead_pixels", seed, dead_pixels_share=0.04)
            dead = moved != 0
            shares.append(dead.mean())
            assert (np.abs(moved[dead]) > 850).all()
        assert 0.03 < max(shares) < 0.05
        assert {-1.0, 1.0} == set(np.sign(moved[dead]).tolist())

    def test_inverted_polarity_is_one_minus_the_input(self, make_sample) -> None:
        sample, recipe = scene(make_sample), NormaliserSettings()
        upright = normalise(sample.thermal, sample.thermal_unit, recipe)
        turned = normalise(varied(sample, only("polarity")), sample.thermal_unit, recipe)
        np.testing.assert_allclose(turned, 1 - upright, atol=1e-3)


class TestSettings:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"noise_probability": 1.5},
            {"noise_strength": 0.0},
            {"blur_sigma_px": -1.0},
            {"dead_pixels_share": 0.9},
            {"salt": 1.0},
        ],
    )
    def test_what_makes_no_sense_is_refused(self, wrong: dict[str, float]) -> None:
        with pytest.raises(SettingsError, match=next(iter(wrong))):
            ThermalAugmentationSettings.parse(wrong)

    def test_their_place_in_a_training(self) -> None:
        settings = DataSettings().edit({"augmentation.thermal.stripes_probability": 0.5})
        assert settings.augmentation.thermal.is_on

    @pytest.mark.parametrize(
        ("name", "warns"), [("fixed_range", False), ("raw_14bit", False), ("clahe", True)]
    )
    def test_drift_that_the_recipe_undoes_warns(self, name: str, warns: bool) -> None:
        tree = {"augmentation": {"gain": 0.1}, "normaliser": {"name": name}}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            DataSettings.parse(tree)
        messages = [str(warning.message) for warning in caught]
        assert bool(messages) == warns
        assert all(f"the '{name}' normaliser undoes it" in text for text in messages)


class TestPlane:
    """A known plane n.X = 1 stays that plane, with the depth axis compressed by the zoom."""

    NORMAL = np.array([0.031, -0.052, 0.11])

    def plane(self, make_sample: Any, size: tuple[int, int]) -> Sample:
        camera = np.array([[55, 0, 37.3], [0, 57, 21.8], [0, 0, 1]], np.float32)
        depth_m = 1 / (self.rays(camera, size) @ self.NORMAL)
        assert depth_m.min() > 0
        return make_sample(size, depth_m=depth_m.astype(np.float32), intrinsics=camera)

    @staticmethod
    def rays(camera: Any, size: tuple[int, int]) -> Any:
        rows, columns = np.mgrid[0 : size[0], 0 : size[1]] + 0.5
        x, y = (columns - camera[0, 2]) / camera[0, 0], (rows - camera[1, 2]) / camera[1, 1]
        return np.stack([x, y, np.ones(size)], axis=-1)

    def off_plane(self, sample: Sample, zoom: float, flip: bool) -> Any:
        """How far, as a share, each pixel's point is off the plane that it should lie on."""
        assert sample.depth_m is not None
        points = self.rays(sample.intrinsics.astype(float), sample.size) * sample.depth_m[..., None]
        return points * [-1 if flip else 1, 1, zoom] @ self.NORMAL - 1

    @pytest.mark.parametrize("flip", [False, True])
    @pytest.mark.parametrize("zoom", [1.0, 1.25, 2.0])
    @pytest.mark.parametrize("place", [(0, 0), (1, 0.5), (0.5, 1)])
    def test_windows_of_whole_pixels_are_exact(self, make_sample, zoom, place, flip) -> None:
        sample = self.plane(make_sample, (40, 80))
        window = (round(40 / zoom), round(80 / zoom))
        after = as_one_lens(crop_resize(sample, window, zoom=zoom, position=place), zoom=zoom)
        after = mirror(after) if flip else after
        assert np.abs(self.off_plane(after, zoom, flip)).max() < 2e-5

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_drawn_view_is_exact_to_the_pixel_that_depth_was_picked_from(
        self, make_sample, seed: int
    ) -> None:
        sample = self.plane(make_sample, (40, 80))
        after = augment(
            sample, AugmentationSettings(zoom=1.4), (52, 97), np.random.default_rng(seed)
        )
        flip, zoom, *_ = np.random.default_rng(seed).random(9)
        off = self.off_plane(after, 1 + 0.4 * zoom, flip < 0.5)
        # The steepest change of the plane over the half pixel between a centre and the picked one.
        inverse = 1 / sample.depth_m
        half_pixel = (
            sum(0.5 * np.abs(np.diff(inverse, axis=a)).max() for a in (0, 1)) / inverse.min()
        )
        assert np.abs(off).max() < half_pixel
        assert abs(off.mean()) < 0.1 * half_pixel
