"""The files of one frame: what a machine reads back, and names that never meet."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.depth_files import read_depth_values
from thermodepth.errors import DependencyError, SettingsError
from thermodepth.inference.depth import Depth
from thermodepth.inference.view import depth_picture
from thermodepth.outputs import FORMATS, OUTPUTS, VIEW, OutputSettings, rows_of, write_frame
from thermodepth.outputs.arrays import npy
from thermodepth.outputs.depth import depth_png
from thermodepth.outputs.registry import frame_rows
from thermodepth.outputs.row import FrameOutput
from thermodepth.outputs.structure import structure_png

MakeDepth = Callable[..., Depth]
FRAME_NAMES = [row.name for row in OUTPUTS.values() if isinstance(row, FrameOutput)]


def read_png(content: bytes) -> NDArray[np.uint16]:
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "I;16"
        return np.asarray(image)


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


def test_every_row_writes_one_file_that_ends_in_its_name(
    make_depth: MakeDepth, tmp_path: Path
) -> None:
    names = [name for name in FRAME_NAMES if name != "depth.exr" or find_spec("OpenEXR")]
    folder = tmp_path / "made" / "on demand"
    paths = write_frame(folder, "f", make_depth(), frame_rows(names))
    assert {name: path.name for name, path in paths.items()} == {n: f"f_{n}" for n in names}
    assert sorted(p.name for p in folder.iterdir()) == sorted(f"f_{name}" for name in names)


@pytest.mark.parametrize("name", ["depth.png", "depth.npy", "depth.tiff", "depth.exr"])
def test_metres_read_back_and_go_on_where_there_is_sky(
    name: str, make_depth: MakeDepth, tmp_path: Path
) -> None:
    if name == "depth.exr" and find_spec("OpenEXR") is None:
        pytest.skip("needs the package OpenEXR")
    depth = make_depth()
    path = write_frame(tmp_path, "f", depth, frame_rows([name]))[name]
    tolerance = 1 / 512 if name == "depth.png" else 0
    np.testing.assert_allclose(read_depth_values(path), depth.depth_m, atol=tolerance, rtol=0)


def test_what_a_model_does_not_tell_is_left_out(make_depth: MakeDepth, tmp_path: Path) -> None:
    silent = make_depth(sky=None, relative_error=None, relative_error_90=None)
    paths = write_frame(tmp_path, "f", silent, frame_rows([*FORMATS["png"], VIEW]))
    assert list(paths) == ["depth.png", "structure.png", "view.png"]


def test_sky_is_a_mask_of_its_own(make_depth: MakeDepth, tmp_path: Path) -> None:
    depth = make_depth()
    paths = write_frame(tmp_path, "f", depth, frame_rows(["sky.png"]))
    assert depth.sky is not None
    with Image.open(paths["sky.png"]) as image:
        np.testing.assert_array_equal(np.asarray(image), 255 * depth.sky.astype(np.uint8))


def test_a_coloured_map_is_that_of_its_range_and_says_what_it_means(
    make_depth: MakeDepth, tmp_path: Path
) -> None:
    depth = make_depth()
    settings = OutputSettings(range_m=(1.0, 80.0), colour_map="viridis")
    path = write_frame(tmp_path, "f", depth, frame_rows(["colour.png"]), settings)["colour.png"]
    expected = depth_picture(depth, limits_m=(1.0, 80.0), colour_map="viridis")
    with Image.open(path) as image:
        np.testing.assert_array_equal(np.asarray(image), expected)
        assert "colour map viridis, brightest at 1 m, darkest at 80 m" in image.info["Comment"]


def test_names_that_look_like_ours_do_not_overwrite_each_other(
    make_depth: MakeDepth, tmp_path: Path
) -> None:
    rows = frame_rows(["depth.png", "depth.npy", "structure.png", "structure.npy"])
    written: list[Path] = []
    for name in ("f", "f_depth", "f_structure", "f_view", "f_depth_depth", "f.png", "f.g"):
        written += write_frame(tmp_path, name, make_depth(8, 8), rows).values()
    assert len(set(written)) == len(written) == len(list(tmp_path.iterdir()))


@pytest.mark.parametrize("name", ["n" * 250, "ü" * 125])
def test_a_long_name_is_cut_and_stays_one_of_its_own(
    name: str, make_depth: MakeDepth, tmp_path: Path
) -> None:
    rows = frame_rows(["depth.png", "relative_error_90.png"])
    for start in (name, name[:-1] + "m"):  # alike up to their last letter
        for path in write_frame(tmp_path, start, make_depth(8, 8), rows).values():
            assert path.name.startswith(name[:50])
            assert path.is_file()
    assert len(list(tmp_path.iterdir())) == 4


def test_an_unknown_output_is_named_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"unknown output 'depth\.pgn'; did you mean 'depth\.p"):
        rows_of(["depth.pgn"])


def test_a_missing_package_is_named_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DependencyError, match=r"depth\.exr: .*thermodepth\[exr\]"):
        rows_of(["depth.png", "depth.exr"])


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"range_m": [80.0, 1.0]}, "range 80,1: expected two distances"),
        ({"range_m": [0.0, 1.0]}, "range 0,1"),
        ({"colour_map": "magna"}, "unknown colour map 'magna'; did you mean 'magma'"),
        ({"cloud_colour": "heat"}, "cloud_colour"),
        ({"flying_step": -0.1}, "flying_step"),
        ({"rate_hz": 0.0}, "rate_hz"),
    ],
)
def test_settings_that_cannot_be(tree: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        OutputSettings.parse(tree)
