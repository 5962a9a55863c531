"""The recipes: what each makes of a frame, what it undoes, and which frames it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.errors import SettingsError
from thermodepth.thermal import (
    MIN_SPAN,
    NORMALISERS,
    NormaliserSettings,
    NormaliserState,
    PlanckConstants,
    check_compatible,
    counts_of_kelvin,
    display,
    normalise,
)
from thermodepth.types import ThermalUnit

RNG = np.random.default_rng(3)
COUNTS = RNG.integers(7000, 7900, (48, 64), dtype=np.uint16)
KELVIN = RNG.uniform(280, 310, (48, 64)).astype(np.float32)
UNITS = list(ThermalUnit)
A65 = PlanckConstants(r1=380747, b=1428, o=88.539)
FLIR = {"r1": 17837.5, "r2": 0.0123, "b": 1450, "o": -1143}
#: The units that a recipe cannot read, given the camera's constants.
UNREADABLE = {
    "raw_14bit": {ThermalUnit.KELVIN, ThermalUnit.DISPLAY},
    "temperature": {ThermalUnit.DISPLAY},
}


def settings(name: str, **changes: Any) -> NormaliserSettings:
    return NormaliserSettings.parse({"name": name, **changes})


class TestNormalisers:
    @pytest.mark.parametrize(("low", "high"), [(1, 99), (2, 98), (0, 100), (0.5, 99.9), (12, 61)])
    @pytest.mark.parametrize("raw", [COUNTS, KELVIN, COUNTS[:7, :9], COUNTS[:1, :2]])
    def test_percentile_against_numpy(self, raw: NDArray[Any], low: float, high: float) -> None:
        p_low, p_high = np.percentile(raw.astype(np.float64), [low, high], method="nearest")
        span = max(p_high - p_low, 1e-9)
        expected = np.clip((raw.astype(np.float64) - p_low) / span, 0, 1)
        recipe = settings("percentile", low_percentile=low, high_percentile=high)
        unit = ThermalUnit.COUNTS if raw.dtype == np.uint16 else ThermalUnit.KELVIN
        assert span > MIN_SPAN[unit]
        np.testing.assert_allclose(normalise(raw, unit, recipe), expected, atol=2e-5)

    @pytest.mark.parametrize("raw", [COUNTS, KELVIN])
    def test_min_max_against_numpy(self, raw: NDArray[Any]) -> None:
        wide = raw.astype(np.float64)
        expected = (wide - wide.min()) / (wide.max() - wide.min())
        out = normalise(raw, ThermalUnit.KELVIN, settings("min_max"))
        np.testing.assert_allclose(out, expected, atol=2e-5)
        assert (out.min(), out.max()) == pytest.approx((0, 1), abs=1e-6)

    def test_fixed_range_by_hand(self) -> None:
        raw = np.array([[270.0, 280.0, 285.0, 300.0, 320.0]], np.float32)
        recipe = settings("fixed_range", range_low=280, range_high=300)
        out = normalise(raw, ThermalUnit.KELVIN, recipe)
        np.testing.assert_allclose(out, [[0, 0, 0.25, 1, 1]], atol=1e-6)

    def test_fixed_range_looks_at_no_other_pixel(self) -> None:
        recipe = settings("fixed_range", range_low=0, range_high=16383)
        alone = normalise(COUNTS[:1], ThermalUnit.COUNTS, recipe)
        np.testing.assert_array_equal(normalise(COUNTS, ThermalUnit.COUNTS, recipe)[:1], alone)

    @pytest.mark.parametrize(
        "name", sorted(name for name, row in NORMALISERS.items() if not row.keeps_level)
    )
    @pytest.mark.parametrize(("gain", "offset"), [(1, 500), (0.5, 0), (1.7, -3000), (3, 40_000)])
    def test_gain_and_offset_of_the_counts_change_nothing(
        self, name: str, gain: float, offset: float
    ) -> None:
        moved = COUNTS.astype(np.float64) * gain + offset
        out = normalise(moved, ThermalUnit.COUNTS, settings(name))
        expected = normalise(COUNTS, ThermalUnit.COUNTS, settings(name))
        # Equalised recipes have 256 levels: a value may tip over to the next, and move its neighbours.
        exact = name not in ("clahe", "local_fields")
        np.testing.assert_allclose(out, expected, atol=1e-4 if exact else 0.03)
        assert np.abs(out - expected).mean() < 3e-4

    def test_one_hot_pixel_costs_min_max_its_contrast_and_percentile_nothing(self) -> None:
        hot = COUNTS.copy()
        hot[5, 5] = 16000
        recipe = settings("percentile")
        calm = normalise(COUNTS, ThermalUnit.COUNTS, recipe)
        same = normalise(hot, ThermalUnit.COUNTS, recipe)
        assert np.abs(np.delete(same - calm, 5 * 64 + 5)).max() < 0.01
        assert (
            np.ptp(np.delete(normalise(hot, ThermalUnit.COUNTS, settings("min_max")), 325)) < 0.11
        )

    @pytest.mark.parametrize("unit", UNITS)
    @pytest.mark.parametrize("name", ["percentile", "min_max"])
    def test_a_flat_frame_is_grey_and_its_noise_is_not_stretched(
        self, name: str, unit: ThermalUnit
    ) -> None:
        floor = {"counts": 12.0, "kelvin": 0.27, "display": 4.0}[unit]
        flat = np.full((8, 8), 300.0)
        np.testing.assert_allclose(normalise(flat, unit, settings(name)), 0.5, atol=1e-6)
        flat[::2] += floor / 4
        out = normalise(flat, unit, settings(name))
        np.testing.assert_allclose(np.unique(out), [0.375, 0.625], atol=1e-4)

    @pytest.mark.parametrize("unit", UNITS)
    @pytest.mark.parametrize("name", sorted(NORMALISERS))
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
    def test_every_row_gives_float32_between_0_and_1_and_leaves_its_input_alone(
        self, name: str, unit: ThermalUnit, dtype: type
    ) -> None:
        raw = RNG.integers(0, 256, (5, 7)).astype(dtype)
        before = raw.copy()
        recipe = settings(name, planck=A65.tree())
        if unit in UNREADABLE.get(name, ()):
            with pytest.raises(SettingsError, match=f"'{name}'.*cannot read"):
                normalise(raw, unit, recipe)
            return
        out = normalise(raw, unit, recipe)
        assert out.dtype == np.float32
        assert out.shape == raw.shape
        assert out.min() >= 0
        assert out.max() <= 1
        assert not np.shares_memory(out, raw)
        np.testing.assert_array_equal(raw, before)

    def test_the_settings_name_exactly_the_rows_of_the_table(self) -> None:
        for name in NORMALISERS:
            assert settings(name).name == name
        with pytest.raises(SettingsError, match="name = 'histogram'"):
            settings("histogram")

    def test_levels_are_kept_where_the_table_says_so(self) -> None:
        for name, row in NORMALISERS.items():
            recipe = settings(name, planck=A65.tree(), window_high_k=400)
            one, two = (normalise(COUNTS + up, ThermalUnit.COUNTS, recipe) for up in (0, 300))
            assert (float(two.mean() - one.mean()) > 0.01) == row.keeps_level, name

    def test_an_empty_window_is_refused(self) -> None:
        with pytest.raises(SettingsError, match=r"window_low_k 320.* must be below window_high_k"):
            settings("temperature", window_low_k=320)

    def test_another_version_is_refused_with_the_reason(self) -> None:
        tree = settings("percentile").tree()
        assert tree["version"] == 1  # stands in every stored recipe
        with pytest.raises(SettingsError, match=r"version 2: this thermodepth has version 1"):
            NormaliserSettings.parse({**tree, "version": 2})

    def test_an_empty_range_is_refused(self) -> None:
        with pytest.raises(SettingsError, match=r"range_low 5.* must be below range_high 5"):
            settings("fixed_range", range_low=5, range_high=5)

    @pytest.mark.parametrize("change", [{"low_percentile": 50}, {"high_percentile": 101}])
    def test_percentiles_that_cross_are_refused(self, change: dict[str, float]) -> None:
        with pytest.raises(SettingsError, match=next(iter(change))):
            settings("percentile", **change)

    def test_display_is_eight_bit_and_hot_is_white(self) -> None:
        raw = np.linspace(7000, 8000, 256).reshape(16, 16).astype(np.uint16)
        picture = display(raw, ThermalUnit.COUNTS)
        assert picture.dtype == np.uint8
        assert (picture[0, 0], picture[-1, -1]) == (0, 255)
        assert (np.diff(picture.ravel().astype(int)) >= 0).all()


class TestTemperature:
    def test_a_window_in_kelvin_by_hand(self) -> None:
        raw = np.array([[260.0, 280.0, 285.0, 300.0, 320.0]], np.float32)
        recipe = settings("temperature", window_low_k=280, window_high_k=300)
        out = normalise(raw, ThermalUnit.KELVIN, recipe)
        np.testing.assert_allclose(out, [[0, 0, 0.25, 1, 1]], atol=1e-6)

    def test_counts_through_the_cameras_constants_give_the_same(self) -> None:
        recipe = settings("temperature", planck=A65.tree())
        counts = counts_of_kelvin(KELVIN, A65)
        target = normalise(KELVIN, ThermalUnit.KELVIN, recipe)
        np.testing.assert_allclose(normalise(counts, ThermalUnit.COUNTS, recipe), target, atol=1e-4)

    def test_a_pixel_without_signal_is_the_coldest(self) -> None:
        recipe = settings("temperature", window_high_k=600, planck=FLIR)
        raw = np.array([[0, 1143, 16000]], np.uint16)
        out = normalise(raw, ThermalUnit.COUNTS, recipe)
        assert out[0, :2].tolist() == [0, 0]
        assert 0 < out[0, 2] < 1

    def test_counts_without_constants_are_refused_with_the_remedy(self) -> None:
        with pytest.raises(SettingsError, match=r"set normaliser\.planck=\{.*r1"):
            normalise(COUNTS, ThermalUnit.COUNTS, settings("temperature"))


def test_raw_14bit_by_hand() -> None:
    raw = np.array([[0, 4096, 8192, 16384, 40000]], np.uint16)
    out = normalise(raw, ThermalUnit.COUNTS, settings("raw_14bit"))
    np.testing.assert_allclose(out, [[0, 0.25, 0.5, 1, 1]], atol=1e-6)


class TestMovingPercentile:
    def test_a_still_is_a_percentile(self) -> None:
        target = normalise(COUNTS, ThermalUnit.COUNTS, settings("percentile"))
        recipe = settings("moving_percentile")
        out = normalise(COUNTS, ThermalUnit.COUNTS, recipe)
        np.testing.assert_array_equal(out, target)
        first = normalise(COUNTS, ThermalUnit.COUNTS, recipe, NormaliserState())
        np.testing.assert_array_equal(first, target)

    def test_the_window_moves_by_its_share_a_frame(self) -> None:
        recipe = settings("moving_percentile", memory=0.75, low_percentile=0, high_percentile=100)
        state = NormaliserState()
        one, two = (np.array([[low, low + 400]], np.uint16) for low in (7000, 7100))
        for frame, window in ((one, (7000, 7400)), (two, (7025, 7425)), (two, (7043.75, 7443.75))):
            normalise(frame, ThermalUnit.COUNTS, recipe, state)
            assert state.window == pytest.approx(window)

    def test_a_passing_hot_object_flickers_less_than_with_stills(self) -> None:
        recipe, state = settings("moving_percentile"), NormaliserState()
        hot = COUNTS.copy()
        hot[:8, :16] = 9000
        steady = normalise(COUNTS, ThermalUnit.COUNTS, recipe, state)
        moving = normalise(hot, ThermalUnit.COUNTS, recipe, state)
        still = normalise(hot, ThermalUnit.COUNTS, recipe)
        assert np.abs(moving[8:] - steady[8:]).mean() < 0.3 * np.abs(still[8:] - steady[8:]).mean()

    def test_a_shutter_event_starts_it_anew(self) -> None:
        recipe, state = settings("moving_percentile"), NormaliserState()
        normalise(COUNTS, ThermalUnit.COUNTS, recipe, state)
        jumped = normalise(COUNTS + 2000, ThermalUnit.COUNTS, recipe, state)
        target = normalise(COUNTS + 2000, ThermalUnit.COUNTS, settings("percentile"))
        np.testing.assert_array_equal(jumped, target)

    def test_a_state_of_another_unit_is_refused(self) -> None:
        recipe, state = settings("moving_percentile"), NormaliserState()
        normalise(COUNTS, ThermalUnit.COUNTS, recipe, state)
        with pytest.raises(SettingsError, match="a frame in kelvin after frames in counts"):
            normalise(KELVIN, ThermalUnit.KELVIN, recipe, state)

    @pytest.mark.parametrize("name", sorted(set(NORMALISERS) - {"moving_percentile"}))
    def test_no_other_recipe_remembers(self, name: str) -> None:
        recipe, state = settings(name, planck=A65.tree()), NormaliserState()
        normalise(COUNTS + 900, ThermalUnit.COUNTS, recipe, state)
        np.testing.assert_array_equal(
            normalise(COUNTS, ThermalUnit.COUNTS, recipe, state),
            normalise(COUNTS, ThermalUnit.COUNTS, recipe),
        )


def textured(*, with_hot_object: bool) -> NDArray[np.uint16]:
    """A wall with a weak pattern, 96 x 128; the object covers 7 % of it and is 2400 counts above it."""
    rows, columns = np.arange(96)[:, None], np.arange(128)[None, :]
    wall = 7000 + 60 * np.sin(columns / 5) + 40 * np.cos(rows / 4)
    if with_hot_object:
        wall[30:60, 40:70] = 9500
    return np.rint(wall).astype(np.uint16)


class TestLocalContrast:
    def contrast(self, name: str, **changes: Any) -> tuple[float, float]:
        """Of the wall away from where the object stands: with it, and its share of that without it."""
        away = np.ones((96, 128), bool)
        away[18:72, 28:82] = False
        calm, hot = (
            float(
                normalise(
                    textured(with_hot_object=h), ThermalUnit.COUNTS, settings(name, **changes)
                )[away].std()
            )
            for h in (False, True)
        )
        return hot, hot / calm

    def test_a_hot_object_no_longer_takes_the_contrast_of_the_rest(self) -> None:
        local_by_percentile, kept_by_percentile = self.contrast("percentile")
        assert kept_by_percentile < 0.1
        local, retained = self.contrast("local_fields")
        assert retained > 0.4
        assert local > 6 * local_by_percentile
        assert (
            self.contrast("local_fields", clahe_clip=0)[0] > 3 * local_by_percentile
        )  # the fields alone

    def test_the_hot_object_saturates_and_stays_the_hottest(self) -> None:
        out = normalise(
            textured(with_hot_object=True), ThermalUnit.COUNTS, settings("local_fields")
        )
        assert (out[30:60, 40:70] == 1).all()

    def test_equalising_raises_the_contrast_that_a_percentile_left(self) -> None:
        assert self.contrast("clahe")[0] > 1.5 * self.contrast("percentile")[0]

    def test_equalising_can_be_left_out(self) -> None:
        raw = textured(with_hot_object=True)
        np.testing.assert_array_equal(
            normalise(raw, ThermalUnit.COUNTS, settings("clahe", clahe_clip=0)),
            normalise(raw, ThermalUnit.COUNTS, settings("percentile")),
        )

    def test_one_tile_without_suppression_is_a_global_stretch(self) -> None:
        recipe = settings("local_fields", field_tiles=2, field_passes=60, gamma=1, clahe_clip=0)
        raw = np.tile(COUNTS[:24, :32], (2, 2))  # the four tiles agree
        np.testing.assert_allclose(
            normalise(raw, ThermalUnit.COUNTS, recipe),
            normalise(raw, ThermalUnit.COUNTS, settings("min_max")),
            atol=1e-4,
        )

    @pytest.mark.parametrize("name", ["clahe", "local_fields"])
    @pytest.mark.parametrize("size", [(1, 2), (3, 2), (5, 90), (33, 47)])
    def test_frames_smaller_than_their_tiles(self, name: str, size: tuple[int, int]) -> None:
        raw = RNG.integers(7000, 7900, size, dtype=np.uint16)
        out = normalise(raw, ThermalUnit.COUNTS, settings(name))
        assert out.shape == size
        assert np.isfinite(out).all()


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("trained_on", UNITS)
@pytest.mark.parametrize("name", sorted(NORMALISERS))
def test_a_trained_recipe_reads_the_units_whose_numbers_it_knows(
    name: str, trained_on: ThermalUnit, unit: ThermalUnit
) -> None:
    recipe = settings(name, planck=A65.tree())
    if name == "fixed_range" and unit is not trained_on:
        with pytest.raises(SettingsError, match=rf"0\.\.16383 {trained_on}.*a frame in {unit}"):
            check_compatible(recipe, unit, trained_on=trained_on)
    elif unit in UNREADABLE.get(name, ()):
        with pytest.raises(SettingsError, match="cannot read"):
            check_compatible(recipe, unit, trained_on=trained_on)
    else:
        check_compatible(recipe, unit, trained_on=trained_on)
