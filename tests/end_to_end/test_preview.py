"""`thermodepth data preview`: the contact sheet, and what a person may get wrong about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thermodepth.cli.contact_sheet import draw_sheet, make_shot
from thermodepth.cli.data.preview import choose_frames
from thermodepth.colour import NO_VALUE, colour_depth, depth_limits
from thermodepth.data import open_dataset
from thermodepth.errors import DataError
from thermodepth.types import Sample, ThermalUnit

Thermodepth = Callable[..., tuple[int, str, str]]
MARGIN, GAP, CAPTION, PANEL = 16, 4, 22, 256


def a_sample(
    *, rows: int = 48, columns: int = 64, rgb: bool = True, depth: bool = True, name: str = "frame"
) -> Sample:
    """A ramp of counts, a depth that falls from 20 m to 2 m, and a red picture."""
    down = np.linspace(0, 1, rows)[:, None] * np.ones(columns)
    red = np.zeros((rows, columns, 3), np.uint8)
    red[..., 0] = 200
    return Sample(
        sample_id=name,
        thermal=(7000 + 500 * down).astype(np.uint16),
        thermal_unit=ThermalUnit.COUNTS,
        intrinsics=np.eye(3, dtype=np.float32),
        depth_m=(20 - 18 * down).astype(np.float32) if depth else None,
        rgb=red if rgb else None,
        condition="fog",
    )


def panels(sheet: Image.Image, rows: int) -> list[np.ndarray]:
    """RGB, thermal and depth of the last frame of a sheet in one column: each [rows 256 3]."""
    pixels = np.asarray(sheet)
    bottom = len(pixels) - MARGIN
    lefts = [MARGIN + n * (PANEL + GAP) for n in range(3)]
    return [pixels[bottom - rows : bottom, left : left + PANEL] for left in lefts]


def test_sheet_of_a_pack_by_its_spec_and_by_its_bare_path(
    thermodepth: Thermodepth, tiny_pack: Path
) -> None:
    code, said, _ = thermodepth("data", "preview", tiny_pack)
    assert code == 0
    assert said.startswith("preview.png: 8 of 20 frames, 1600x")
    assert thermodepth("data", "preview", f"synthetic:{tiny_pack}", "--out", "b/two.png")[0] == 0
    assert Path("preview.png").read_bytes() == Path("b/two.png").read_bytes()
    with Image.open("preview.png") as sheet:
        assert sheet.width == 2 * MARGIN + 2 * (3 * PANEL + 2 * GAP) + MARGIN
        assert sheet.height > 4 * PANEL  # square frames, four rows of two


def test_jpeg_one_split_and_few_frames(thermodepth: Thermodepth, tiny_pack: Path) -> None:
    code, said, _ = thermodepth(
        "data", "preview", tiny_pack, "--split", "val", "--frames", "5", "--out", "sheet.JPG"
    )
    assert code == 0
    assert "2 of 2 frames" in said
    with Image.open("sheet.JPG") as sheet:
        assert sheet.format == "JPEG"
        assert sheet.width == 2 * MARGIN + 3 * PANEL + 2 * GAP


def test_frames_are_shared_by_the_splits_and_spread_in_each(tiny_pack: Path) -> None:
    dataset = open_dataset(f"synthetic:{tiny_pack}")  # 12, 2 and 6 frames
    chosen = choose_frames(dataset, 10, None)
    assert [name for name, _ in chosen] == ["train"] * 4 + ["val"] * 2 + ["test"] * 4
    assert [index for name, index in chosen if name == "train"] == [1, 4, 7, 10]
    assert choose_frames(dataset, 3, "test") == [("test", 1), ("test", 3), ("test", 5)]
    everything = choose_frames(dataset, 64, None)
    assert len(everything) == len(set(everything)) == 20
    with pytest.raises(DataError, match="holds no frames"):
        choose_frames(replace(dataset, splits={}), 8, None)


def test_panels_show_colour_heat_and_depth() -> None:
    sample = a_sample()
    depth_m = sample.depth_m
    assert depth_m is not None
    depth_m[:12, :16] = np.nan
    rgb, thermal, depth = panels(draw_sheet("a set", [make_shot(sample, "one")]), 192)
    assert (rgb == [200, 0, 0]).all()
    grey = thermal[..., 0].astype(int)
    assert (np.diff(grey.mean(1)) >= 0).all()
    assert grey[0].max() == 0
    assert grey[-1].min() == 255
    near, far = depth_limits([depth_m])
    expected = colour_depth(depth_m, near_m=near, far_m=far).repeat(4, axis=0).repeat(4, axis=1)
    assert np.abs(depth.astype(int) - expected).max() <= 2  # the enlarged map's percentiles
    assert (depth[:48, :64] == NO_VALUE).all()


def test_frames_of_unlike_shape_and_missing_bands() -> None:
    wide = a_sample(rows=32, columns=128, rgb=False, depth=False, name="wide")
    sheet = draw_sheet("a set", [make_shot(a_sample(), "first"), make_shot(wide, "second")])
    rgb, thermal, depth = panels(sheet, 192)
    for missing in (rgb, depth):
        words = (missing != NO_VALUE).any(-1)
        assert 0 < words.mean() < 0.05  # grey, and a few letters that say what is missing
    outside = thermal[[0, 63, 128, 191]]
    assert (outside == NO_VALUE).all()
    assert (thermal[64:128] != NO_VALUE).any(-1).mean() > 0.9


def test_without_any_depth_there_is_no_scale() -> None:
    bare = draw_sheet("a set", [make_shot(a_sample(depth=False), "one")])
    full = draw_sheet("a set", [make_shot(a_sample(), "one")])
    assert bare.height < full.height


@pytest.mark.parametrize("far_m", [2.0001, 2.5, 15.0, 900.0])
def test_every_depth_scale_has_figures(far_m: float) -> None:
    sample = a_sample()
    flat = np.linspace(2, far_m, 48 * 64, dtype=np.float32).reshape(48, 64)
    sheet = np.asarray(draw_sheet("", [make_shot(replace(sample, depth_m=flat), "")]))
    below_bar = sheet[MARGIN + 28 + 14 : MARGIN + 28 + 14 + 3, MARGIN : MARGIN + 320]
    ticks = (below_bar < 128).all(-1).all(0).sum()
    assert 2 <= ticks <= 12


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("nothing",), "unknown data set 'nothing'"),
        (("syntetic",), "did you mean 'synthetic'?"),
        (("no/such/pack.zip",), "no/such/pack.zip: no such file or folder"),
        (("PACK", "--split", "tset"), "did you mean 'test'?"),
        (("PACK", "--frames", "0"), "--frames"),
        (("PACK", "--frames", "65"), "--frames"),
        (("PACK", "--out", "sheet.gif"), "known: .png, .jpg, .jpeg"),
        (("PACK", "--out", "sheet"), "is not a picture format"),
        (("PACK", "--out", "folder.png"), "is a folder"),
        (("PACK", "--out", "file/sheet.png"), "cannot be written"),
        (("empty",), "empty"),
        (("file",), "file"),
    ],
)
def test_wrong_input_is_refused_and_nothing_is_written(
    thermodepth: Thermodepth, tiny_pack: Path, words: tuple[str, ...], expected: str
) -> None:
    Path("folder.png").mkdir()
    Path("empty").mkdir()
    Path("file").write_text("not a pack")
    before = sorted(Path().rglob("*"))
    code, said, error = thermodepth(
        "data", "preview", *(str(tiny_pack) if word == "PACK" else word for word in words)
    )
    assert code == 2
    assert not said
    assert expected in error
    assert "Traceback" not in error
    assert sorted(Path().rglob("*")) == before
