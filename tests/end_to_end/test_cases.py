"""Files that went wrong once, each with its right value, through the commands that people type.

They lie beside the repository and are looked for in `../shared/cases`; without them these tests skip. The
kinds behind them are tested on files made by hand, in the unit tests of their rooms.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.files import read_raster
from thermodepth.thermal import read_thermal
from thermodepth.types import ThermalUnit

Thermodepth = Callable[..., tuple[int, str, str]]
CASES = Path(__file__).parents[3] / "shared" / "cases"

pytestmark = pytest.mark.skipif(
    not CASES.is_dir(), reason=f"{CASES} is not there: these files are kept beside the repository"
)


def depth_of(stem: str) -> NDArray[np.uint16]:
    """What `predict` wrote into the folder that it was called in."""
    return read_raster(Path("depth") / f"{stem}_depth.png")


def words(text: str) -> str:
    """Without the line breaks of the terminal."""
    return " ".join(text.split())


# --- byte order -----------------------------------------------------------------------------------


def test_exchanged_bytes_are_refused_by_predict_and_named_by_the_doctor(
    thermodepth: Thermodepth,
) -> None:
    code, _, err = thermodepth("predict", "--fov", "54", CASES / "swapped_png", "--no-view")
    assert code == 2
    assert "16 frames of 16 could not be predicted" in err
    assert words(err).count("whose two bytes stand the wrong way round") == 16
    assert not Path("depth").exists()
    code, out, _ = thermodepth("data", "check", CASES / "swapped_png")
    assert code == 3
    assert "16 files cannot be read" in out
    assert "wrong way round" in words(out)


def test_once_exchanged_they_are_the_frames_that_they_were(
    thermodepth: Thermodepth, tmp_path: Path
) -> None:
    from PIL import Image

    lowest, highest = [], []
    for path in sorted((CASES / "swapped_png").iterdir()):
        frame = np.asarray(Image.open(path)).byteswap()
        np.save(tmp_path / f"{path.stem}.npy", frame)
        lowest.append(frame.min())
        highest.append(frame.max())
    assert 3480 < min(lowest) < 3500 < 4260 < max(highest) < 4280
    code, out, _ = thermodepth(
        "predict", "--fov", "54", tmp_path, "--out", tmp_path / "depth", "--no-view"
    )
    assert code == 0
    assert "16 frames predicted" in out


# --- rows of telemetry ----------------------------------------------------------------------------


def test_a_lepton_s_telemetry_does_not_change_its_depth(thermodepth: Thermodepth) -> None:
    with_rows, without = "lepton_160x122_telemetry", "lepton_160x120_same_frame"
    options = ["--no-view", "--y16"]
    code, _, err = thermodepth(
        "predict", "--fov", "54", CASES / f"{with_rows}.raw", *options, "160x122"
    )
    assert code == 2
    assert "rows 120 to 121 of 122 are no picture" in words(err)
    assert "--drop bottom=2" in words(err)
    code, _, err = thermodepth(
        "predict", "--fov", "54", CASES / f"{with_rows}.raw", *options, "160x120"
    )
    assert code == 2
    assert "say --y16 160x122 --drop bottom=2" in words(err)
    assert (
        thermodepth("predict", "--fov", "54", CASES / f"{without}.raw", *options, "160x120")[0] == 0
    )
    drop = [*options, "160x122", "--drop", "bottom=2"]
    assert thermodepth("predict", "--fov", "54", CASES / f"{with_rows}.raw", *drop)[0] == 0
    assert depth_of(with_rows).shape == (120, 160)
    np.testing.assert_array_equal(depth_of(with_rows), depth_of(without))


def test_the_doctor_names_rows_of_telemetry(thermodepth: Thermodepth) -> None:
    code, out, _ = thermodepth("data", "check", CASES / "telemetry_rows")
    assert code == 3
    assert "error [telemetry] 20 thermal frames have rows that are no picture" in out
    assert "0000.png: rows 96 to 97 of 98" in out
    assert "depth" not in out.partition("[telemetry]")[0]


# --- radiometric JPEGs and number types -----------------------------------------------------------


def test_a_flir_jpeg_with_a_little_endian_directory(thermodepth: Thermodepth) -> None:
    path = CASES / "flir_little_endian.jpg"
    kelvin, unit = read_thermal(path)
    assert (kelvin.shape, unit) == ((48, 64), ThermalUnit.KELVIN)
    found = [kelvin.min(), np.median(kelvin), kelvin.max()]
    np.testing.assert_allclose(found, [301.02, 305.06, 310.69], atol=0.01)
    assert thermodepth("predict", "--fov", "54", path, "--no-view")[0] == 0


@pytest.mark.parametrize("name", ["dji_like_white_hot", "dji_like_palette"])
def test_a_dji_jpeg_gives_its_counts_and_not_its_picture(
    thermodepth: Thermodepth, name: str
) -> None:
    counts, unit = read_thermal(CASES / f"{name}.jpg")
    assert (counts.shape, counts.dtype, unit) == ((128, 160), np.uint16, ThermalUnit.COUNTS)
    assert (counts.min(), counts.max()) == (13_960, 17_760)
    code, _, err = thermodepth(
        "predict", "--fov", "54", CASES / f"{name}.jpg", "--no-view", "--counts"
    )
    assert code == 0
    assert "8-bit" not in err
    np.save("same.npy", counts)
    assert thermodepth("predict", "--fov", "54", "same.npy", "--no-view")[0] == 0
    np.testing.assert_array_equal(depth_of(name), depth_of("same"))


def test_grey_and_alpha_of_16_bits_are_named(thermodepth: Thermodepth) -> None:
    code, _, err = thermodepth("predict", "--fov", "54", CASES / "gray_alpha16.tif")
    assert code == 2
    assert "gray_alpha16.tif: several channels of 16 bits" in words(err)


# --- calibrations ---------------------------------------------------------------------------------


def test_distortion_under_another_name_is_told(thermodepth: Thermodepth) -> None:
    path = CASES / "calib_dist_coeff.yaml"
    code, out, _ = thermodepth("data", "calib", path, "--camera", "camera=thermal")
    assert code == 0
    assert "warning thermal: lens distortion (radtan: -0.31, 0.092" in words(out)


def test_a_chain_tied_by_its_inertial_unit(thermodepth: Thermodepth) -> None:
    code, out, _ = thermodepth("data", "calib", CASES / "camchain_imu_only.yaml")
    assert code == 0
    assert "0.0 degrees, 0.080 m apart; thermal sits 0.080 m right of" in words(out)
