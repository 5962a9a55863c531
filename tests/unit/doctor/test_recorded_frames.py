"""Recordings are checked as folders are: broken and frozen frames, lost time, samples of long ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.doctor import examine
from thermodepth.doctor.examine import Report
from thermodepth.errors import DataError
from thermodepth.files import encode_png


@pytest.fixture
def walk() -> NDArray[np.uint16]:
    """`[40 60 80]` counts that drift, with noise; frames 19 to 28 are one."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:60, :80]
    scene = 7000 + 300 * np.sin(rows / 9) * np.cos(columns / 7)
    frames = scene + 100 * np.arange(40)[:, None, None] + rng.integers(0, 9, (40, 60, 80))
    frames[20:29] = frames[19]
    return frames.astype(np.uint16)


def checks(report: Report) -> dict[str, int]:
    return {finding.check: finding.count for finding in report.findings}


def test_a_stack_with_a_frozen_shutter(walk: NDArray[np.uint16], tmp_path: Path) -> None:
    np.save(tmp_path / "walk.npy", walk)
    report = examine(str(tmp_path / "walk.npy"))
    assert (report.frames, report.frames_read, report.note) == (40, 40, "a recording")
    (frozen,) = (finding for finding in report.findings if finding.check == "frozen")
    assert "stands still in 9 frames" in frozen.title
    assert frozen.names == ("walk-000019 to walk-000028 (10 frames)",)


def test_a_sample_of_a_long_one(walk: NDArray[np.uint16], tmp_path: Path) -> None:
    np.save(tmp_path / "walk.npy", walk)
    report = examine(str(tmp_path / "walk.npy"), most_frames=8)
    assert (report.frames, report.frames_read) == (40, 8)
    assert "frozen" not in checks(report)


def test_a_broken_frame_of_a_glob(walk: NDArray[np.uint16], tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(encode_png(walk[number]))
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[: len(whole) // 2])
    report = examine(str(tmp_path / "[0-9].png"))
    (unreadable,) = (finding for finding in report.findings if finding.check == "readable")
    (name,) = unreadable.names
    assert name.startswith(f"1: {tmp_path / '1.png'}: damaged or truncated picture")


def test_what_has_no_end_or_is_none(tmp_path: Path, walk: NDArray[np.uint16]) -> None:
    np.save(tmp_path / "walk.npy", walk)
    with pytest.raises(DataError, match="a live source has no end; record it"):
        examine(f"loop:{tmp_path / 'walk.npy'}")
    with pytest.raises(DataError, match="no such file or folder, and no data set of that name"):
        examine(str(tmp_path / "walk.mkv"))
