"""`thermodepth calibrate` as people type it: every command of docs/metres.md, and what goes wrong."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.depth_files import read_depth_values
from thermodepth.files import encode_png
from thermodepth.scale_calibration import ScaleCalibration

Thermodepth = Callable[..., tuple[int, str, str]]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "metres.md"
#: Seeds of rendered streets, through a lens of 60 degrees, enlarged to 640x480.
FRAMES = {"day": 622, "night": 614, "noon": 623}
SIZE = (640, 480)
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description rdf:about="DJI Meta Data"
 drone-dji:RelativeAltitude="+1.45" drone-dji:GimbalRollDegree="+0.00" drone-dji:GimbalPitchDegree="-0.80"
 drone-dji:LRFStatus="Normal" drone-dji:LRFTargetDistance="{range_m}"/></rdf:RDF></x:xmpmeta>"""

Maps = dict[str, tuple[NDArray[np.uint16], NDArray[np.float32]]]


@pytest.fixture(scope="module")
def maps() -> Maps:
    """(counts, metres) of each frame."""
    pytest.importorskip("embreex")
    from thermodepth.synthetic import counts, render_frame

    frames = {}
    for name, seed in FRAMES.items():
        frame = render_frame(seed, width=128, height=96, kind="street")
        raw = counts(frame.apparent_temperature_k, np.random.default_rng(seed))
        frames[name] = (
            cv2.resize(raw, SIZE, interpolation=cv2.INTER_LINEAR),
            cv2.resize(frame.depth_m, SIZE, interpolation=cv2.INTER_NEAREST),
        )
    return frames


@pytest.fixture(scope="module")
def first_yard(tmp_path_factory: pytest.TempPathFactory, maps: Maps) -> Path:
    """The folder that the page is about, with the files that its commands name."""
    root = tmp_path_factory.mktemp("page")
    for folder in ("yard", "sweeps", "flight"):
        (root / folder).mkdir()
    for name, (counts, depth_m) in maps.items():
        (root / "yard" / f"{name}.png").write_bytes(encode_png(counts))
        sweep = np.full(depth_m.shape, np.nan, np.float32)
        sweep[200::12] = depth_m[200::12]
        sweep[sweep > 40] = np.nan
        np.save(root / "sweeps" / f"{name}.npy", sweep)
        xmp = XMP.format(range_m=round(float(depth_m[240, 320]), 2))
        (root / "flight" / f"{name}.jpg").write_bytes(rjpeg(counts, xmp))
    (tape,) = re.findall(r"^```csv\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    (root / "tape.csv").write_text(tape)
    return root


@pytest.fixture
def yard(tmp_path: Path, first_yard: Path) -> Path:
    """A copy of it to work in."""
    shutil.copytree(first_yard, tmp_path, dirs_exist_ok=True)
    return tmp_path


def rjpeg(counts: NDArray[np.uint16], xmp: str) -> bytes:
    """DJI's R-JPEG: a picture, the counts in APP3, the drone's words in XMP."""
    stream, exif = io.BytesIO(), Image.Exif()
    exif[271] = "DJI"
    Image.fromarray((counts >> 6).astype(np.uint8)).save(stream, "JPEG", exif=exif)
    content, raw = stream.getvalue(), counts.astype("<u2").tobytes()
    parts = [(0xE3, raw[at : at + 65_000]) for at in range(0, len(raw), 65_000)]
    parts.append((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp.encode()))
    extra = b"".join(b"\xff" + bytes([m]) + struct.pack(">H", len(c) + 2) + c for m, c in parts)
    first = 2 + 2 + int.from_bytes(content[4:6], "big")
    return content[:first] + extra + content[first:]


def commands() -> list[str]:
    blocks = re.findall(
        r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    text = "".join(blocks).replace("\\\n", " ")
    return [line for line in text.splitlines() if line.startswith("thermodepth ")]


def test_every_command_of_the_page_runs_in_its_order(yard: Path, thermodepth: Thermodepth) -> None:
    printed = {}
    for line in commands():
        words = shlex.split(line, comments=True)[1:]
        code, out, err = thermodepth(*words)
        assert code == 0, f"{line}\n{out}{err}"
        printed[line] = out
    assert len(printed) >= 9
    assert [fit.samples for fit in ScaleCalibration.read(yard / "metres.json").history] == [5, 11]
    kept = ScaleCalibration.read(yard / "models" / "yard" / "metres.json")
    metric, raw = (
        read_depth_values(yard / folder / "day_depth.png") for folder in ("metric", "raw")
    )
    assert np.median(metric / raw) == pytest.approx(kept.scale, rel=1e-3)
    # The table on the page is what its first command prints, up to the last digits.
    (shown,) = re.findall(r"^```text\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    first = next(iter(printed.values()))
    assert numbers(shown) == pytest.approx(numbers(first), rel=0.02, abs=0.3)
    assert re.sub(r"[-+−\d.]+", "#", shown).split() == re.sub(r"[-+−\d.]+", "#", first).split()


def numbers(text: str) -> list[float]:
    return [float(n.replace("−", "-")) for n in re.findall(r"[-+−]?\d+(?:\.\d+)?", text)]


DAY = ("--fov", "60", "--at", "day.png,420,400,4.97")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("yard",), "no known distance: give --at"),
        (("yard", "--at", "day.png,420"), "--at day.png,420: expected FRAME,X,Y,METRES"),
        (("yard", "--at", "1,2,3"), "expected FRAME,X,Y,METRES, for the source has 3 frames"),
        (("yard", "--at", "dya.png,1,2,3"), "unknown frame 'dya'; did you mean 'day'?"),
        (("yard", "--at", "day.png,420,400,4,97"), "unknown frame 'day.png,420'"),
        (("yard/day.png", "--at", "night.png,1,2,3"), "unknown frame 'night' (known: day)"),
        (("none", "--at", "a,1,2,3"), "none: no such file or folder"),
        (("yard", "--fov", "60", "--at", "day.png,640,400,5"), "no sample is left"),
        (("yard", "--fov", "60", "--at", "day.png,420,400,4970"), "these look like millimetres"),
        (("yard", *DAY, "--kind", "deep"), "--kind: unknown kind 'deep'"),
        (("yard", "--height", "1.5"), "--height and --pitch come together"),
        (("yard", *DAY, "--roll", "3"), "--roll: has no effect without --height"),
        (("yard", *DAY, "--lidar-pose", "a.txt"), "--lidar-pose: has no effect without --lidar"),
        (("yard", "--height", "1.5", "--pitch", "0"), "the lens is not known"),
        (("yard", "--fov", "60", "--height", "1.5", "--pitch", "120"), "pitch 120: expected"),
        (("yard", "--fov", "60", "--capture", "laser"), "states no laser range"),
        (("yard", "--fov", "60", "--capture", "ground"), "states no height and pitch"),
        (("yard", "--capture", "lazer"), "did you mean 'laser'?"),
        (("yard", "--fov", "60", "--lidar", "sweeps/day.npy"), "one measurement for 3 frames"),
        (("yard", *DAY, "--add"), "--add: metres.json is not there"),
        (("yard", *DAY, "--out", "yard"), "is a folder, expected a file"),
        (("yard", *DAY, "--out", "a.json", "--store", "b"), "--out and --store: one of them"),
        (("yard", *DAY, "--store", "thermal-any"), "a model that ships stays as it is"),
        (("yard", *DAY, "--store", "yard"), "no model folder"),
    ],
)
@pytest.mark.filterwarnings("ignore:the lens is not known")
def test_wrong_words(
    words: tuple[str, ...], message: str, yard: Path, thermodepth: Thermodepth
) -> None:
    code, _, err = thermodepth("calibrate", *words)
    assert code == 2, err
    assert message in err.replace("\n", " ")
    assert not (yard / "metres.json").exists()


def test_disparities_are_refused(yard: Path, maps: Maps, thermodepth: Thermodepth) -> None:
    for name, (_, depth_m) in maps.items():
        np.save(yard / "sweeps" / f"{name}.npy", 30 / depth_m)
    code, _, err = thermodepth("calibrate", "yard", "--fov", "60", "--lidar", "sweeps")
    assert code == 2
    assert "these look like disparities" in err
    assert not (yard / "metres.json").exists()


@pytest.mark.usefixtures("yard")
def test_what_is_refused_is_said_and_the_rest_is_used(thermodepth: Thermodepth) -> None:
    sky = ("--at", "day.png,320,5,5")
    code, out, err = thermodepth("calibrate", "yard", *DAY, *sky)
    assert code == 0, err
    assert "note: left out: day.png,320,5,5: the model sees sky there" in err
    assert "1 sample: a scale without an interval" in out
    again = thermodepth("calibrate", "yard", *DAY)
    assert again[0] == 2
    assert "metres.json: is there already; --add keeps its samples" in again[2]


def test_a_changed_file_another_model_and_another_lens(
    yard: Path, thermodepth: Thermodepth
) -> None:
    assert thermodepth("calibrate", "yard", *DAY)[0] == 0
    predict = ("predict", "yard/day.png", "--no-view", "--metres", "metres.json")
    code, _, err = thermodepth(*predict, "--model", "thermal-small")
    assert code == 2
    assert "a calibration of model" in err
    code, _, err = thermodepth(*predict, "--fov", "45")
    assert code == 2
    assert "another lens has metres of its own" in err.replace("\n", " ")
    code, _, err = thermodepth(*predict, "--uncalibrated")
    assert code == 2
    assert "--metres and --uncalibrated: one of them" in err
    tree = json.loads((yard / "metres.json").read_text())
    (yard / "metres.json").write_text(json.dumps({**tree, "scale": 2.0}))
    code, _, err = thermodepth(*predict)
    assert code == 2
    assert "its checksum does not fit" in err
