"""`predict` and `stream` on every kind of source: one command each, stopped, gone on, and with bad frames."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.files import encode_png

Call = Callable[..., tuple[int, str, str]]
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
FAST = ("--model", "thermal-small", "--short-side", "96", "--no-view")


def counts(seed: int) -> NDArray[np.uint16]:
    """Of a picture with structure."""
    rng = np.random.default_rng(seed)
    slope = 20 * np.arange(48)[:, None] + 7 * np.arange(64)
    return (7000 + 100 * seed + slope + rng.integers(0, 9, (48, 64))).astype(np.uint16)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A stack of four frames."""
    np.save(tmp_path / "clip.npy", np.stack([counts(seed) for seed in range(4)]))
    return tmp_path / "clip.npy"


def depths(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*_depth.png"))


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "frames.jsonl").read_text().splitlines()]


# --- going on -----------------------------------------------------------------------------------------


def test_the_same_command_goes_on_and_says_how_many_it_skips(
    thermodepth: Call, clip: Path, tmp_path: Path
) -> None:
    code, out, err = thermodepth("predict", clip, *FAST)
    assert code == 0, err
    assert "4 frames predicted into depth" in out
    assert depths(tmp_path / "depth") == [f"clip-{n:06d}_depth.png" for n in range(4)]
    assert [line["name"] for line in lines(tmp_path / "depth")] == [
        f"clip-{n:06d}" for n in range(4)
    ]
    (tmp_path / "depth" / "clip-000002_depth.png").unlink()
    _, out, _ = thermodepth("predict", clip, *FAST)
    assert "1 frames predicted" in out
    assert "3 frames were predicted before and are skipped (--again" in out
    _, out, err = thermodepth("predict", clip, *FAST, "--format", "npy")
    assert "4 frames predicted" in out
    assert "4 frames that other settings gave" in err
    _, out, _ = thermodepth("predict", clip, *FAST, "--again")
    assert "4 frames predicted" in out


def test_bad_frames_are_listed_and_the_rest_is_predicted(
    thermodepth: Call, clip: Path, tmp_path: Path
) -> None:
    stack = np.load(clip)
    stack[1] = 7000
    np.save(clip, stack)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "good.png").write_bytes(encode_png(counts(9)))
    code, out, err = thermodepth("predict", "*.png", clip, *FAST)
    assert code == 2
    assert "4 frames predicted" in out
    assert "2 frames of 6 could not be predicted" in err
    assert "bad.png: not a PNG" in err
    assert "clip.npy, frame 1: every pixel is 7000" in err
    assert len(depths(tmp_path / "depth")) == 4


def test_what_is_left_out_of_a_folder_is_said(thermodepth: Call, tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a", "deep/b"):
        (tmp_path / "in" / f"{name}.png").write_bytes(encode_png(counts(1)))
    (tmp_path / "in" / "log.txt").write_text("of the walk")
    _, _, err = thermodepth("predict", "in", *FAST)
    assert "skipped 1 files of no kind that is read: log.txt" in err
    assert "skipped 1 folders (--recursive reads them): deep" in err
    assert depths(tmp_path / "depth") == ["a_depth.png"]
    _, out, _ = thermodepth("predict", "in", "--recursive", *FAST)
    assert "2 frames predicted" in out
    code, _, err = thermodepth("predict", "in", "--recursive", "--out", "in/depth", *FAST)
    assert code == 2
    assert "maps would be read as frames" in err


# --- stopping -----------------------------------------------------------------------------------------


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "thermodepth", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_frames(folder: Path, program: subprocess.Popen[str], count: int) -> None:
    for _ in range(3000):
        if len(depths(folder)) >= count:
            return
        assert program.poll() is None, program.communicate()
        time.sleep(0.02)
    program.kill()
    pytest.fail("no frame came")


def assert_all_readable(folder: Path) -> None:
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            picture.load()
            assert picture.size == (64, 48)
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_source_without_an_end_stops_cleanly(clip: Path, number: int) -> None:
    folder = clip.parent
    program = start(folder, "predict", "loop:clip.npy", "--rate", "50", *FAST)
    wait_for_frames(folder / "depth", program, 6)
    program.send_signal(number)
    out, err = program.communicate(timeout=120)
    assert program.returncode == 0, err
    written = depths(folder / "depth")
    assert f"{len(written)} frames predicted into depth" in out
    assert written[:6] == [f"clip-{n:06d}_depth.png" for n in range(6)]
    assert_all_readable(folder / "depth")


def test_a_stopped_recording_goes_on(clip: Path, thermodepth: Call) -> None:
    folder = clip.parent
    np.save(clip, np.stack([counts(seed) for seed in range(200)]))
    program = start(folder, "predict", "clip.npy", *FAST)
    wait_for_frames(folder / "depth", program, 2)
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=120)
    assert program.returncode == 130, err
    assert "the same command goes on" in err
    match = re.search(r"([0-9]+) frames predicted", out)
    assert match is not None
    assert_all_readable(folder / "depth")
    assert len(lines(folder / "depth")) == int(match[1])
    np.save(
        clip, np.load(clip)[: int(match[1]) + 1]
    )  # another file: nothing of it counts as written
    _, out, _ = thermodepth("predict", clip, *FAST)
    assert "skipped" not in out


# --- stream -------------------------------------------------------------------------------------------


def test_stream_says_rate_latency_and_what_it_dropped(
    thermodepth: Call, clip: Path, tmp_path: Path
) -> None:
    code, out, err = thermodepth(
        "stream", f"loop:{clip}", "--rate", "1000", "--frames", "3", "--out", "seen", *FAST[:-1]
    )
    assert code == 0, err
    match = re.search(
        r"3 frames predicted into seen, ([0-9]+) dropped .*latency [0-9]+ ms \(95 %: [0-9]+ ms\)",
        out.replace("\n", " "),
    )
    assert match is not None, out
    assert int(match[1]) > 0
    assert len(depths(tmp_path / "seen")) == 3


def test_stream_plays_a_recording_in_its_own_time(thermodepth: Call, clip: Path) -> None:
    code, out, _ = thermodepth("stream", clip, "--rate", "500", *FAST[:-1])
    assert code == 0
    assert "frames predicted, " in out
    code, _, err = thermodepth("stream", clip, *FAST[:-1])
    assert code == 2
    assert "have no times of their own" in err


# --- the recordings beside the repository -------------------------------------------------------------


@pytest.mark.skipif(not SHARED.is_dir(), reason="real recordings are kept beside the repository")
def test_the_video_and_the_radiometric_pictures_in_one_command_each(
    thermodepth: Call, tmp_path: Path
) -> None:
    code, out, err = thermodepth("predict", SHARED / "video", "--out", "video", *FAST)
    assert code == 0, err
    assert "16 frames predicted" in out
    with pytest.warns(UserWarning, match="the lens is taken from the source"):
        code, out, err = thermodepth(
            "predict", f"{SHARED}/radiometric/*.jpg", "--out", "radiometric", "--no-view"
        )
    assert code == 0, err
    assert "2 frames predicted" in out
    assert len(depths(tmp_path / "video")) + len(depths(tmp_path / "radiometric")) == 18
