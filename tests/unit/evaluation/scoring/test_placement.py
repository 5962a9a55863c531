"""Crops that pass for rescaled views: placed by name or offset, and found out where they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.cli.foreign_maps import ForeignMaps
from thermodepth.cli.scoring import ScoringOptions, evaluate_maps
from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.scoring.map_folders import MapFolders
from thermodepth.evaluation.scoring.placement import NAMES, Placement, stretch_of
from thermodepth.evaluation.scoring.placement_trial import better_place, placement_notes
from thermodepth.types import Geometry

SIZE = (94, 310)
CASES = Path(__file__).parents[5] / "shared" / "cases"


def street(seed: int, size: tuple[int, int] = SIZE) -> NDArray[np.float32]:
    """Depth of a ground plane with blocks on it, so that a shift of some pixels shows."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, 1, size[0])[:, None]
    depth = np.repeat(4 / (0.06 + rows**2), size[1], axis=1)
    for _ in range(40):
        top, left = rng.integers(0, size[0] - 10), rng.integers(0, size[1] - 14)
        depth[top : top + 10, left : left + 14] = rng.uniform(4, 60)
    return depth.clip(3, 75).astype(np.float32)


def saved(
    root: Path, window: tuple[slice, slice], *, count: int = 4, geometry: str = "metric_depth"
) -> tuple[Path, Path]:
    """Truth, and predictions of it with 2 % noise of which only a window was saved."""
    truth, out = root / "truth", root / "out"
    for number in range(count):
        depth = street(number)
        noise = np.random.default_rng(100 + number).normal(0, 0.02, depth.shape)
        values = (depth * np.exp(noise)).astype(np.float32)
        if geometry == "affine_inverse":
            values = 7 / values - 2
        for folder, array in ((truth, depth), (out, values[window])):
            folder.mkdir(parents=True, exist_ok=True)
            np.save(folder / f"{number}.npy", array)
    return out, truth


def open_folders(
    root: Path,
    window: tuple[slice, slice],
    placement: str = "whole",
    geometry: Geometry = Geometry.METRIC_DEPTH,
) -> MapFolders:
    out, truth = saved(root, window, geometry=geometry.value)
    return MapFolders(out, truth, geometry=geometry, placement=Placement.parse(placement))


def garg(folders: MapFolders) -> Protocol:
    return named_protocol("kitti_garg").for_frames(folders.sample_ids)


KB = (slice(6, 94), slice(3, 307))
WINDOWS = {
    "kb": KB,
    "centre": (slice(3, 91), slice(3, 307)),
    "garg": (slice(38, 93), slice(11, 298)),
    "eigen": (slice(31, 85), slice(11, 298)),
    "6,3": KB,
    "+6, 3": KB,
}


@pytest.mark.parametrize("name", WINDOWS)
def test_a_crop_is_put_where_it_was_cut_from(name: str, tmp_path: Path) -> None:
    folders = open_folders(tmp_path, WINDOWS[name], name)
    _, placed = folders.pair(0)
    assert placed.shape == SIZE
    rows, columns = WINDOWS[name]
    inside = np.zeros(SIZE, bool)
    inside[rows, columns] = True
    np.testing.assert_array_equal(placed[rows, columns], folders.values(0))
    assert np.isnan(placed[~inside]).all()


def test_the_crop_of_nyu_is_placed_in_its_frame() -> None:
    values = np.arange(426 * 560, dtype=np.float32).reshape(426, 560)
    placed = Placement.parse("nyu").place(values, (480, 640))
    np.testing.assert_array_equal(placed[45:471, 41:601], values)
    assert np.count_nonzero(np.isfinite(placed)) == values.size
    with pytest.raises(DataError, match=r"60x50, but the crop 'nyu' of 640x480 has 560x426"):
        Placement.parse("nyu").place(np.ones((50, 60), np.float32), (480, 640))


@pytest.mark.parametrize("size", [(375, 1242), (376, 1241), (370, 1226), (374, 1238)])
def test_kb_is_the_crop_of_published_code(size: tuple[int, int]) -> None:
    """`top = int(height - 352)`, `left = int((width - 1216) / 2)`, in each size that KITTI has."""
    corner = Placement.parse("kb").corner((352, 1216), size)
    assert corner == (int(size[0] - 352), int((size[1] - 1216) / 2))
    back = Placement.parse("kb").corner(size, (352, 1216))  # the truth is the crop
    assert back == (-corner[0], -corner[1])


def test_a_larger_map_is_cut_to_the_truth() -> None:
    whole = street(0)
    placed = Placement.parse("kb").place(whole, (88, 304))
    np.testing.assert_array_equal(placed, whole[KB])
    np.testing.assert_array_equal(Placement.parse("-6,-3").place(whole, (88, 304)), whole[KB])


@pytest.mark.parametrize(
    ("text", "match"),
    [("kbb", "'kbb'.*kb"), ("1,2,3", "TOP,LEFT"), ("1.5,2", "TOP,LEFT"), ("", "TOP,LEFT")],
)
def test_a_placement_that_is_none_is_refused(text: str, match: str) -> None:
    with pytest.raises(SettingsError, match=match):
        Placement.parse(text)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("94,0", "outside of 310x94"),
        ("0,-304", "outside of 310x94"),
        ("nyu", r"crop is for frames of 480x640"),
        ("garg", r"304x88, but the crop 'garg' of 310x94 has 287x55"),
    ],
)
def test_a_placement_for_other_sizes_names_the_file(text: str, match: str, tmp_path: Path) -> None:
    folders = open_folders(tmp_path, KB, text)
    with pytest.raises(DataError, match=rf"0\.npy: --placement {text}: .*{match}"):
        folders.pair(0)


def test_no_crop_of_either_is_refused() -> None:
    with pytest.raises(DataError, match="no crop of 310x94, nor the other way round"):
        Placement.parse("kb").corner((100, 300), SIZE)


def test_an_uneven_stretch_is_said_with_its_figures(tmp_path: Path) -> None:
    folders = open_folders(tmp_path, KB)
    stretch, better = placement_notes(folders, garg(folders))
    assert "0.npy: 304x88 is stretched to 310x94, by 1.0197 in x and 1.0682 in y" in stretch
    assert "--placement" in stretch
    assert "far better placed as 'kb'" in better
    assert "say --placement kb" in better


@pytest.mark.parametrize(
    ("map_size", "size"),
    [
        ((94, 310), (94, 310)),
        ((47, 155), (94, 310)),
        ((31, 102), (94, 310)),
        ((188, 620), (94, 310)),
    ],
)
def test_an_even_stretch_is_not_said(map_size: tuple[int, int], size: tuple[int, int]) -> None:
    assert stretch_of(map_size, size) is None


def test_an_uneven_stretch_of_small_sides_is_seen() -> None:
    assert stretch_of((192, 640), (375, 1242)) == (1242 / 640, 375 / 192)
    assert stretch_of((352, 1216), (375, 1242)) == (1242 / 1216, 375 / 352)


@pytest.mark.parametrize("geometry", [Geometry.METRIC_DEPTH, Geometry.AFFINE_INVERSE])
def test_a_placement_that_is_wrong_is_found_out(geometry: Geometry, tmp_path: Path) -> None:
    """Of the truth's whole width: 88 of 94 rows from the bottom, or of a resized view."""
    right = open_folders(tmp_path / "right", KB, "kb", geometry)
    assert placement_notes(right, garg(right)) == ()
    wrong = open_folders(tmp_path / "wrong", KB, "3,5", geometry)
    protocol = named_protocol("kitti_garg").edit({"crop.bottom": 0.9})
    (note,) = placement_notes(wrong, protocol.for_frames(wrong.sample_ids))
    assert "placed as '3,5' as now" in note
    assert "--placement kb" in note


def test_a_resized_view_that_is_placed_is_found_out(tmp_path: Path) -> None:
    import cv2

    out, truth = saved(tmp_path, (slice(None), slice(None)))
    for path in out.glob("*.npy"):
        resized = cv2.resize(np.load(path), (304, 90), interpolation=cv2.INTER_LINEAR)
        np.save(path, resized)
    options: dict[str, Any] = {"geometry": Geometry.METRIC_DEPTH}
    placed = MapFolders(out, truth, placement=Placement.parse("kb"), **options)
    (note,) = placement_notes(placed, garg(placed))
    assert "far better as the whole view" in note
    assert "--placement whole" in note
    (stretch,) = placement_notes(MapFolders(out, truth, **options), garg(placed))
    assert "stretched" in stretch


def test_places_that_differ_by_little_are_not_said() -> None:
    near = [{"whole": 0.10, "kb": 0.09}] * 4
    assert better_place(near, "whole") == ""
    far = [{"whole": 0.10, "kb": 0.05}] * 4
    assert "--placement kb" in better_place(far, "whole")
    assert better_place(far, "kb") == ""
    lucky = [{"whole": 0.10, "kb": 0.11}] * 3 + [{"whole": 1.0, "kb": 0.01}]
    assert better_place(lucky, "whole") == "", "better on average by one frame"
    assert better_place([], "whole") == ""
    assert better_place([{}], "whole") == ""


def test_scored_pixels_without_a_prediction_are_counted(tmp_path: Path) -> None:
    folders = open_folders(tmp_path, KB, "kb")
    everything = named_protocol("range:0.1-80").for_frames(folders.sample_ids)
    with pytest.raises(
        SettingsError,
        match=r"--placement kb: 2388 of 29140 scored pixels of frame '0' lie outside of its map "
        r"\(rows 6:94, columns 3:307 of 310x94\)",
    ):
        placement_notes(folders, everything)


def test_the_fingerprint_follows_the_placement(tmp_path: Path) -> None:
    prints = {
        open_folders(tmp_path / name, KB, name).fingerprint() for name in ("whole", "kb", "5,3")
    }
    assert len(prints) == 3
    assert set(NAMES) == {"whole", "kb", "centre", "garg", "eigen", "nyu"}


def test_another_aspect_leads_to_the_option(tmp_path: Path) -> None:
    folders = open_folders(tmp_path, (slice(0, 94), slice(0, 200)))
    with pytest.raises(DataError, match=r"another aspect.*--placement .kb, centre, nyu"):
        folders.pair(0)


@pytest.mark.skipif(not CASES.is_dir(), reason="the folder of cases is not there")
@pytest.mark.parametrize(("maps", "placement"), [("kb_full", "whole"), ("kb_cropped", "kb")])
def test_kitti_s_crop_scores_as_its_whole_view(
    maps: str, placement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    described = ForeignMaps(predictions=CASES / maps, truth=CASES / "kb_gt", placement=placement)
    evaluate_maps(described, ScoringOptions(protocol="kitti_garg", processes=1))
    out = capsys.readouterr().out
    assert "0.0158" in out
    assert "0.526" in out
    assert "--placement" not in out


@pytest.mark.skipif(not CASES.is_dir(), reason="the folder of cases is not there")
def test_kitti_s_crop_is_not_stretched_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    described = ForeignMaps(predictions=CASES / "kb_cropped", truth=CASES / "kb_gt")
    evaluate_maps(described, ScoringOptions(protocol="kitti_garg", processes=1))
    out = " ".join(capsys.readouterr().out.split())
    assert "304x88 is stretched to 310x94, by 1.0197 in x and 1.0682 in y" in out
    assert "far better placed as 'kb': AbsRel 0.0158, stretched over the view as now 0.0874" in out
