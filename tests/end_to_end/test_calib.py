"""`thermodepth data calib`: what it prints, when it fails, and the overlay."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from thermodepth.files import encode_png, read_raster
from thermodepth.synthetic.cameras.rig import ms2_rig, rig_facts
from thermodepth.synthetic.storage.ms2_calibration import ms2_calibration, npy_of

Thermodepth = Callable[..., tuple[int, str, str]]
REAL_MS2 = Path(__file__).parents[3] / "shared" / "data" / "ms2"
FACTS = (
    "10.0 degrees, 0.657 m apart; thermal sits 0.008 m left of, 0.423 m above and 0.502 m behind RGB",
    "RGB sees of the thermal view: 59 % at 5 m, 67 % at 10 m, 71 % at 20 m, 74 % at 80 m",
    "nothing odd was found",
)
AMBER = (255, 176, 0)


def frames(
    folder: Path, *, thermal: tuple[int, int] = (256, 640), rgb: tuple[int, int] = (384, 1224)
) -> tuple[str | Path, ...]:
    """A warm box on a cold ground, and a grey picture; sizes are (rows, columns)."""
    counts = np.full(thermal, 7000, np.uint16)
    counts[thermal[0] // 4 : thermal[0] // 2, thermal[1] // 4 : thermal[1] // 2] = 8000
    (folder / "t.png").write_bytes(encode_png(counts))
    (folder / "r.png").write_bytes(encode_png(np.full((*rgb, 3), 90, np.uint8)))
    return "--thermal", folder / "t.png", "--rgb", folder / "r.png"


def a_twin(folder: Path) -> Path:
    (folder / "sync_data" / "_street").mkdir(parents=True)
    file = folder / "sync_data" / "_street" / "calib.npy"
    file.write_bytes(npy_of(ms2_calibration(ms2_rig())))
    return folder


def test_ms2s_rig_by_folder_and_by_file(thermodepth: Thermodepth, tmp_path: Path) -> None:
    root = a_twin(tmp_path / "ms2")
    code, said, _ = thermodepth("data", "calib", root)
    assert code == 0
    for fact in FACTS:
        assert fact in said
    table = {line.split()[0]: line.split()[1:] for line in said.splitlines() if "°" in line}
    assert table["thermal"] == [
        "640x256",
        "387.8,",
        "387.8",
        "301.3,",
        "152.1",
        "79.0",
        "x",
        "36.4°",
    ]
    assert not (tmp_path / "overlay.png").exists()
    (tmp_path / "rig.json").write_text(json.dumps(rig_facts(ms2_rig())))
    code, said, _ = thermodepth("data", "calib", "rig.json", "--distance", "3", "--distance", "40")
    assert code == 0
    assert "% at 3 m, 73 % at 40 m" in said


@pytest.mark.skipif(not REAL_MS2.is_dir(), reason=f"{REAL_MS2} is not there")
def test_the_real_recording(thermodepth: Thermodepth, tmp_path: Path) -> None:
    pictures = REAL_MS2 / "sync_data" / "_demo"
    words = ("--thermal", pictures / "thr/img_left/000011.png")
    words += ("--rgb", pictures / "rgb/img_left/000011.png")
    code, said, _ = thermodepth("data", "calib", REAL_MS2, *words)
    assert code == 0
    for fact in FACTS:
        assert fact in said
    assert read_raster(tmp_path / "overlay.png").shape == (634, 1320, 3)


def test_an_overlay_shows_edges_over_rgb(thermodepth: Thermodepth, tmp_path: Path) -> None:
    root = a_twin(tmp_path / "ms2")
    words = (*frames(tmp_path), "--distance", "5", "--out", "deep/o.png")
    code, said, _ = thermodepth("data", "calib", root, *words)
    assert code == 0
    assert "deep/o.png: 1320x346 pixels" in said
    sheet = read_raster(tmp_path / "deep" / "o.png")
    thermal, overlay = (sheet[50:306, left : left + 640] for left in (16, 664))
    assert thermal[100, 200].tolist() == [255] * 3
    assert thermal[30, 30].tolist() == [0] * 3
    on = np.abs(overlay.astype(int) - AMBER).max(-1) < 30
    rows, columns = np.nonzero(on)
    # Only along the four sides of the box, rows 64..128 and columns 160..320.
    assert on.sum() > 300
    assert (rows.min(), rows.max()) == pytest.approx((64, 128), abs=3)
    assert (columns.min(), columns.max()) == pytest.approx((160, 320), abs=3)
    assert not on[75:118, 171:309].any()
    lit = 255 * (90 / 255) ** 0.7
    assert np.abs(overlay[150, 300] - lit).max() < 2  # RGB, lighter
    assert np.abs(overlay[250, 300] - 150).max() < 2  # not seen by RGB


def test_a_file_with_an_error_ends_with_one(thermodepth: Thermodepth, tmp_path: Path) -> None:
    facts = rig_facts(ms2_rig())
    for row in facts["thermal"]["body_from_camera"][:3]:
        row[3] *= 1000
    (tmp_path / "mm.json").write_text(json.dumps(facts))
    code, said, _ = thermodepth("data", "calib", "mm.json")
    assert code == 1
    assert "error   thermal, rgb: 657.1 m apart; looks like millimetres (0.657 m)" in said
    assert "nothing odd" not in said


def test_cameras_without_names_are_asked_for(thermodepth: Thermodepth, tmp_path: Path) -> None:
    text = ""
    for name in ("cam0", "cam1"):
        text += f"{name}:\n  intrinsics: [400, 400, 320, 256]\n  resolution: [640, 512]\n"
    text += "  T_cn_cnm1: [[1, 0, 0, -0.1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]\n"
    (tmp_path / "camchain.yaml").write_text(text)
    code, _, said = thermodepth("data", "calib", "camchain.yaml")
    assert code == 2
    assert "--camera cam0=thermal --camera cam1=rgb" in said
    words = ("--camera", "cam0=rgb", "--camera", "cam1=thermal")
    code, said, _ = thermodepth("data", "calib", "camchain.yaml", *words)
    assert code == 0
    assert "0.100 m apart; thermal sits 0.100 m right of" in said
    for wrong, reason in (("cam0", "expected NAME=ROLE"), ("cam9=rgb", "unknown camera 'cam9'")):
        code, _, said = thermodepth("data", "calib", "camchain.yaml", "--camera", wrong)
        assert code == 2
        assert reason in said
    for other in ("thermal", "rgb"):  # twice a camera, twice a role
        doubled = ("--camera", "cam0=thermal", "--camera", f"cam{other == 'thermal':d}={other}")
        assert thermodepth("data", "calib", "camchain.yaml", *doubled)[0] == 2


def test_frames_tell_the_sizes_that_a_file_lacks(thermodepth: Thermodepth, tmp_path: Path) -> None:
    lines = "K_Thermal: 300 0 160 0 300 128 0 0 1\nK_RGB: 600 0 320 0 600 256 0 0 1\n"
    lines += "R: 1 0 0 0 1 0 0 0 1\nT: 0.1 0 0\n"
    (tmp_path / "calib_ther_to_rgb.yaml").write_text(lines)
    code, said, _ = thermodepth("data", "calib", tmp_path)
    assert code == 0
    assert "not given" in said
    assert "RGB sees" not in said
    words = frames(tmp_path, thermal=(256, 320), rgb=(512, 640))
    code, said, _ = thermodepth("data", "calib", tmp_path, *words)
    assert code == 0
    assert "RGB sees of the thermal view: 98 % at 5 m" in said
    assert read_raster(tmp_path / "overlay.png").shape[1] == 2 * 16 + 4 * 640 + 3 * 8


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--thermal", "t.png"), "needs a frame of both"),
        (("--rgb", "r.png"), "needs a frame of both"),
        (("--out", "a.png"), "has no effect without"),
        (("--thermal", "t.png", "--rgb", "r.png", "--out", "a.jpg"), "ends in .png"),
        (("--thermal", "t.png", "--rgb", "r.png", "--out", "t.png/a.png"), "cannot be written"),
        (("--thermal", "r.png", "--rgb", "r.png"), "dead frame"),
        (("--thermal", "t.png", "--rgb", "t.png"), "expected an 8-bit picture"),
        (("--thermal", "t.png", "--rgb", "small.png"), "10x8, but the calibration of 'rgb' is for"),
        (("--thermal", "t.png", "--rgb", "none.png"), "none.png: cannot be read"),
        (("--distance", "0"), "distance 0 m: expected more than 0"),
        (("--distance", "nan"), "expected more than 0"),
        (("--distance", "5") * 9, "at most 8"),
        (("--format", "kalbir"), "did you mean 'kalibr'?"),
        (("--camera", "a=b"), "names its cameras itself"),
    ],
)
def test_what_a_person_may_get_wrong(
    thermodepth: Thermodepth, tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    root = a_twin(tmp_path / "ms2")
    frames(tmp_path)
    (tmp_path / "small.png").write_bytes(encode_png(np.zeros((8, 10, 3), np.uint8)))
    code, _, said = thermodepth("data", "calib", root, *words)
    assert code == 2
    assert reason in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "overlay.png").exists()


def test_nothing_there(thermodepth: Thermodepth, tmp_path: Path) -> None:
    assert "cannot be read" in thermodepth("data", "calib", "nowhere.json")[2]
    code, _, said = thermodepth("data", "calib", tmp_path)
    assert code == 2
    assert "no calibration in this folder" in said
