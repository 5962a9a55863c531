"""Bare folders: what their names give away, their stamps, their lists, and what must not be followed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from small_set import Diagnose, scene

from thermodepth.doctor import CHECKS, Severity, examine
from thermodepth.doctor.facts import Band
from thermodepth.doctor.stamps import read_stamps
from thermodepth.doctor.tree import band_of, split_of
from thermodepth.errors import DataError
from thermodepth.files import encode_png

START_NS = 1_628_239_173_012_345_678


def recording(root: Path, thermal_s: Sequence[float], rgb_s: Sequence[float]) -> Path:
    """`drive/{thr,rgb}` with stamps in nanoseconds and as many pictures."""
    for number, (camera, times) in enumerate((("thr", thermal_s), ("rgb", rgb_s))):
        folder = root / "drive" / camera / "img_left"
        folder.mkdir(parents=True)
        for frame in range(len(times)):
            bands = scene(1000 * number + frame)
            picture = bands["Thermal"] if camera == "thr" else bands["RGB"]
            (folder / f"{frame:06d}.png").write_bytes(encode_png(picture))
        lines = [str(START_NS + round(t * 1e9)) for t in times]
        (folder.parent / "img_left_timestamp.txt").write_text("\n".join(lines))
    return root


STEADY = [0.1 * i for i in range(20)]


def test_steady_stamps_are_clean(tmp_path: Path, diagnose: Diagnose) -> None:
    assert diagnose(str(recording(tmp_path, STEADY, [t + 0.003 for t in STEADY]))) == {}


def test_skewed_stamps_name_the_shift(tmp_path: Path, diagnose: Diagnose) -> None:
    late = recording(tmp_path, STEADY, [t + 0.2 for t in STEADY])
    (finding,) = diagnose(str(late)).values()
    assert (finding.check, finding.severity) == ("skew", Severity.WARNING)
    assert "200.0 ms" in finding.title
    assert "RGB frame n-2 for thermal frame n" in finding.names[0]


def test_stamps_that_go_back_and_come_twice(tmp_path: Path) -> None:
    broken = [*STEADY[:7], 0.1, *STEADY[8:12], STEADY[11], *STEADY[13:]]
    report = examine(str(recording(tmp_path, broken, broken)))
    findings = {one.severity: one for one in report.findings if one.check == "stamps"}
    assert "thr/img_left_timestamp.txt: 1 times" in findings[Severity.ERROR].names[1]
    assert "after line 7" in findings[Severity.ERROR].names[1]
    assert findings[Severity.WARNING].count == 2


def test_gaps_and_missing_pictures(tmp_path: Path) -> None:
    gap = [*STEADY[:10], *[t + 2 for t in STEADY[10:]]]
    root = recording(tmp_path, gap, gap)
    (root / "drive" / "thr" / "img_left" / "000003.png").unlink()
    report = examine(str(root))
    findings = {one.severity: one for one in report.findings if one.check == "stamps"}
    assert findings[Severity.NOTE].count == 2
    assert "20 stamps, 19 pictures" in findings[Severity.WARNING].names[0]


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("1628239173.0\n1628239173.1\n", [0, 0.1]),
        ("1628239173000\n1628239173100\n", [0, 0.1]),
        ("1628239173000000\n1628239173100000\n", [0, 0.1]),
        ("0\n100000000\n", [0, 0.1]),
        ("0 10.5\n1 10.6\n", [0, 0.1]),
        ("# timestamp file\n10.5 rgb/1.png\n10.6 rgb/2.png\n", [0, 0.1]),
    ],
)
def test_units_of_stamps(tmp_path: Path, text: str, expected_s: list[float]) -> None:
    path = tmp_path / "timestamps.txt"
    path.write_text(text)
    (stamp_list,) = read_stamps(path, tmp_path)
    np.testing.assert_allclose(stamp_list.time_s, expected_s, atol=1e-6)


def test_a_table_has_a_list_for_each_recording(tmp_path: Path) -> None:
    path = tmp_path / "index.csv"
    path.write_text("frame_id,sequence,time_s\na0,a,0.0\na1,a,0.1\nb0,b,0\nb1,b,0.3\nc,,0\n")
    stamps = read_stamps(path, tmp_path)
    assert [(one.name, one.time_s[-1]) for one in stamps] == [
        ("index.csv (a)", 0.1),
        ("index.csv (b)", 0.3),
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "hello\nworld\n", "5\n", "a,b\n1,2\n", "nan\ninf\n"])
def test_what_is_no_list_of_stamps(tmp_path: Path, text: str) -> None:
    path = tmp_path / "timestamps.txt"
    path.write_text(text)
    assert read_stamps(path, tmp_path) == []


@pytest.mark.parametrize(
    ("name", "dtype", "band"),
    [
        ("proj_depth/a/thr/depth/1.png", np.uint16, Band.DEPTH),
        ("sync_data/a/thr/img_left/1.png", np.uint16, Band.THERMAL),
        ("a/D16/1.png", np.uint16, Band.DEPTH),
        ("a/T16/1.png", np.uint16, Band.THERMAL),
        ("seq/1.png", np.uint16, Band.THERMAL),
        ("seq/1.npy", np.float32, Band.DEPTH),
        ("seq/1.png", np.uint8, Band.OTHER),
        ("infrared/1.png", np.uint8, Band.THERMAL),
    ],
)
def test_bands_by_name_and_numbers(name: str, dtype: type, band: Band) -> None:
    picture = (1 + np.arange(48).reshape(6, 8)).astype(dtype)
    assert band_of(name, picture) is band


def test_unnamed_depth_shows_by_its_holes_and_colour_by_its_channels() -> None:
    picture = np.full((6, 8), 900, np.uint16)
    picture[0] = 0
    assert band_of("seq/1.png", picture) is Band.DEPTH
    colour = np.zeros((6, 8, 3), np.uint8)
    colour[..., 0] = 200
    assert band_of("seq/1.png", colour) is Band.RGB
    assert band_of("depth_view/1.png", colour) is Band.RGB


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train/a/1.png", "train"),
        ("a/Validation/1.png", "val"),
        ("test_night/1.png", "test"),
        ("a/b/1", ""),
    ],
)
def test_splits_by_name(name: str, split: str) -> None:
    assert split_of(name) == split


def test_equal_files_in_folders_named_by_split(tmp_path: Path, diagnose: Diagnose) -> None:
    for split, numbers in (("train", (1, 2, 3)), ("test", (7, 2, 8))):
        folder = tmp_path / split / "thermal"
        folder.mkdir(parents=True)
        for place, number in enumerate(numbers):
            (folder / f"{split}{place}.png").write_bytes(encode_png(scene(number)["Thermal"]))
    (finding,) = diagnose(str(tmp_path)).values()
    assert (finding.check, finding.severity) == ("leaks", Severity.ERROR)
    assert finding.names == ("test/thermal/test1.png (test) = train/thermal/train1.png (train)",)


def test_lists_that_overlap(root: Path) -> None:
    (root / "train_list.txt").write_text("walk-01\nwalk-02\n")
    (root / "val_list.txt").write_text("walk-03")
    (root / "test_day_list.txt").write_text("walk-02\nwalk-03\nwalk-04\n")
    (root / "test_list.txt").write_text("walk-04\n")
    findings = {one.severity: one for one in examine(str(root)).findings if one.check == "leaks"}
    assert (findings[Severity.ERROR].names, findings[Severity.WARNING].names) == (
        ("walk-02",),
        ("walk-03",),
    )


def test_views_of_different_shape_without_a_calibration(tmp_path: Path, diagnose: Diagnose) -> None:
    for folder, size in (("thermal", (48, 64)), ("rgb", (48, 120))):
        (tmp_path / folder).mkdir()
        band = "Thermal" if folder == "thermal" else "RGB"
        for number in range(3):
            picture = scene(number, size)[band]
            (tmp_path / folder / f"{number}.png").write_bytes(encode_png(picture))
    (finding,) = diagnose(str(tmp_path)).values()
    assert (finding.check, finding.severity) == ("calibration", Severity.WARNING)
    (tmp_path / "calibration.yaml").write_text("cam0: unreadable here")
    assert diagnose(str(tmp_path)) == {}


def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(encode_png(scene(1)["Thermal"]))
    root = tmp_path / "set"
    (root / "thermal").mkdir(parents=True)
    (root / "thermal" / "1.png").write_bytes(encode_png(scene(2)["Thermal"]))
    (root / "thermal" / "2.png").symlink_to(outside / "secret.png")
    (root / "more").symlink_to(outside)
    assert examine(str(root)).files_hashed == 1


def test_an_array_that_holds_objects_is_never_loaded(tmp_path: Path, diagnose: Diagnose) -> None:
    (tmp_path / "depth").mkdir()
    np.save(tmp_path / "depth" / "1.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    (finding,) = diagnose(str(tmp_path)).values()
    assert finding.check == "readable"
    assert "pickled" in finding.names[0]


@pytest.mark.parametrize("spec", ["mm6", "no/such/folder", "mm5:no-such-folder", "mm5"])
def test_what_is_not_there(spec: str) -> None:
    with pytest.raises(DataError):
        examine(spec)


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(DataError, match="no PNG, TIFF, JPEG, BMP, NPY or PFM files in this folder"):
        examine(str(tmp_path))


def test_rows_are_named_by_their_key_and_findings_by_their_row() -> None:
    assert all(row.name == name and row.looks_for for name, row in CHECKS.items())
