"""Raw thermal frames from files: what their values mean, and what is no raw frame."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.errors import DataError, SettingsError
from thermodepth.files import encode_png
from thermodepth.thermal import looks_like_agc, read_thermal, read_y16, thermal_unit
from thermodepth.types import ThermalUnit

RNG = np.random.default_rng(3)
COUNTS = RNG.integers(7000, 7900, (48, 64), dtype=np.uint16)
KELVIN = RNG.uniform(280, 310, (48, 64)).astype(np.float32)
SHARED = Path(__file__).parents[4] / "shared" / "data"


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
        read, result = read_thermal(saved(tmp_path / "frame", raw))
        assert result is unit
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


GREY = np.random.default_rng(5).integers(0, 256, (48, 64)).astype(np.uint16)


class TestGainControl:
    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (GREY.astype(np.uint8), "8-bit"),
            (GREY * 257, "a multiple of 257"),
            (GREY * 256, "a multiple of 256"),
            (np.rint(GREY / 255 * 16383).astype(np.uint16), r"levels between 0\.\.16383"),
            (3000 + GREY * 40, r"levels between 3000\.\.13200"),
        ],
    )
    def test_eight_bits_are_recognised_in_any_width(
        self, raw: NDArray[Any], reason: str, tmp_path: Path
    ) -> None:
        assert re.search(reason, looks_like_agc(raw) or "nothing")
        path = saved(tmp_path / "frame", raw)
        read_thermal(path)  # usable, where nothing else is asked for
        with pytest.raises(DataError, match=rf"frame\.png: .*{reason}.*gain control"):
            read_thermal(path, expect=ThermalUnit.COUNTS)

    @pytest.mark.parametrize(
        "raw",
        [
            COUNTS,
            KELVIN,
            RNG.integers(
                7000, 7060, (48, 64), dtype=np.uint16
            ),  # a calm scene: few levels, no gaps
            RNG.integers(0, 65536, (9, 11), dtype=np.uint16),  # few levels of few pixels
            RNG.integers(400, 600, (48, 64), dtype=np.uint16) * 4,  # 12 bits in 14
        ],
    )
    def test_raw_frames_are_not_suspected(self, raw: NDArray[Any]) -> None:
        assert looks_like_agc(raw) is None


class TestY16:
    @pytest.mark.parametrize(("order", "dtype"), [("little", "<u2"), ("big", ">u2")])
    def test_bytes_are_the_frame(self, order: Any, dtype: str, tmp_path: Path) -> None:
        path = tmp_path / "frame.raw"
        path.write_bytes(COUNTS.astype(dtype).tobytes())
        raw = read_y16(path, 64, 48, order)
        assert raw.dtype == np.uint16
        np.testing.assert_array_equal(raw, COUNTS)

    @pytest.mark.parametrize(
        ("width", "height", "message"),
        [
            (64, 24, r"6144 bytes, but a 64x24 .* has 3072: it holds 2 frames"),
            (64, 46, r"at that width it has 48 rows: 2 of telemetry.*--drop bottom=2"),
            (63, 48, r"has 6048; a header, another size or not 16 bits\?"),
        ],
    )
    def test_another_size(self, width: int, height: int, message: str, tmp_path: Path) -> None:
        path = tmp_path / "frame.raw"
        path.write_bytes(COUNTS.tobytes())
        with pytest.raises(DataError, match=rf"frame\.raw: .*{message}"):
            read_y16(path, width, height)

    @pytest.mark.parametrize(("width", "height"), [(0, 4), (4, -1), (100_000, 100_000)])
    def test_impossible_sizes(self, width: int, height: int, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match=f"{width}x{height}: expected 1 to 64 million"):
            read_y16(tmp_path / "none.raw", width, height)

    def test_swapped_bytes_are_noise_and_named(self, tmp_path: Path) -> None:
        path = tmp_path / "frame.raw"
        smooth = (7000 + np.arange(48)[:, None] + np.arange(64)[None, :]).astype(">u2")
        path.write_bytes(smooth.tobytes())
        with pytest.raises(DataError, match=r"little-endian; it is big-endian"):
            read_y16(path, 64, 48)
        assert read_y16(path, 64, 48, "big").max() == 7110

    def test_missing_empty_and_dead(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"none\.raw: cannot be read"):
            read_y16(tmp_path / "none.raw", 64, 48)
        path = tmp_path / "frame.raw"
        path.write_bytes(b"")
        with pytest.raises(DataError, match="0 bytes"):
            read_y16(path, 64, 48)
        path.write_bytes(bytes(64 * 48 * 2))
        with pytest.raises(DataError, match="closed shutter"):
            read_y16(path, 64, 48)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real recordings are not here")
class TestRealRecordings:
    def test_png_named_tiff(self) -> None:
        files = sorted((SHARED / "video").iterdir())
        assert len(files) == 16
        for path in files:
            raw, unit = read_thermal(path, expect=ThermalUnit.COUNTS)
            assert (raw.shape, raw.dtype, unit) == ((512, 640), np.uint16, ThermalUnit.COUNTS)

    def test_ms2_and_mm5_are_counts_and_no_gain_control(self) -> None:
        ms2 = sorted((SHARED / "ms2").rglob("thr/*/*.png"))
        mm5 = sorted((SHARED / "mm5-half" / "Thermal").iterdir())
        assert (len(ms2), len(mm5)) == (2, 248)
        for path in [*ms2, *mm5]:
            raw, _ = read_thermal(path, expect=ThermalUnit.COUNTS)
            assert raw.max() < 2**16 - 1

    @pytest.mark.parametrize(
        ("name", "size", "low_k", "high_k"),
        [("ax8.jpg", (60, 80), 297.4, 298.6), ("flir_example.jpg", (320, 240), 299.0, 335.2)],
    )
    def test_radiometric_jpegs(
        self, name: str, size: tuple[int, int], low_k: float, high_k: float
    ) -> None:
        raw, unit = read_thermal(SHARED / "radiometric" / name)
        assert (raw.shape, raw.dtype, unit) == (size, np.float32, ThermalUnit.KELVIN)
        assert low_k < raw.min() < raw.max() < high_k
