"""Every command of the pages from a camera to points and of steady video, as they are typed there."""

from __future__ import annotations

import csv
import re
import shlex
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from thermodepth.depth_files import read_depth_values

Thermodepth = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "data"
SHELL = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
#: What a page asks for of a rendering, and how much of it a test can wait for.
SMALLER = {"--scenes": "2/0/0", "--sequence": "6", "--size": "64x48", "--frames": "6"}


def commands(page: str) -> list[list[str]]:
    """The words of every command of a page, smaller where they render."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    lines = [line for block in SHELL.findall(text) for line in block.splitlines() if line.strip()]
    found = [shlex.split(line, comments=True) for line in lines]
    for words in found:
        for place, word in enumerate(words):
            if word in SMALLER:
                words[place + 1] = SMALLER[word]
    return found


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """`recording/` of ten frames of a still street with fresh noise; the shutter is closed for three."""
    rng = np.random.default_rng(0)
    rough = cv2.resize(rng.normal(0, 80, (6, 8)), (80, 64), interpolation=cv2.INTER_CUBIC)
    folder = tmp_path / "recording"
    folder.mkdir()
    for number in range(10):
        if number not in (5, 6, 7):
            noise = rng.normal(0, 3, (64, 80))
            raw = np.rint(7000 + rough + 4 * np.arange(64)[:, None] + noise).astype(np.uint16)
        Image.fromarray(raw).save(folder / f"{number:04d}.png")
    return folder


@pytest.mark.usefixtures("recording")
def test_three_commands_from_a_camera_to_points(tmp_path: Path, thermodepth: Thermodepth) -> None:
    look, video, cloud = commands("camera_to_cloud.md")
    for program, *words in (look, video, cloud):
        assert program == "thermodepth"
        code, out, err = thermodepth(*words)
        assert code == 0, err
        assert "10 frames predicted" in out
    assert "3 frames frozen" in out
    assert ": 0005 to 0007" in out
    assert "flicker of what stands still" in out
    assert len(list((tmp_path / "look").glob("*_view.png"))) == 10
    assert (
        cv2.VideoCapture(str(tmp_path / "video" / "video.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 10
    )
    with (tmp_path / "video" / "frames.csv").open(newline="") as stream:
        events = [row["event"] for row in csv.DictReader(stream)]
    assert events == [""] * 5 + ["frozen"] * 3 + [""] * 2
    header, _, body = (
        (tmp_path / "cloud" / "0004_cloud.ply").read_bytes().partition(b"end_header\n")
    )
    (count,) = re.findall(rb"element vertex (\d+)", header)
    assert len(body) == 15 * int(count) > 0
    depth = read_depth_values(tmp_path / "cloud" / "0004_depth.tiff")
    held = read_depth_values(tmp_path / "cloud" / "0006_depth.tiff")
    np.testing.assert_array_equal(held, depth)
    distances = [z for _, _, z, *_ in struct.iter_unpack("<fffBBB", body)]
    assert set(np.float32(distances)) <= set(depth.ravel())


@pytest.mark.usefixtures("recording")
def test_the_commands_of_the_page_of_steady_video(tmp_path: Path, thermodepth: Thermodepth) -> None:
    first, second, render, measure = commands("video.md")
    for words in (first, second):
        code, _, err = thermodepth(*words[1:])
        assert code == 0, err
    assert (tmp_path / "steady" / "frames.csv").is_file()
    assert (tmp_path / "steady" / "0009_view.png").is_file()
    pytest.importorskip("embreex")
    assert thermodepth(*render[1:])[0] == 0
    assert measure[0] == "python"
    program = [sys.executable, ROOT / measure[1], *measure[2:]]
    run = subprocess.run(program, capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr
    assert "| steady |" in run.stdout
    assert re.search(r"cuts: \d of 2 noticed", run.stdout)


@pytest.mark.filterwarnings("ignore:the lens is not known")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--write", "cloud.plx"], r"--write: unknown output 'cloud.plx'; did you mean 'cloud.pl"),
        (["--write", "depth.png", "--format", "npy"], "--format and --write"),
        (["--write", "depth.png", "--no-view"], "--no-view and --write"),
        (
            ["--write", "depth.png", "--range", "1,80"],
            "--range: has no effect without one of view.png",
        ),
        (["--range", "80"], "--range 80: expected two distances"),
        (["--range", "80,1"], "range 80,1: expected two distances in metres, nearest first"),
        (["--colormap", "magna"], "unknown colour map 'magna'; did you mean 'magma'"),
        (["--flying", "0.1"], "--flying: has no effect without one of cloud.ply"),
        (["--write", "cloud.ply", "--cloud-colour", "heat"], "cloud_colour"),
        (["--write", "cloud.ply"], "the lens of this frame is not known"),
    ],
)
def test_what_a_person_would_type_wrong(
    words: list[str], message: str, recording: Path, tmp_path: Path, thermodepth: Thermodepth
) -> None:
    code, _, err = thermodepth("predict", recording / "0000.png", *words)
    assert code == 2
    assert message in " ".join(err.split())
    assert not list(tmp_path.glob("depth/*cloud*"))


def test_a_range_that_was_taken_is_said_and_held(recording: Path, thermodepth: Thermodepth) -> None:
    lens = ["--fov", "50", "--write"]
    code, out, err = thermodepth("predict", recording / "0000.png", *lens, "colour.png")
    assert code == 0
    assert "0000_colour.png" in out
    assert re.search(r"note: colours from \S+ to \S+ m, of the frame", err)
    code, _, err = thermodepth("predict", recording / "0001.png", *lens, "colour.png,sky.png")
    assert re.search(r"note: colours from \S+ to \S+ m, as depth.colour_range\.json has it", err)


@pytest.mark.skipif(not (REAL / "video").is_dir(), reason="no real frames beside the repository")
class TestRealFrames:
    @pytest.mark.filterwarnings("ignore:the lens is taken from the source")
    @pytest.mark.parametrize("name", ["ax8.jpg", "flir_example.jpg"])
    def test_a_radiometric_picture_gives_all_in_one_command(
        self, name: str, tmp_path: Path, thermodepth: Thermodepth
    ) -> None:
        files = "depth.png,view.png,cloud.ply"
        code, _, err = thermodepth("predict", REAL / "radiometric" / name, "--write", files)
        assert code == 0, err
        assert len(list((tmp_path / "depth").iterdir())) == 3

    def test_sixteen_frames_of_a_drive(self, tmp_path: Path, thermodepth: Thermodepth) -> None:
        files = "depth.png,view.png,cloud.ply,video.mp4"
        options = ["--fov", "50", "--steady", "--write", files, "--out", "out"]
        code, out, err = thermodepth("predict", REAL / "video", *options)
        assert code == 0, err
        assert "16 frames predicted" in out
        assert "cuts" not in out
        assert len(list((tmp_path / "out").glob("*_cloud.ply"))) == 16
