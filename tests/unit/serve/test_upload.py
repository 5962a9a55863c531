"""A frame on disk becomes three pictures and three numbers; a wrong file becomes a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.errors import DataError
from thermodepth.inference.bounds import LONGEST_TO_SHORTEST
from thermodepth.inference.depth import Depth
from thermodepth.inference.error_view import error_png
from thermodepth.inference.predictor import Predictor, load
from thermodepth.serve.upload import DISPLAY_NOTE, markdown, numbers_of, predict_upload
from thermodepth.types import ThermalUnit

ROWS, COLUMNS = 48, 70


def counts() -> NDArray[np.uint16]:
    rng = np.random.default_rng(0)
    return rng.integers(7000, 7400, (ROWS, COLUMNS)).astype(np.uint16)


def save(path: Path, array: NDArray[np.generic]) -> Path:
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        Image.fromarray(array).save(path)
    return path


@pytest.mark.parametrize(
    ("suffix", "array", "unit"),
    [
        (".png", counts(), ThermalUnit.COUNTS),
        (".tiff", counts(), ThermalUnit.COUNTS),
        (".npy", counts(), ThermalUnit.COUNTS),
        (".png", (counts() // 32).astype(np.uint8), ThermalUnit.DISPLAY),
        (".tiff", (counts() / 25).astype(np.float32), ThermalUnit.KELVIN),
        (".npy", (counts() / 25).astype(np.float32), ThermalUnit.KELVIN),
    ],
)
def test_what_the_predictor_says_is_what_the_page_shows(
    suffix: str,
    array: NDArray[np.generic],
    unit: ThermalUnit,
    predictor: Predictor,
    tmp_path: Path,
) -> None:
    page = predict_upload(save(tmp_path / f"my frame{suffix}", array), predictor, tmp_path / "out")
    depth_m = predictor(array).depth_m
    assert (page.near_m, page.median_m, page.far_m) == tuple(np.percentile(depth_m, [5, 50, 95]))
    assert (page.size, page.unit) == ((ROWS, COLUMNS), unit)
    with Image.open(page.depth) as image:
        assert image.mode == "I;16"
        np.testing.assert_allclose(np.asarray(image) / 256, depth_m, atol=1 / 512, rtol=0)
    with Image.open(page.structure) as image:
        assert (image.mode, image.size) == ("I;16", (COLUMNS, ROWS))
    with Image.open(page.view) as image:
        assert image.width > 1200
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "my frame_depth.png",
        "my frame_structure.png",
        "my frame_view.png",
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("notes.txt", b"hello", "not a PNG, TIFF, JPEG, BMP, PFM or NPY"),
        ("empty.png", b"", "the file is empty"),
        ("cut.png", b"\x89PNG\r\n\x1a\n\0\0", "cut off|damaged"),
        ("odd.npy", b"\x93NUMPY\x01\x00\x02\x00{}", "damaged NPY"),
    ],
)
def test_a_wrong_file_is_named_without_the_servers_folder(
    name: str, content: bytes, says: str, predictor: Predictor, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        predict_upload(tmp_path / name, predictor, tmp_path / "out")
    assert str(caught.value).startswith(f"{name}: ")
    assert str(tmp_path) not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.random.default_rng(0).integers(0, 9, (20, 30, 3)).astype(np.uint8), "colour"),
        (np.full((20, 30), 7, np.uint16), "closed shutter"),
        (np.arange(20 * 900, dtype=np.uint16).reshape(20, 900), "900x20 pixels is a strip"),
        (np.arange(20 * 900, dtype=np.uint16).reshape(900, 20), "20x900 pixels is a strip"),
    ],
    ids=["colour", "flat", "wide", "tall"],
)
def test_what_is_not_a_thermal_frame_is_refused(
    array: NDArray[np.generic], says: str, predictor: Predictor, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=says) as caught:
        predict_upload(save(tmp_path / "f.png", array), predictor, tmp_path / "out")
    assert str(caught.value).startswith("f.png: ")


def test_the_longest_frame_that_is_taken(predictor: Predictor, tmp_path: Path) -> None:
    longest = np.arange(8 * 8 * LONGEST_TO_SHORTEST, dtype=np.uint16).reshape(8, -1)
    page = predict_upload(save(tmp_path / "long.png", longest), predictor, tmp_path)
    assert page.size == longest.shape


def test_the_text_has_the_numbers_and_a_note_for_pictures_only(
    predictor: Predictor, tmp_path: Path
) -> None:
    page = predict_upload(save(tmp_path / "f.png", counts()), predictor, tmp_path)
    text = markdown(page)
    assert f"Median depth {page.median_m:.2f} m" in text
    assert f"{page.near_m:.2f} to {page.far_m:.2f} m" in text
    assert f"{COLUMNS}x{ROWS}, raw counts" in text
    assert DISPLAY_NOTE not in text
    picture = predict_upload(
        save(tmp_path / "g.png", (counts() // 32).astype(np.uint8)), predictor, tmp_path
    )
    assert DISPLAY_NOTE in markdown(picture)


def test_a_model_that_tells_sky_shows_it_and_leaves_it_out_of_the_numbers(
    save_small: Callable[..., Path], tmp_path: Path
) -> None:
    predictor = load(save_small(sky=True), device="cpu")
    result = predictor(counts())
    assert result.sky is not None
    assert 0 < result.sky.mean() < 1
    page = predict_upload(save(tmp_path / "frame.png", counts()), predictor, tmp_path / "out")
    assert (page.view.name, page.depth.name) == ("frame_view.png", "frame_depth.png")
    solid = np.percentile(result.depth_m[~result.sky], [5, 50, 95])
    assert (page.near_m, page.median_m, page.far_m) == tuple(solid)
    assert page.sky is not None
    with Image.open(page.sky) as image:
        np.testing.assert_array_equal(np.asarray(image) == 255, result.sky)
    assert page.sky_share is not None
    assert page.sky_share == result.sky.mean()
    assert f"Sky: {page.sky_share:.0%} of the frame" in markdown(page)
    assert numbers_of(page)["sky_share"] == round(page.sky_share, 4)


def test_an_expected_error_is_shown_and_says_that_larger_is_worse(tmp_path: Path) -> None:
    predictor = load(device="cpu", fov_deg=50)
    result = predictor(counts())
    page = predict_upload(save(tmp_path / "f.png", counts()), predictor, tmp_path, fov_deg=50)
    assert result.relative_error is not None
    median = float(np.median(result.relative_error[result.has_depth]))
    assert page.median_error == median
    text = markdown(page)
    assert f"Expected relative error {median:.0%}" in text
    assert "the larger, the worse" in text
    assert numbers_of(page)["median_relative_error"] == round(median, 4)
    assert page.error is not None
    assert page.error_view is not None
    assert (page.error.name, page.error_view.name) == ("f_relative_error.png", "f_error_view.png")
    with Image.open(page.error) as image:
        stored = np.asarray(image)[result.has_depth] / 1000
    np.testing.assert_allclose(stored, result.relative_error[result.has_depth], atol=0.001)


def test_a_model_that_tells_neither_shows_neither(predictor: Predictor, tmp_path: Path) -> None:
    page = predict_upload(save(tmp_path / "f.png", counts()), predictor, tmp_path / "out")
    assert (page.sky, page.sky_share, page.error, page.error_view) == (None, None, None, None)
    assert "error" not in markdown(page)
    assert "Sky" not in markdown(page)
    assert set(numbers_of(page)) == {"median_m", "near_m", "far_m", "rows", "columns", "unit"}


def test_the_error_picture_is_dark_where_the_error_is_large(tmp_path: Path) -> None:
    error = np.linspace(0.05, 0.4, ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS)
    ones = np.ones((ROWS, COLUMNS), np.float32)
    sky = np.zeros((ROWS, COLUMNS), np.bool_)
    sky[:, :10] = True
    result = Depth(depth_m=ones, structure=ones, sky=sky, relative_error=error)
    (tmp_path / "e.png").write_bytes(error_png(result))
    with Image.open(tmp_path / "e.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    panel = pixels[44:-8, 8:488]
    assert panel[-5, -5].sum() < panel[5, -5].sum() - 100
    assert len(np.unique(panel[:90, :60].reshape(-1, 3), axis=0)) == 1  # sky, above its name
