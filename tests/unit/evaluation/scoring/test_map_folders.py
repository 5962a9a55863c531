"""Two folders of anybody's maps: what belongs together, and that nothing is left out without a word."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.scoring.map_folders import MapFolders
from thermodepth.types import Geometry, ThermalUnit

RNG = np.random.default_rng(3)
SHAPE = (12, 16)


def write(path: Path, array: NDArray[Any] | None = None) -> Path:
    """A map in the format of its name; 16 bits where that is a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    metres = RNG.uniform(1, 60, SHAPE) if array is None else array
    if path.suffix == ".npy":
        np.save(path, metres.astype(np.float32) if array is None else array)
    elif path.suffix == ".exr":
        openexr = pytest.importorskip("OpenEXR")
        openexr.File({}, {"Z": metres.astype(np.float32)}).write(str(path))
    elif path.suffix == ".tiff":
        Image.fromarray(metres.astype(np.float32)).save(path)
    else:
        Image.fromarray(np.rint(metres * 256).astype(np.uint16)).save(path)
    return path


def folders(tmp_path: Path, **options: Any) -> MapFolders:
    return MapFolders(
        tmp_path / "out",
        tmp_path / "truth",
        **{"geometry": Geometry.METRIC_DEPTH, **options},
    )


def pair(tmp_path: Path, *ids: str, prediction: str = ".npy", truth: str = ".png") -> None:
    for frame in ids:
        write(tmp_path / "truth" / f"{frame}{truth}")
        write(tmp_path / "out" / f"{frame}{prediction}")


def test_frames_are_the_files_of_truth_in_natural_order_and_folders_are_sequences(
    tmp_path: Path,
) -> None:
    pair(tmp_path, "b/9", "b/10", "a/deep/x.1", "top")
    found = folders(tmp_path)
    assert found.sample_ids == ("a/deep/x.1", "b/9", "b/10", "top")
    assert len(found) == 4
    assert [found.sample(i).sequence for i in range(4)] == ["a/deep", "b", "b", ""]
    assert [found.sample(i).sample_id for i in range(4)] == list(found.sample_ids)
    assert found.notices == ()


@pytest.mark.parametrize("prediction", [".png", ".npy", ".tiff", ".exr", ".PNG"])
@pytest.mark.parametrize("truth", [".png", ".exr"])
def test_each_side_may_have_its_own_format(tmp_path: Path, prediction: str, truth: str) -> None:
    metres = np.arange(1, 193).reshape(SHAPE) / 4  # exact in 1/256 m
    write(tmp_path / "truth" / f"1{truth}", metres)
    write(tmp_path / "out" / f"1{prediction}", metres + 1)
    found = folders(tmp_path)
    depth_m = found.sample(0).depth_m
    assert depth_m is not None
    np.testing.assert_array_equal(depth_m, metres.astype(np.float32))
    np.testing.assert_array_equal(found.values(0), (metres + 1).astype(np.float32))


def test_each_side_has_its_own_scale(tmp_path: Path) -> None:
    stored = np.array([[0, 500, 1000]], np.uint16)
    for side in ("truth", "out"):
        write(tmp_path / side / "1.npy", stored)
    found = folders(tmp_path, png_scale=1000, truth_scale=500)
    np.testing.assert_array_equal(found.sample(0).depth_m, [[np.nan, 1, 2]])
    np.testing.assert_array_equal(found.values(0), np.float32([[np.nan, 0.5, 1]]))


def test_a_prediction_keeps_what_only_scoring_can_judge(tmp_path: Path) -> None:
    stored = np.float32([[np.nan, np.inf, -1, 0, 2]])
    for side in ("truth", "out"):
        write(tmp_path / side / "1.npy", stored)
    found = folders(tmp_path, geometry=Geometry.AFFINE_INVERSE)
    assert found.geometry is Geometry.AFFINE_INVERSE
    np.testing.assert_array_equal(found.values(0), [[np.nan, np.nan, -1, 0, 2]])
    np.testing.assert_array_equal(found.sample(0).depth_m, [[np.nan] * 4 + [2]])


def test_missing_predictions_are_counted_and_named(tmp_path: Path) -> None:
    pair(tmp_path, *(f"s/{i:03d}" for i in range(6)))
    for i in (1, 2, 4, 5):
        (tmp_path / "out" / "s" / f"{i:03d}.npy").unlink()
    with pytest.raises(
        DataError,
        match=r"no prediction for 4 of the 6 frames of .*truth \(s/001, s/002, s/004, \.\.\.\)",
    ):
        folders(tmp_path)


def test_a_decorated_prediction_is_named_with_the_option_that_takes_it(tmp_path: Path) -> None:
    for frame in ("000001", "000002"):
        write(tmp_path / "truth" / f"{frame}.png")
        write(tmp_path / "out" / f"{frame}_depth.png")
        write(tmp_path / "out" / f"{frame}_structure.png")
    with pytest.raises(
        DataError,
        match=r"000001_depth is there.*--prediction-ending _depth or --prediction-ending _structure",
    ):
        folders(tmp_path)
    found = folders(tmp_path, prediction_ending="_depth")
    assert found.sample_ids == ("000001", "000002")
    assert found.notices == (
        f"{tmp_path / 'out'}: 2 of 4 maps belong to no frame of the truth and are not scored "
        "(000001_structure.png, 000002_structure.png)",
    )


def test_a_longer_number_is_not_a_decoration(tmp_path: Path) -> None:
    write(tmp_path / "truth" / "1.png")
    write(tmp_path / "out" / "10.png")
    with pytest.raises(DataError, match="no prediction") as refused:
        folders(tmp_path)
    assert "--prediction-ending" not in str(refused.value)


def test_decorated_truth_is_named_with_its_option(tmp_path: Path) -> None:
    write(tmp_path / "truth" / "seq" / "000001_gt.png")
    write(tmp_path / "truth" / "seq" / "000001_mask.png")
    write(tmp_path / "out" / "seq" / "000001.png")
    with pytest.raises(DataError, match=r"seq/000001 is there.*say --truth-ending _gt"):
        folders(tmp_path)
    found = folders(tmp_path, truth_ending="_gt")
    assert found.sample_ids == ("seq/000001",)
    assert found.notices == (
        f"{tmp_path / 'truth'}: 1 of 2 maps do not end in '_gt' and are no frames (seq/000001_mask.png)",
    )


def test_a_folder_a_frame_is_an_ending_with_a_slash(tmp_path: Path) -> None:
    for frame in ("1", "2"):
        write(tmp_path / "truth" / f"{frame}.png")
        write(tmp_path / "out" / frame / "depth.npy")
        write(tmp_path / "out" / frame / "view.png")
    with pytest.raises(DataError, match=r"1/depth is there.*--prediction-ending /depth"):
        folders(tmp_path)
    assert folders(tmp_path, prediction_ending="/depth.npy").sample_ids == ("1", "2")


def test_a_frame_in_another_folder_is_not_taken_but_shown(tmp_path: Path) -> None:
    write(tmp_path / "truth" / "seq" / "000001.png")
    write(tmp_path / "out" / "000001.png")
    with pytest.raises(DataError, match="there is '000001', and folders count"):
        folders(tmp_path)


def test_of_other_names_the_nearest_is_shown(tmp_path: Path) -> None:
    write(tmp_path / "truth" / "frame_000001.png")
    write(tmp_path / "out" / "Frame_000001.png")
    with pytest.raises(DataError, match="did you mean 'Frame_000001'"):
        folders(tmp_path)


def test_two_files_for_one_frame_are_refused_and_the_suffix_tells_them_apart(
    tmp_path: Path,
) -> None:
    pair(tmp_path, "a")
    write(tmp_path / "out" / "a.png")
    with pytest.raises(
        DataError, match=r"a\.npy and a\.png are both the prediction.*--prediction-ending \.npy"
    ):
        folders(tmp_path)
    folders(tmp_path, prediction_ending=".npy")
    write(tmp_path / "truth" / "a.exr")
    with pytest.raises(DataError, match=r"a\.exr and a\.png are both the truth of frame 'a'"):
        folders(tmp_path, prediction_ending=".npy")


def test_two_files_that_no_frame_asks_for_are_only_surplus(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    for suffix in (".png", ".npy"):
        write(tmp_path / "out" / f"b{suffix}")
    (notice,) = folders(tmp_path).notices
    assert "2 of 3 maps belong to no frame" in notice
    assert "(b.npy, b.png)" in notice


def test_hidden_files_and_other_kinds_of_files_are_no_maps(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    for hidden in (".b.png", ".cache/c.png"):
        write(tmp_path / "truth" / hidden)
    (tmp_path / "truth" / "readme.txt").touch()
    (tmp_path / "truth" / "Icon\r").touch()  # as a Mac leaves it
    assert folders(tmp_path).sample_ids == ("a",)


def test_a_folder_without_maps_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "a.npz").touch()
    write(tmp_path / "out" / "a.png")
    with pytest.raises(DataError, match=r"truth: holds no depth maps \(.*\.pfm\); .* of \.npz"):
        folders(tmp_path)
    with pytest.raises(DataError, match="nowhere: no such folder"):
        MapFolders(tmp_path / "out", tmp_path / "nowhere", geometry=Geometry.METRIC_DEPTH)
    write(tmp_path / "truth" / "a.png")
    with pytest.raises(DataError, match=r"none of its 1 maps ends in '_gt' \(a\.png\)"):
        folders(tmp_path, truth_ending="_gt")


def test_links_do_not_lead_out_of_a_root(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    secret = write(tmp_path / "elsewhere" / "b.png")
    (tmp_path / "truth" / "b.png").symlink_to(secret)
    with pytest.raises(DataError, match=r"truth/b\.png: a link to .*elsewhere/b\.png, outside"):
        folders(tmp_path)
    (tmp_path / "truth" / "b.png").unlink()
    (tmp_path / "out" / "more").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="out/more: a link to a folder, which is not followed"):
        folders(tmp_path)
    (tmp_path / "out" / "more").unlink()
    (tmp_path / "truth" / "c.png").symlink_to(tmp_path / "truth" / "a.png")
    write(tmp_path / "out" / "c.png")
    assert folders(tmp_path).sample_ids == ("a", "c")


def test_a_root_may_be_a_link_itself(tmp_path: Path) -> None:
    pair(tmp_path / "real", "a")
    for side in ("truth", "out"):
        (tmp_path / side).symlink_to(tmp_path / "real" / side)
    assert folders(tmp_path).sample_ids == ("a",)


def test_a_dead_link_is_not_a_frame_less(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    (tmp_path / "truth" / "b.png").symlink_to(tmp_path / "truth" / "gone.png")
    with pytest.raises(DataError, match=r"b\.png: not a file that can be read"):
        folders(tmp_path)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    write(tmp_path / "truth" / "b\n2.png")
    with pytest.raises(DataError, match=r"'b\\n2\.png' in .*characters that are no text"):
        folders(tmp_path)


def test_truth_is_not_scored_against_itself(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    truth = tmp_path / "truth"
    with pytest.raises(DataError, match=r"a\.png: would be scored against itself"):
        MapFolders(truth, truth, geometry=Geometry.METRIC_DEPTH)


def test_one_folder_may_hold_both_where_endings_tell_them_apart(tmp_path: Path) -> None:
    write(tmp_path / "a_pred.png")
    write(tmp_path / "a_gt.png")
    found = MapFolders(
        tmp_path,
        tmp_path,
        geometry=Geometry.METRIC_DEPTH,
        prediction_ending="_pred",
        truth_ending="_gt",
    )
    assert found.sample_ids == ("a",)


def test_without_thermal_and_intrinsics_a_sample_holds_zeros_and_nan(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    found = folders(tmp_path)
    sample = found.sample(0)
    assert not found.has_thermal
    assert sample.thermal.dtype == np.uint16
    assert sample.thermal.shape == SHAPE
    assert not sample.thermal.any()
    assert np.isnan(sample.intrinsics).all()


def test_thermal_and_intrinsics_come_with_the_sample(tmp_path: Path) -> None:
    pair(tmp_path, "s/a")
    counts = RNG.integers(7000, 9000, SHAPE, dtype=np.uint16)
    (tmp_path / "raw" / "s").mkdir(parents=True)
    Image.fromarray(counts).save(tmp_path / "raw" / "s" / "a_lwir.tiff")
    with pytest.raises(DataError, match=r"no thermal for 1 .*--thermal-ending _lwir"):
        folders(tmp_path, thermal=tmp_path / "raw")
    found = folders(
        tmp_path, thermal=tmp_path / "raw", thermal_ending="_lwir", intrinsics=(20, 21, 8, 6)
    )
    sample = found.sample(0)
    assert found.has_thermal
    assert sample.thermal_unit is ThermalUnit.COUNTS
    np.testing.assert_array_equal(sample.thermal, counts)
    np.testing.assert_array_equal(sample.intrinsics, [[20, 0, 8], [0, 21, 6], [0, 0, 1]])


def test_thermal_of_another_size_is_refused(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    write(tmp_path / "raw" / "a.png", RNG.uniform(1, 60, (6, 8)))
    with pytest.raises(DataError, match=r"raw/a\.png: 8x6, but .*truth/a\.png is 16x12"):
        folders(tmp_path, thermal=tmp_path / "raw").sample(0)


@pytest.mark.parametrize(
    "intrinsics", [(0.0, 20.0, 8.0, 6.0), (20.0, -1.0, 8.0, 6.0), (np.nan, 20.0, 8.0, 6.0)]
)
def test_impossible_intrinsics_are_refused(tmp_path: Path, intrinsics: Any) -> None:
    pair(tmp_path, "a")
    with pytest.raises(SettingsError, match="expected fx, fy, cx, cy"):
        folders(tmp_path, intrinsics=intrinsics)


def test_intrinsics_of_another_size_are_refused(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    with pytest.raises(DataError, match=r"the intrinsics given: principal point .* far off"):
        folders(tmp_path, intrinsics=(400, 400, 320, 240)).sample(0)


@pytest.mark.parametrize("name", ["png_scale", "truth_scale"])
def test_impossible_scales_are_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        folders(tmp_path, **{name: 0})


def test_a_pair_may_differ_in_size_but_not_in_aspect(tmp_path: Path) -> None:
    pair(tmp_path, "a", "b")
    write(tmp_path / "out" / "a.npy", np.ones((24, 33), np.float32))  # bent by 3 %
    write(tmp_path / "out" / "b.npy", np.ones((12, 18), np.float32))
    found = folders(tmp_path)
    sample, values = found.pair(0)
    assert (sample.size, values.shape) == (SHAPE, (24, 33))
    with pytest.raises(DataError, match=r"out/b\.npy: 18x12, but .* is 16x12: another aspect"):
        found.pair(1)


def test_a_broken_file_is_named_when_it_is_read_not_before(tmp_path: Path) -> None:
    pair(tmp_path, "a", "b")
    (tmp_path / "out" / "b.npy").write_bytes(b"\x93NUMPY")
    found = folders(tmp_path)
    found.pair(0)
    with pytest.raises(DataError, match=r"out/b\.npy"):
        found.pair(1)


def test_it_travels_to_other_processes_as_names_only(tmp_path: Path) -> None:
    pair(tmp_path, *(f"{i:02d}" for i in range(50)))
    found = folders(tmp_path)
    packed = pickle.dumps(found)
    # Two paths and an id a frame; the maps themselves are 768 bytes each.
    assert len(packed) < 50 * (2 * len(str(tmp_path)) + 100)
    copied = pickle.loads(packed)
    assert copied.sample_ids == found.sample_ids
    np.testing.assert_array_equal(copied.values(7), found.values(7))


def test_the_fingerprint_follows_contents_and_settings_and_not_the_place(tmp_path: Path) -> None:
    pair(tmp_path / "one", "a", "b")
    found = folders(tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "two")
    moved = folders(tmp_path / "two")
    with pytest.raises(DataError, match="cannot be read"):
        found.fingerprint()
    first, truth = moved.fingerprint(), moved.truth_fingerprint()
    assert folders(tmp_path / "two").fingerprint() == first
    others = {
        folders(tmp_path / "two", png_scale=1000).fingerprint(),
        folders(tmp_path / "two", geometry=Geometry.SCALE_DEPTH).fingerprint(),
    }
    assert folders(tmp_path / "two", truth_scale=1000).truth_fingerprint() != truth
    assert folders(tmp_path / "two", intrinsics=(9, 9, 8, 6)).truth_fingerprint() != truth
    write(tmp_path / "two" / "out" / "b.npy")
    others.add(folders(tmp_path / "two").fingerprint())
    assert folders(tmp_path / "two").truth_fingerprint() == truth
    write(tmp_path / "two" / "truth" / "b.png")
    others.add(folders(tmp_path / "two").fingerprint())
    assert folders(tmp_path / "two").truth_fingerprint() != truth
    assert len(others | {first}) == 5


def test_pairing_and_reading_need_no_torch(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    program = (
        "import sys; from pathlib import Path; from thermodepth.types import Geometry; "
        "from thermodepth.evaluation.scoring.map_folders import MapFolders; "
        f"found = MapFolders(Path({str(tmp_path / 'out')!r}), Path({str(tmp_path / 'truth')!r}), "
        "geometry=Geometry.METRIC_DEPTH); found.pair(0); found.fingerprint(); "
        "print(sorted({'torch', 'cv2', 'OpenEXR', 'transformers', 'accelerate'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
