"""Predictions as files: what a machine reads back, what a person sees."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.inference.outputs import (
    depth_png,
    npy,
    structure_png,
    write_depth,
)
from thermodepth.inference.predictor import Depth
from thermodepth.inference.view import SKY_COLOUR, view_png
from thermodepth.types import ThermalUnit


def read_png(content: bytes) -> NDArray[np.uint16]:
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "I;16"
        return np.asarray(image)


def a_frame(height: int = 40, width: int = 60) -> tuple[Depth, NDArray[np.uint16]]:
    """A slope from 40 m at the top to 2 m, and its counts."""
    rng = np.random.default_rng(0)
    depth = np.geomspace(40, 2, height)[:, None] * rng.uniform(0.98, 1.02, (height, width))
    result = Depth(depth_m=depth.astype(np.float32), structure=(1 / depth).astype(np.float32))
    return result, rng.integers(7000, 7400, (height, width)).astype(np.uint16)


def test_depth_comes_back_to_half_a_step_of_1_256_m() -> None:
    metres = np.geomspace(0.002, 255.99, 3000).reshape(50, 60).astype(np.float32)
    codes = read_png(depth_png(metres))
    assert np.abs(codes / 256 - metres).max() <= 1 / 512
    assert codes.min() == 1


def test_zero_means_no_depth_and_nothing_else_does() -> None:
    depth = np.array([[np.nan, np.inf, -np.inf, 1e-6, 1.0, 255.99609375, 300.0]], np.float32)
    codes = read_png(depth_png(depth))
    np.testing.assert_array_equal(codes, [[0, 0, 0, 1, 256, 65535, 65535]])


def test_the_structure_picture_keeps_the_order_and_uses_the_whole_range() -> None:
    structure = np.random.default_rng(0).normal(-3, 5, (30, 40)).astype(np.float32)
    codes = read_png(structure_png(structure))
    assert (codes.min(), codes.max()) == (1, 65535)
    assert (np.diff(codes.ravel()[np.argsort(structure.ravel())].astype(int)) >= 0).all()
    share = (structure - structure.min()) / np.ptp(structure)
    assert np.abs(codes - (1 + 65534 * share)).max() < 0.51
    flat = read_png(structure_png(np.full((3, 4), 2.5, np.float32)))
    np.testing.assert_array_equal(flat, np.ones((3, 4)))


def test_an_array_comes_back_to_the_bit() -> None:
    values = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    loaded = np.load(io.BytesIO(npy(values)))
    assert loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded, values)


@pytest.mark.parametrize(
    ("depth_format", "view", "wanted"),
    [
        ("png", False, ["f_depth.png", "f_structure.png"]),
        ("png", True, ["f_depth.png", "f_structure.png", "f_view.png"]),
        ("npy", True, ["f_depth.npy", "f_structure.npy", "f_view.png"]),
    ],
)
def test_the_files_of_one_frame(
    depth_format: str, view: bool, wanted: list[str], tmp_path: Path
) -> None:
    result, counts = a_frame()
    out = tmp_path / "made" / "on demand"
    paths = write_depth(
        out,
        "f",
        result,
        thermal=counts,
        unit=ThermalUnit.COUNTS,
        depth_format=depth_format,
        view=view,
    )
    assert [p.name for p in paths] == wanted  # depth first
    assert sorted(p.name for p in out.iterdir()) == sorted(wanted)
    if depth_format == "npy":
        np.testing.assert_array_equal(np.load(paths[0]), result.depth_m)
        np.testing.assert_array_equal(np.load(paths[1]), result.structure)
    else:
        assert np.abs(read_png(paths[0].read_bytes()) / 256 - result.depth_m).max() <= 1 / 512


def test_names_that_look_like_ours_do_not_overwrite_each_other(tmp_path: Path) -> None:
    result, counts = a_frame(8, 8)
    written: list[Path] = []
    for name in ("f", "f_depth", "f_structure", "f_view", "f_depth_depth", "f.png", "f.g"):
        for depth_format in ("png", "npy"):
            written += write_depth(
                tmp_path,
                name,
                result,
                thermal=counts,
                unit=ThermalUnit.COUNTS,
                depth_format=depth_format,
                view=False,
            )
    assert len(set(written)) == len(written) == len(list(tmp_path.iterdir()))


@pytest.mark.parametrize("name", ["n" * 250, "ü" * 125])
def test_a_long_name_is_cut_and_stays_one_of_its_own(tmp_path: Path, name: str) -> None:
    result, counts = a_frame(8, 8)
    for start in (name, name[:-1] + "m"):  # alike up to their last letter
        for path in write_depth(
            tmp_path,
            start,
            result,
            thermal=counts,
            unit=ThermalUnit.COUNTS,
            depth_format="png",
            view=False,
        ):
            assert path.name.startswith(name[:50])
            assert path.is_file()
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("size", [(40, 60), (60, 40), (16, 160)])
def test_the_view_shows_three_pictures_and_a_scale(size: tuple[int, int]) -> None:
    result, counts = a_frame(*size)
    with Image.open(io.BytesIO(view_png(result, thermal=counts, unit=ThermalUnit.COUNTS))) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    height, width, _ = pixels.shape
    assert width > 1200
    rows = slice(int(0.5 * height), int(0.9 * height))
    edges = np.linspace(0.01, 0.92, 4)
    panels = [pixels[rows, int(a * width) + 8 : int(b * width) - 8] for a, b in pairwise(edges)]
    for panel in panels:
        assert panel.std() > 3  # not blank
    is_grey = [np.abs(np.ptp(panel, axis=2)).max() < 8 for panel in panels]
    assert is_grey == [True, False, False]
    assert (pixels[:, int(0.965 * width) :] < 100).any()  # letters of the scale


def test_a_view_of_a_frame_without_depth_differences_is_drawn() -> None:
    flat = Depth(
        depth_m=np.full((20, 30), 4.0, np.float32), structure=np.zeros((20, 30), np.float32)
    )
    grey = np.full((20, 30), 9, np.uint8)
    content = view_png(flat, thermal=grey, unit=ThermalUnit.DISPLAY)
    with Image.open(io.BytesIO(content)) as image:
        assert image.size[0] > 1200


def test_the_same_frame_gives_the_same_view_file() -> None:
    result, counts = a_frame()
    views = {view_png(result, thermal=counts, unit=ThermalUnit.COUNTS) for _ in range(2)}
    assert len(views) == 1


def test_sky_is_a_file_of_its_own_and_one_colour_in_the_picture(tmp_path: Path) -> None:
    result, thermal = a_frame()
    sky = np.zeros(result.depth_m.shape, bool)
    sky[:12] = True
    with_sky = replace(result, sky=sky)
    options: dict[str, Any] = {"thermal": thermal, "unit": ThermalUnit.COUNTS, "view": True}
    files = write_depth(tmp_path, "a", with_sky, depth_format="png", **options)
    assert [p.name for p in files] == ["a_depth.png", "a_structure.png", "a_sky.png", "a_view.png"]
    with Image.open(files[2]) as image:
        np.testing.assert_array_equal(np.asarray(image), 255 * sky.astype(np.uint8))
    # The depth file says what it said without: sky stands beside it.
    assert files[0].read_bytes() == depth_png(result.depth_m)
    colour = np.array([int(SKY_COLOUR[i : i + 2], 16) for i in (1, 3, 5)])

    def painted(one: Depth) -> int:
        with Image.open(
            io.BytesIO(view_png(one, thermal=thermal, unit=ThermalUnit.COUNTS))
        ) as view:
            pixels = np.asarray(view.convert("RGB")).astype(int)
        return int((np.abs(pixels - colour).max(axis=2) <= 2).sum())

    assert painted(with_sky) > 1000
    assert painted(result) == painted(replace(result, sky=np.zeros_like(sky))) == 0
    assert view_png(
        replace(result, sky=np.ones_like(sky)), thermal=thermal, unit=ThermalUnit.COUNTS
    )


def test_metres_in_words_are_of_what_is_not_sky() -> None:
    depth_m = np.array([[2.0, 4.0], [900.0, 800.0]], np.float32)
    sky = np.array([[False, False], [True, True]])
    result = Depth(depth_m=depth_m, structure=1 / depth_m)
    assert result.solid_m.tolist() == [2, 4, 900, 800]
    assert replace(result, sky=sky).solid_m.tolist() == [2, 4]
    # Nothing but sky: some number must be said, and it is far.
    assert replace(result, sky=np.ones_like(sky)).solid_m.tolist() == [2, 4, 900, 800]
