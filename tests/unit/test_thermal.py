"""Raw thermal frames: what their values mean, and how they become network input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.errors import DataError, SettingsError
from thermodepth.files import encode_png
from thermodepth.thermal import (
    MIN_SPAN,
    NORMALISERS,
    NormaliserSettings,
    check_compatible,
    display,
    normalise,
    read_thermal,
    thermal_unit,
)
from thermodepth.types import ThermalUnit

RNG = np.random.default_rng(3)
COUNTS = RNG.integers(7000, 7900, (48, 64), dtype=np.uint16)
KELVIN = RNG.uniform(280, 310, (48, 64)).astype(np.float32)
UNITS = list(ThermalUnit)


def settings(name: str, **changes: float) -> NormaliserSettings:
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

    @pytest.mark.parametrize("name", ["percentile", "min_max"])
    @pytest.mark.parametrize(("gain", "offset"), [(1, 500), (0.5, 0), (1.7, -3000), (3, 40_000)])
    def test_gain_and_offset_of_the_counts_change_nothing(
        self, name: str, gain: float, offset: float
    ) -> None:
        moved = COUNTS.astype(np.float64) * gain + offset
        out = normalise(moved, ThermalUnit.COUNTS, settings(name))
        expected = normalise(COUNTS, ThermalUnit.COUNTS, settings(name))
        np.testing.assert_allclose(out, expected, atol=1e-4)

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
        out = normalise(raw, unit, settings(name))
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


def saved(path: Path, raw: NDArray[Any]) -> Path:
    """By number type: PNG for what PNG holds, TIFF for float32, NPY for the rest."""
    if raw.dtype in (np.uint8, np.uint16) and (raw.ndim == 2 or raw.dtype == np.uint8):
        path = path.with_suffix(".png")
        path.write_bytes(encode_png(raw))
    elif raw.dtype == np.float32 and raw.ndim == 2:
        path = path.with_suffix(".tiff")
        Image.fromarray(raw).save(path)
    else:
        path = path.with_suffix(".npy")
        np.save(path, raw)
    return path


class TestReadThermal:
    @pytest.mark.parametrize(
        ("raw", "unit", "dtype"),
        [
            (COUNTS, ThermalUnit.COUNTS, np.uint16),
            (KELVIN, ThermalUnit.KELVIN, np.float32),
            ((COUNTS % 256).astype(np.uint8), ThermalUnit.DISPLAY, np.uint8),
            (COUNTS.astype(np.int32), ThermalUnit.COUNTS, np.uint16),
            (COUNTS.astype(np.int64), ThermalUnit.COUNTS, np.uint16),
            (COUNTS.astype(">u2"), ThermalUnit.COUNTS, np.uint16),
            (KELVIN.astype(np.float64), ThermalUnit.KELVIN, np.float32),
            (np.float16([[280, 300]]), ThermalUnit.KELVIN, np.float32),
        ],
    )
    def test_the_number_type_says_what_values_mean(
        self, raw: NDArray[Any], unit: ThermalUnit, dtype: type, tmp_path: Path
    ) -> None:
        read, found = read_thermal(saved(tmp_path / "frame", raw))
        assert found is unit
        assert read.dtype == dtype
        np.testing.assert_array_equal(read, raw.astype(dtype))

    def test_grey_stored_as_three_equal_channels_is_one_channel(self, tmp_path: Path) -> None:
        grey = (COUNTS % 256).astype(np.uint8)
        read, unit = read_thermal(saved(tmp_path / "frame", np.dstack([grey] * 3)))
        np.testing.assert_array_equal(read, grey)
        assert unit is ThermalUnit.DISPLAY
        counts, unit = read_thermal(saved(tmp_path / "counts", np.dstack([COUNTS] * 3)))
        np.testing.assert_array_equal(counts, COUNTS)
        assert unit is ThermalUnit.COUNTS

    def test_one_coloured_pixel_is_a_colour_picture(self, tmp_path: Path) -> None:
        colour = np.dstack([(COUNTS % 256).astype(np.uint8)] * 3)
        colour[3, 4, 2] ^= 1
        with pytest.raises(DataError, match=r"frame\.png: a colour picture.*export the raw"):
            read_thermal(saved(tmp_path / "frame", colour))

    def test_eight_bit_where_counts_are_meant(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "frame", (COUNTS % 256).astype(np.uint8))
        assert read_thermal(path)[1] is ThermalUnit.DISPLAY
        with pytest.raises(DataError, match=r"frame\.png: 8-bit.*record the 14/16-bit stream"):
            read_thermal(path, expect=ThermalUnit.COUNTS)

    @pytest.mark.parametrize(
        ("raw", "expect"),
        [
            (KELVIN, ThermalUnit.COUNTS),
            (COUNTS, ThermalUnit.KELVIN),
            (COUNTS, ThermalUnit.DISPLAY),
        ],
    )
    def test_another_unit_than_expected(
        self, raw: NDArray[Any], expect: ThermalUnit, tmp_path: Path
    ) -> None:
        path = saved(tmp_path / "frame", raw)
        with pytest.raises(DataError, match=rf"frame\..*is read as .*, where {expect} is meant"):
            read_thermal(path, expect=expect)

    def test_celsius_is_refused_with_the_remedy(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "frame", (KELVIN - 273.15).astype(np.float32))
        with pytest.raises(
            DataError, match=r"frame\.tiff: values .*Add 273\.15 to degrees Celsius"
        ):
            read_thermal(path)

    def test_counts_stored_as_float_are_refused_with_the_remedy(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "frame", COUNTS.astype(np.float32))
        with pytest.raises(DataError, match="store counts as uint16"):
            read_thermal(path)

    @pytest.mark.parametrize(
        "raw",
        [
            np.full((4, 4), 8191, np.uint16),
            np.zeros((4, 4), np.uint8),
            np.full((4, 4), 255, np.uint8),
            np.full((4, 4), 300, np.float32),
        ],
    )
    def test_a_dead_frame(self, raw: NDArray[Any], tmp_path: Path) -> None:
        with pytest.raises(DataError, match=f"every pixel is {raw.max():g}: a closed shutter"):
            read_thermal(saved(tmp_path / "frame", raw))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_a_value_that_is_not_finite(self, value: float, tmp_path: Path) -> None:
        raw = KELVIN.copy()
        raw[2, 3] = value
        with pytest.raises(DataError, match=r"frame\.tiff: holds values that are not finite"):
            read_thermal(saved(tmp_path / "frame", raw))

    @pytest.mark.parametrize("value", [-1, 65536])
    def test_whole_numbers_that_are_no_counts(self, value: int, tmp_path: Path) -> None:
        raw = COUNTS.astype(np.int32)
        raw[0, 0] = value
        with pytest.raises(DataError, match=rf"values .*{value}.*expected 16-bit counts"):
            read_thermal(saved(tmp_path / "frame", raw))

    def test_no_numbers(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="number type bool"):
            read_thermal(saved(tmp_path / "frame", COUNTS > 7500))

    @pytest.mark.parametrize("shape", [(4,), (4, 4, 3), (0, 4), ()])
    def test_an_array_of_another_shape(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(DataError, match=r"thermal: shape .*expected one thermal frame"):
            thermal_unit(np.ones(shape, np.uint16), "thermal")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("trained_on", UNITS)
@pytest.mark.parametrize("name", sorted(NORMALISERS))
def test_only_a_fixed_range_is_bound_to_its_unit(
    name: str, trained_on: ThermalUnit, unit: ThermalUnit
) -> None:
    recipe = settings(name)
    if name == "fixed_range" and unit is not trained_on:
        with pytest.raises(SettingsError, match=rf"0\.\.16383 {trained_on}.*a frame in {unit}"):
            check_compatible(recipe, unit, trained_on=trained_on)
    else:
        check_compatible(recipe, unit, trained_on=trained_on)
