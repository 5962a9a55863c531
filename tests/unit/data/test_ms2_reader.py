"""MS2: pairing, splits, both views, and errors that name the file and the remedy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from thermodepth.data.ms2 import LISTS, open_ms2
from thermodepth.errors import DataError
from thermodepth.files import encode_png, read_raster
from thermodepth.types import ThermalUnit

REAL = Path(__file__).parents[4] / "shared" / "data" / "ms2"
SIZE = (32, 80)
CAMERA = [[60.0, 0, 39.5], [0, 60.0, 15.5], [0, 0, 1]]
RGB_CAMERA = [[90.0, 0, 50.0], [0, 91.0, 20.0], [0, 0, 1]]
NANOSECONDS = 1_628_247_573_000_000_000


def write_sequence(
    root: Path, name: str, numbers: Iterable[int] = range(3), truth: str = "depth_filtered"
) -> None:
    """Frame n: counts from 7000 + n, 2 + n/4 metres with a hole on top; RGB red is 100 + n."""
    sync, proj = root / "sync_data" / name, root / "proj_depth" / name
    row = np.arange(SIZE[1], dtype=np.uint16)
    stamps: dict[str, list[int]] = {"thr": [], "rgb": []}
    for place, number in enumerate(numbers):
        depth = np.full(SIZE, 256 * 2 + 64 * number, np.uint16)
        depth[0] = 0
        for file, values in (
            (sync / "thr/img_left", np.tile(row + np.uint16(7000 + number), (SIZE[0], 1))),
            (sync / "rgb/img_left", np.full((48, 100, 3), (100 + number, 5, 9), np.uint8)),
            (proj / f"thr/{truth}", depth),
            (proj / f"rgb/{truth}", np.full((48, 100), 256 * 3, np.uint16)),
        ):
            file.mkdir(parents=True, exist_ok=True)
            (file / f"{number:06d}.png").write_bytes(encode_png(values))
        stamps["thr"].append(NANOSECONDS + place * 100_000_000)
        stamps["rgb"].append(NANOSECONDS + place * 100_000_000 + 19_500_000 + place)
    for band, times in stamps.items():
        (sync / band / "img_left_timestamp.txt").write_text("\n".join(map(str, times)))
    facts = {
        "K_thrL": CAMERA,
        "K_rgbL": RGB_CAMERA,
        "R_nir2thr": np.eye(3).tolist(),
        "R_nir2rgb": np.eye(3).tolist(),
        "T_nir2thr": [[100.0], [0], [0]],
        "T_nir2rgb": [[350.0], [0], [20.0]],
    }
    (sync / "calib.json").write_text(json.dumps(facts))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One sequence a list, three frames each."""
    for title, name in zip(LISTS, ("_a", "_b", "_day", "_night", "_rain"), strict=True):
        write_sequence(tmp_path, name)
        (tmp_path / f"{title}_list.txt").write_text(f"{name}\n")
    return tmp_path


class TestFrames:
    def test_values_and_units(self, root: Path) -> None:
        sample = open_ms2(root).split("train").read(2)
        assert sample.sample_id == "ms2_a-000002"
        assert (sample.sequence, sample.condition) == ("_a", "")
        assert sample.thermal_unit is ThermalUnit.COUNTS
        np.testing.assert_array_equal(sample.thermal[:, 3], 7005)
        np.testing.assert_array_equal(sample.depth_m[1:], np.float32(2.5))
        assert np.isnan(sample.depth_m[0]).all()
        np.testing.assert_allclose(sample.intrinsics, [[60, 0, 40], [0, 60, 16], [0, 0, 1]])

    def test_rgb_has_its_own_view(self, root: Path) -> None:
        sample = open_ms2(root).split("train").read(2)
        assert sample.rgb.shape == (48, 100, 3)
        assert sample.rgb[0, 0].tolist() == [102, 5, 9]
        view = sample.rgb_view
        np.testing.assert_allclose(view.intrinsics, [[90, 0, 50.5], [0, 91, 20.5], [0, 0, 1]])
        np.testing.assert_allclose(view.rgb_from_thermal[:3, 3], [0.25, 0, 0.02])
        np.testing.assert_array_equal(view.depth_m, np.full((48, 100), 3, np.float32))
        assert view.later_s == pytest.approx(0.019500002, abs=1e-12)  # to the nanosecond

    def test_without_rgb_none_of_its_files_matters(self, root: Path) -> None:
        frames = open_ms2(root).split("train")
        with_rgb = frames.read(1)
        for file in (root / "sync_data/_a/rgb").rglob("*.*"):
            file.write_bytes(b"broken")
        for file in (root / "proj_depth/_a/rgb").rglob("*.png"):
            file.write_bytes(b"broken")
        sample = open_ms2(root).split("train").read(1, with_rgb=False)
        assert sample.rgb is None
        assert sample.rgb_view is None
        np.testing.assert_array_equal(sample.thermal, with_rgb.thermal)

    def test_without_its_rgb_picture_a_frame_stays(self, root: Path) -> None:
        (root / "sync_data/_a/rgb/img_left/000001.png").unlink()
        frames = open_ms2(root).split("train")
        assert [frames.read(i).rgb is None for i in range(3)] == [False, True, False]
        shutil.rmtree(root / "sync_data/_a/rgb")
        assert open_ms2(root).split("train").read(0).rgb is None

    def test_rgb_truth_is_the_same_product_else_the_sweep_else_none(self, root: Path) -> None:
        folder = root / "proj_depth/_a/rgb"
        (folder / "depth_filtered").rename(folder / "depth")
        assert open_ms2(root).split("train").read(0).rgb_view.depth_m is not None
        shutil.rmtree(folder)
        assert open_ms2(root).split("train").read(0).rgb_view.depth_m is None

    def test_frames_pair_by_number(self, root: Path) -> None:
        write_sequence(root, "_a", [3, 11, 20])
        for number in (0, 1, 2):
            for band in ("thr", "rgb"):
                (root / f"sync_data/_a/{band}/img_left/{number:06d}.png").unlink()
        data = open_ms2(root)
        assert data.split("train").sample_ids == [f"ms2_a-{n:06d}" for n in (3, 11, 20)]
        assert data.split("train").read(1).thermal[0, 0] == 7011
        assert data.note.endswith("; 3 without depth or thermal left out")

    def test_no_frame_pairs(self, root: Path) -> None:
        for number in (0, 1, 2):
            (root / f"sync_data/_a/thr/img_left/{number:06d}.png").unlink()
        with pytest.raises(DataError, match=r"_a/thr/img_left: no frame has the number of a map"):
            open_ms2(root)


class TestTimes:
    def test_without_the_files_there_is_no_skew(self, root: Path) -> None:
        (root / "sync_data/_a/rgb/img_left_timestamp.txt").unlink()
        assert open_ms2(root).split("train").read(1).rgb_view.later_s == 0

    def test_of_a_cut_out_line_n_belongs_to_frame_n(self, root: Path) -> None:
        for band in ("thr", "rgb"):
            (root / f"sync_data/_a/{band}/img_left/000001.png").unlink()
        assert open_ms2(root).split("train").read(1).rgb_view.later_s == pytest.approx(0.019500002)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("1\n2", r"rgb/img_left_timestamp\.txt: 2 times for 3 frames, 0 to 2; copy it"),
            ("1\nsoon\n3", r"rgb/img_left_timestamp\.txt, line 2: 'soon' is not a time"),
            ("1\nnan\n3", r"line 2: 'nan' is not a time"),
        ],
    )
    def test_broken_files_are_named(self, root: Path, text: str, message: str) -> None:
        (root / "sync_data/_a/rgb/img_left_timestamp.txt").write_text(text)
        frames = open_ms2(root).split("train")
        with pytest.raises(DataError, match=message):
            frames.read(0)
        frames.read(0, with_rgb=False)

    def test_poses_say_how_the_rig_moved_in_between(self, root: Path) -> None:
        without = open_ms2(root).split("train")
        assert without.read(0).rgb_view.motion is None
        assert without.fingerprint()
        for number in range(3):
            pose = np.eye(4)
            pose[2, 3] = 2.0 * number  # 2 m ahead every 100 ms
            (root / "odom/_a/thr").mkdir(parents=True, exist_ok=True)
            np.savetxt(root / f"odom/_a/thr/{number:06d}.txt", pose)
        frames = open_ms2(root).split("train")
        assert frames.fingerprint() != without.fingerprint()  # labels are moved by it
        view = frames.read(1).rgb_view
        assert view.later_s == pytest.approx(0.019500001)
        assert view.motion[2, 3] == pytest.approx(-0.39, abs=1e-6)  # points came nearer
        assert frames.read(2).rgb_view.motion is None  # nothing after the last frame
        (root / "odom/_a/thr/000001.txt").write_text("1 0 0")
        with pytest.raises(DataError, match=r"odom/_a/thr/000001\.txt"):
            frames.read(0)


class TestSplits:
    def test_the_test_is_day_night_and_rain(self, root: Path) -> None:
        data = open_ms2(root)
        counts = {name: len(part.sample_ids) for name, part in data.splits.items()}
        assert counts == {
            **dict.fromkeys(("train", "val", "test_day", "test_night", "test_rainy"), 3),
            "test": 9,
        }
        tests = data.split("test")
        assert [tests.read(i).condition for i in (0, 3, 8)] == ["day", "night", "rain"]
        parts = [data.split(name) for name in ("test_day", "test_night", "test_rainy")]
        assert tests.sample_ids == [i for part in parts for i in part.sample_ids]

    @pytest.mark.parametrize("text", ["_a\n_c", "_a\r\n_c\r\n", "\n_a/\n\n_c", "\ufeff_a\n_c"])
    def test_the_last_line_counts_however_it_ends(self, root: Path, text: str) -> None:
        write_sequence(root, "_c")
        (root / "train_list.txt").write_bytes(text.encode())
        assert len(open_ms2(root).split("train").sample_ids) == 6

    def test_strides_begin_anew_in_each_sequence_and_keep_a_last_frame(self, root: Path) -> None:
        write_sequence(root, "_a", range(5))
        write_sequence(root, "_c", range(4))
        (root / "train_list.txt").write_text("_a\n_c")
        data = open_ms2(Path(f"{root}?every=2"))
        numbers = [(0, "_a"), (2, "_a"), (4, "_a"), (0, "_c"), (2, "_c")]
        assert data.split("train").sample_ids == [f"ms2{s}-{n:06d}" for n, s in numbers]
        assert data.split("train").read(4).thermal[0, 0] == 7002
        assert data.split("train").read(4).rgb_view.later_s == pytest.approx(0.019500002)

    def test_the_official_lists_where_there_are_none(self, tmp_path: Path) -> None:
        write_sequence(tmp_path, "_2021-08-13-21-18-04")
        data = open_ms2(tmp_path)
        assert data.split("test_night").sample_ids[0] == "ms2_2021-08-13-21-18-04-000000"
        assert data.split("test").read(0).condition == "night"
        assert "3 driving frames of 1/20 sequences" in data.note
        assert "without _2021-08-06-10-59-33 and 18 more" in data.note
        with pytest.raises(DataError, match="the split 'train' holds no frames"):
            data.split("train")

    def test_official_lists_are_whole_and_apart(self) -> None:
        names = [name for part in LISTS.values() for name in part]
        assert len(names) == len(set(names)) == 20

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "_b\n",
                "sequence '_b' stands in the lists 'train' and 'val'; a recording belongs to one",
            ),
            ("_a\n_a\n", r"train_list\.txt, line 2: '_a' stands in line 1 already"),
            ("_a\n../_b\n", r"train_list\.txt, line 2: '\.\./_b' is not the name of a sequence"),
            ("..\n", r"line 1: '\.\.' is not the name of a sequence"),
            ("_a\n\x00\n", r"line 2: .* is not the name of a sequence"),
        ],
    )
    def test_broken_lists(self, root: Path, text: str, message: str) -> None:
        (root / "train_list.txt").write_text(text)
        with pytest.raises(DataError, match=message):
            open_ms2(root)

    def test_the_fingerprint_follows_content_options_and_conditions(self, root: Path) -> None:
        before = open_ms2(root).fingerprint()
        assert open_ms2(root).fingerprint() == before
        fingerprints = {before, open_ms2(Path(f"{root}?every=2")).fingerprint()}
        (root / "test_day_list.txt").write_text("_night")
        (root / "test_night_list.txt").write_text("_day")
        fingerprints.add(open_ms2(root).fingerprint())
        stamps = root / "sync_data/_a/thr/img_left_timestamp.txt"
        stamps.write_text(stamps.read_text().replace("3", "4"))
        fingerprints.add(open_ms2(root).fingerprint())
        (root / "sync_data/_rain/rgb/img_left/000001.png").write_bytes(
            encode_png(np.zeros((48, 100, 3), np.uint8))
        )
        fingerprints.add(open_ms2(root).fingerprint())
        assert len(fingerprints) == 5


class TestTruth:
    def test_one_sweep_where_there_is_nothing_better_and_it_is_said(self, root: Path) -> None:
        for folder in (root / "proj_depth").glob("*/thr/depth_filtered"):
            folder.rename(folder.with_name("depth"))
        assert open_ms2(root).note == "MS2: 15 driving frames of 5/5 sequences, truth depth"

    def test_as_asked_for(self, root: Path) -> None:
        for name in ("_a", "_b", "_day", "_night", "_rain"):
            write_sequence(root, name, truth="depth")
        filtered, sweep = (open_ms2(Path(f"{root}{o}")) for o in ("", "?truth=depth"))
        assert filtered.note.endswith("truth depth_filtered")
        assert sweep.note.endswith("truth depth")
        assert (filtered.protocol, sweep.protocol) == ("ms2_metric", "ms2_unfiltered")
        assert sweep.spec == f"ms2:{root}?truth=depth"

    def test_one_that_nobody_publishes_with_has_no_published_protocol(self, root: Path) -> None:
        for name in ("_a", "_b", "_day", "_night", "_rain"):
            write_sequence(root, name, truth="depth_multi")
        assert open_ms2(Path(f"{root}?truth=depth_multi")).protocol == "range:0.5-80"

    def test_never_mixed(self, root: Path) -> None:
        folder = root / "proj_depth/_b/thr/depth_filtered"
        folder.rename(folder.with_name("depth"))
        message = (
            r"_b/thr/depth_filtered: no such folder .*or ask for the other one: ms2:.*truth=depth"
        )
        with pytest.raises(DataError, match=message):
            open_ms2(root)

    def test_none(self, root: Path) -> None:
        shutil.rmtree(root / "proj_depth")
        with pytest.raises(DataError, match="neither depth_filtered nor depth is there; unpack"):
            open_ms2(root)


class TestSpec:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ("?evry=2", "unknown option 'evry'; did you mean 'every'"),
            ("?every=0", "option every=0: expected a whole number from 1"),
            ("?every=", "expected 'every=VALUE' once, got 'every='"),
            ("?every=2&every=3", "expected 'every=VALUE' once"),
            (
                "?truth=depth_filterd",
                "unknown truth 'depth_filterd'; did you mean 'depth_filtered'",
            ),
        ],
    )
    def test_options(self, root: Path, options: str, message: str) -> None:
        with pytest.raises(DataError, match=message.replace("?", r"\?")):
            open_ms2(Path(f"{root}{options}"))

    def test_folders_that_are_not_ms2(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="ms2 needs a folder: --data ms2:PATH"):
            open_ms2(None)
        with pytest.raises(DataError, match="no such folder; give the one that holds sync_data"):
            open_ms2(tmp_path / "none")
        message = (
            r"none of the 20 sequences of MS2 is here; looked for .*sync_data/_2021-08-06-10-59-33/"
        )
        with pytest.raises(DataError, match=message):
            open_ms2(tmp_path)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:48])


def _eight_bit(path: Path) -> None:
    path.write_bytes(encode_png(np.arange(2560, dtype=np.uint16).astype(np.uint8).reshape(SIZE)))


def _smaller(path: Path) -> None:
    path.write_bytes(encode_png(np.arange(2400, dtype=np.uint16).reshape(30, 80)))


class TestBroken:
    @pytest.mark.parametrize(
        ("file", "damage", "message"),
        [
            ("sync_data/_a/thr/img_left/000001.png", _cut, "damaged or truncated"),
            ("sync_data/_a/rgb/img_left/000001.png", _cut, "damaged or truncated"),
            ("sync_data/_a/rgb/img_left/000001.png", _smaller, "uint16, expected an 8-bit picture"),
            ("proj_depth/_a/thr/depth_filtered/000001.png", _cut, "damaged or truncated"),
            ("proj_depth/_a/rgb/depth_filtered/000001.png", _cut, "damaged or truncated"),
            (
                "sync_data/_a/thr/img_left/000001.png",
                _eight_bit,
                "8-bit where raw counts are meant",
            ),
            ("proj_depth/_a/thr/depth_filtered/000001.png", _eight_bit, "uint8 .*expected 16-bit"),
            ("proj_depth/_a/thr/depth_filtered/000001.png", _smaller, "80x30, but .* is 80x32"),
            ("proj_depth/_a/rgb/depth_filtered/000001.png", _smaller, "80x30, but .* is 100x48"),
        ],
    )
    def test_the_file_is_named_and_the_other_frames_are_read(
        self, root: Path, file: str, damage: Callable[[Path], None], message: str
    ) -> None:
        damage(root / file)
        frames = open_ms2(root).split("train")
        with pytest.raises(DataError, match=message) as error:
            frames.read(1)
        assert str(error.value).startswith(f"{root / file}: ")
        for index in (0, 2):
            frames.read(index)

    def test_a_broken_first_frame_does_not_keep_the_set_closed(self, root: Path) -> None:
        _cut(root / "sync_data/_a/thr/img_left/000000.png")
        assert open_ms2(root).training_size == SIZE

    def test_calibrations(self, root: Path) -> None:
        path = root / "sync_data/_a/calib.json"
        text = path.read_text()
        for change, message in (
            (("39.5", "300.8"), r"principal point \(301, 16\) lies outside 80x32"),
            (("[100.0]", "[-120000.0]"), "120"),  # millimetres of millimetres
            (("[0.0, 0.0, 1.0]]", "[0.0, 0.0, -1.0]]"), "rotation|mirror|determinant"),
        ):
            assert change[0] in text
            path.write_text(text.replace(*change, 1))
            with pytest.raises(DataError, match=message):
                open_ms2(root).split("train").read(0)
        path.unlink()
        with pytest.raises(DataError, match=r"_a/calib\.npy: no such file"):
            open_ms2(root)


def test_a_rendered_set_is_read_and_its_views_agree(tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    from thermodepth.synthetic.cameras.rig import open_rig
    from thermodepth.synthetic.storage.building import build_pack
    from thermodepth.synthetic.storage.order import RenderOrder

    order = RenderOrder(
        scenes={"train": range(1), "test": range(1, 2)},
        rig=open_rig("ms2", (160, 64)),
        frames=2,
        lidar_channels=64,
    )
    build_pack(tmp_path / "ms2", order, layout="ms2", workers=1)
    data = open_ms2(tmp_path / "ms2")
    assert {name: len(data.splits[name].sample_ids) for name in ("train", "val", "test")} == {
        "train": 2,
        "val": 0,
        "test": 2,
    }
    assert data.training_size == (64, 160)
    sample = data.split("train").read(1)
    view = sample.rgb_view
    row, column = np.nonzero(np.isfinite(sample.depth_m))
    pixels = np.stack([column + 0.5, row + 0.5, np.ones(len(row))])
    points = np.linalg.inv(sample.intrinsics) @ pixels * sample.depth_m[row, column]
    moved = view.rgb_from_thermal[:3, :3] @ points + view.rgb_from_thermal[:3, 3:]
    column, row = np.floor((view.intrinsics @ moved)[:2] / moved[2]).astype(int)
    height, width, _ = sample.rgb.shape
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    there_m = view.depth_m[row[inside], column[inside]]
    error = np.abs(there_m / moved[2][inside] - 1)
    known = error[np.isfinite(error)]
    assert len(known) > 200
    assert np.median(known) < 0.01


def test_the_real_rig(tmp_path: Path) -> None:
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is not there: real frames are kept beside the repository")
    shutil.copytree(REAL / "sync_data", tmp_path / "sync_data")
    raw = read_raster(REAL / "sync_data/_demo/thr/img_left/000011.png")
    truth = tmp_path / "proj_depth/_demo/thr/depth_filtered"
    truth.mkdir(parents=True)
    (truth / "000011.png").write_bytes(encode_png(np.full(raw.shape, 2560, np.uint16)))
    (tmp_path / "test_day_list.txt").write_text("_demo")
    data = open_ms2(tmp_path)
    assert data.training_size == (64, 160)
    sample = data.split("test").read(0)
    assert sample.size == (256, 640)
    assert sample.rgb.shape == (384, 1224, 3)
    assert sample.intrinsics[0, 2] == pytest.approx(301.320137)
    moved = sample.rgb_view.rgb_from_thermal
    assert np.rad2deg(np.arccos((np.trace(moved[:3, :3]) - 1) / 2)) == pytest.approx(
        10.006, abs=1e-3
    )
    assert np.linalg.norm(moved[:3, 3]) == pytest.approx(0.657, abs=1e-3)
