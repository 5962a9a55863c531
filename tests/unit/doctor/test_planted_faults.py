"""Faults planted one at a time in a clean set: each is found, named, and nothing else is said to be wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from small_set import COLUMNS, FRAMES, ROWS, Diagnose, scene, write_frame

from thermodepth.doctor import Severity, examine
from thermodepth.files import encode_png, read_raster
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.storage.pack import write_pack

BANDS = (("RGB", "jpg"), ("Thermal", "png"), ("Depth", "png"))


def copy_frame(root: Path, source: int, target: int) -> None:
    for band, suffix in BANDS:
        shutil.copyfile(root / band / f"{source}.{suffix}", root / band / f"{target}.{suffix}")


def test_the_clean_set_is_clean(root: Path, diagnose: Diagnose) -> None:
    assert diagnose(f"mm5:{root}?split=blocks") == {}
    assert diagnose(str(root)) == {}


def test_a_truncated_file(root: Path, diagnose: Diagnose) -> None:
    broken = root / "Thermal" / "7.png"
    broken.write_bytes(broken.read_bytes()[:-200])
    for spec in (f"mm5:{root}?split=blocks", str(root)):
        (finding,) = diagnose(spec).values()
        assert (finding.check, finding.severity, finding.count) == ("readable", Severity.ERROR, 1)
        assert "7.png" in finding.names[0]


def test_a_truncated_file_is_found_when_only_a_sample_is_decoded(root: Path) -> None:
    for name in ("Thermal/30.png", "RGB/30.jpg"):
        path = root / name
        path.write_bytes(path.read_bytes()[:-200])
    report = examine(f"mm5:{root}?split=blocks", most_frames=8)
    assert 4 <= report.frames_read <= 8
    assert report.frames == FRAMES
    assert report.files_hashed == 3 * FRAMES
    (finding,) = [one for one in report.findings if one.severity is Severity.ERROR]
    assert [name.split(":")[0] for name in finding.names] == ["RGB/30.jpg", "Thermal/30.png"]


def test_a_copied_frame(root: Path, diagnose: Diagnose) -> None:
    copy_frame(root, 9, 15)
    (finding,) = diagnose(f"mm5:{root}?split=blocks").values()
    assert (finding.check, finding.severity) == ("duplicates", Severity.WARNING)
    assert finding.names == ("mm5-0009 = mm5-0015",)


def test_a_thermal_file_copied_to_another_frame(root: Path, diagnose: Diagnose) -> None:
    shutil.copyfile(root / "Thermal" / "9.png", root / "Thermal" / "15.png")
    (finding,) = diagnose(f"mm5:{root}?split=blocks").values()
    assert finding.check == "duplicates"
    assert "differ otherwise" in finding.title


def test_a_frozen_run(root: Path, diagnose: Diagnose) -> None:
    for number in (33, 34, 35):
        shutil.copyfile(root / "Thermal" / "32.png", root / "Thermal" / f"{number}.png")
    (finding,) = diagnose(f"mm5:{root}?split=blocks").values()
    assert (finding.check, finding.severity) == ("frozen", Severity.WARNING)
    assert finding.names == ("mm5-0032 to mm5-0035 (4 frames)",)
    (finding,) = diagnose(str(root)).values()
    assert (finding.check, finding.names) == (
        "frozen",
        ("Thermal/32.png to Thermal/35.png (4 frames)",),
    )


@pytest.mark.parametrize("factor", [257, 256, 64])
def test_gain_control_stored_as_counts(root: Path, diagnose: Diagnose, factor: int) -> None:
    for path in (root / "Thermal").iterdir():
        raw = read_raster(path).astype(float)
        low, high = np.percentile(raw, [1, 99])
        grey = np.clip((raw - low) / (high - low) * 255, 0, 255).round().astype(np.uint16)
        path.write_bytes(encode_png(grey * np.uint16(factor)))
    findings = diagnose(str(root))
    assert set(findings) == {"gain-control"}
    assert findings["gain-control"].severity is Severity.ERROR
    assert findings["gain-control"].count == FRAMES
    (refused,) = diagnose(
        f"mm5:{root}?split=blocks"
    ).values()  # a reader that knows it is not given a choice
    assert "gain control" in refused.names[0]


def test_8_bit_values_in_16_bit_files(root: Path, diagnose: Diagnose) -> None:
    for path in (root / "Thermal").iterdir():
        path.write_bytes(encode_png((read_raster(path) - 18800) // 5))
    assert diagnose(str(root))["gain-control"].count == FRAMES


def test_depth_at_the_wrong_scale(root: Path, diagnose: Diagnose) -> None:
    for path in (root / "Depth").iterdir():
        metres = read_raster(path) / 1000
        path.write_bytes(encode_png((metres * 256 * 0.8).round().astype(np.uint16)))
    (finding,) = diagnose(f"mm5:{root}?split=blocks").values()
    assert (finding.check, finding.severity) == ("depth-scale", Severity.ERROR)
    assert finding.count > 0.5 * FRAMES
    assert "stored as metres*256 and read as millimetres" in finding.title


def test_an_all_hole_depth_map(root: Path, diagnose: Diagnose) -> None:
    (root / "Depth" / "12.png").write_bytes(encode_png(np.zeros((ROWS, COLUMNS), np.uint16)))
    (finding,) = diagnose(str(root)).values()
    assert (finding.check, finding.severity) == ("depth-holes", Severity.ERROR)
    assert finding.names == ("Depth/12.png",)
    (refused,) = diagnose(
        f"mm5:{root}?split=blocks"
    ).values()  # MM5's reader does not hand it out at all
    assert "all hole" in refused.names[0]


def test_65535_for_no_depth(root: Path, diagnose: Diagnose) -> None:
    for path in (root / "Depth").iterdir():
        depth = read_raster(path)
        path.write_bytes(encode_png(np.where(depth == 0, 65535, depth).astype(np.uint16)))
    findings = diagnose(f"mm5:{root}?split=blocks")
    assert set(findings) == {"depth-holes"}
    assert findings["depth-holes"].count == FRAMES


def test_a_train_frame_in_val(root: Path) -> None:
    copy_frame(root, 5, 50)
    report = examine(f"mm5:{root}?split=blocks")
    findings = [one for one in report.findings if one.severity is not Severity.NOTE]
    assert {(one.check, one.severity) for one in findings} == {("leaks", Severity.ERROR)}
    assert {one.title.split(" ")[1] for one in findings} == {"thermal", "RGB"}
    assert findings[0].names == ("mm5-0005 (train) = mm5-0050 (val)",)


def test_a_train_frame_saved_again_in_val(root: Path, diagnose: Diagnose) -> None:
    rng = np.random.default_rng(0)
    bands = scene(5)
    for band in ("Thermal", "Depth"):
        noise = rng.integers(0, 3, bands[band].shape).astype(np.uint16)
        bands[band] = np.where(bands[band] > 0, bands[band] + noise, 0).astype(np.uint16)
    Image.fromarray(bands["RGB"]).save(root / "RGB" / "50.jpg", quality=90)
    write_frame(root, 50, {band: bands[band] for band in ("Thermal", "Depth")})
    (finding,) = diagnose(f"mm5:{root}?split=blocks").values()
    assert (finding.check, finding.severity) == ("look-alikes", Severity.WARNING)
    assert finding.names[0].startswith("mm5-0050 (val) ~ mm5-0005 (train)")


def test_a_frame_of_another_size(root: Path) -> None:
    write_frame(root, 33, scene(33, (40, 56)))
    report = examine(f"mm5:{root}?split=blocks")
    findings = [one for one in report.findings if one.severity is not Severity.NOTE]
    assert {(one.check, one.severity, one.count) for one in findings} == {
        ("sizes", Severity.WARNING, 1)
    }
    assert len(findings) == 3
    assert all(one.names[0].startswith("mm5-0033: 56x40") for one in findings)


def test_a_missing_rgb_picture(root: Path, diagnose: Diagnose) -> None:
    (root / "RGB" / "45.jpg").unlink()
    (finding,) = diagnose(f"mm5:{root}?split=blocks").values()
    assert (finding.check, finding.names) == ("rgb", ("mm5-0045",))
    (finding,) = diagnose(str(root)).values()
    assert (finding.check, finding.names) == ("rgb", ("RGB/45",))


def test_an_rgb_picture_that_shows_nothing(root: Path, diagnose: Diagnose) -> None:
    Image.new("RGB", (COLUMNS, ROWS), (3, 3, 3)).save(root / "RGB" / "46.jpg")
    (finding,) = diagnose(f"mm5:{root}?split=blocks").values()
    assert (finding.check, finding.names) == ("rgb", ("mm5-0046",))


@pytest.mark.parametrize("kind", ["stuck", "dead"])
def test_a_broken_column_and_pixel(root: Path, diagnose: Diagnose, kind: str) -> None:
    for path in (root / "Thermal").iterdir():
        raw = read_raster(path).copy()
        broken = 19300 if kind == "stuck" else 12000 + int(path.stem)
        raw[:, 20] = raw[30, 40] = broken
        path.write_bytes(encode_png(raw))
    report = examine(f"mm5:{root}?split=blocks")
    names = [one.names for one in report.findings if one.check == "bad-pixels"]
    assert names == [("column 20",), ("row 30, column 40",)]
    assert set(diagnose(f"mm5:{root}?split=blocks")) == {"bad-pixels"}


def test_a_set_that_does_not_open_is_looked_at_file_by_file(root: Path, diagnose: Diagnose) -> None:
    (root / "Depth" / "44.png").unlink()
    broken = root / "Thermal" / "7.png"
    broken.write_bytes(broken.read_bytes()[:-200])
    findings = diagnose(f"mm5:{root}?split=blocks")
    assert set(findings) == {"opens", "readable", "rgb"}
    assert "44" in findings["opens"].title
    assert findings["rgb"].names == ("Depth/44",)


@pytest.mark.parametrize("folder", ["Thermal", "recording"])  # told by its name, or by its numbers
def test_rows_of_telemetry(root: Path, diagnose: Diagnose, folder: str) -> None:
    (root / "Thermal").rename(root / folder)
    for path in (root / folder).iterdir():
        words = np.zeros((2, COLUMNS), np.uint16)
        words[0, :12] = np.arange(12) * 777
        path.write_bytes(encode_png(np.concatenate([read_raster(path), words])))
    findings = diagnose(str(root))
    assert (findings["telemetry"].severity, findings["telemetry"].count) == (Severity.ERROR, FRAMES)
    assert findings["telemetry"].names[0] == (
        f"{folder}/1.png: rows {ROWS} to {ROWS + 1} of {ROWS + 2} are no picture but words, as cameras' "
        "telemetry is."
    )
    assert "depth-scale" not in findings


@pytest.mark.parametrize("band", ["Thermal", "Depth"])
def test_exchanged_bytes(root: Path, diagnose: Diagnose, band: str) -> None:
    for path in (root / band).iterdir():
        path.write_bytes(encode_png(read_raster(path).byteswap()))
    for spec in (str(root), f"mm5:{root}"):
        findings = diagnose(spec)
        words = [
            name for one in findings.values() for name in one.names if "wrong way round" in name
        ]
        assert len(words) >= FRAMES
        assert all(one.severity is Severity.ERROR for one in findings.values())


@pytest.fixture
def rendered_folder(tmp_path: Path) -> Path:
    """Twelve frames as `data render` leaves them: maps, raw counts, lidar; drawn, not rendered."""
    rng = np.random.default_rng(0)

    def drawn(number: int) -> Frame:
        depth_m = cv2.resize(rng.uniform(2, 60, (8, 10)).astype(np.float32), (40, 32))
        kelvin = cv2.resize(rng.uniform(270, 310, (8, 10)).astype(np.float32), (40, 32))
        rgb = cv2.resize(rng.integers(20, 230, (8, 10, 3)).astype(np.uint8), (40, 32))
        return Frame(
            frame_id=f"street-day-{number:07d}",
            kind="street",
            condition="day",
            seed=number,
            rgb=rgb,
            apparent_temperature_k=kelvin,
            depth_m=depth_m,
            intrinsics=np.array([[35, 0, 20], [0, 35, 16], [0, 0, 1]], np.float32),
            lidar_m=np.where(rng.random((32, 40)) < 0.3, depth_m, np.nan).astype(np.float32),
        )

    write_pack(tmp_path / "world", {"train": [drawn(number) for number in range(12)]})
    return tmp_path / "world"


@pytest.mark.parametrize("folder", ["thermal", "lidar", "temperature", "depth", "rgb"])
def test_everything_that_a_rendered_folder_lists_is_decoded(
    folder: str, rendered_folder: Path, diagnose: Diagnose
) -> None:
    assert diagnose(str(rendered_folder)) == {}
    listed = sorted((rendered_folder / folder).iterdir())
    assert len(listed) == 12
    for path in listed:
        # Garbage with the marks of a whole file at both ends, so that only decoding tells.
        content = path.read_bytes()
        path.write_bytes(content[:60] + b"garbage" * 20 + content[-60:])
    finding = diagnose(str(rendered_folder))["readable"]
    assert finding.severity is Severity.ERROR
    assert finding.count == 12
    assert f"{folder}/street-day-0000000" in finding.names[0]


def test_a_raw_frame_that_is_missing_is_named(rendered_folder: Path, diagnose: Diagnose) -> None:
    (rendered_folder / "thermal" / "street-day-0000003.png").unlink()
    finding = diagnose(str(rendered_folder))["readable"]
    assert "thermal/street-day-0000003.png' is missing" in finding.names[0]
