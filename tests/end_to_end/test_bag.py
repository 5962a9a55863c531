"""`thermodepth bag`: a bag in, a bag out; a video in; the wrong things a person types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("rosbags", reason="bags need rosbags: pip install 'thermodepth[bags]'")
from rosbags.highlevel import AnyReader

Call = Callable[..., tuple[int, str, str]]
FAST = ("--model", "thermal-small", "--short-side", "96")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A stack of three frames."""
    rng = np.random.default_rng(0)
    slope = 20 * np.arange(48)[:, None] + 7 * np.arange(64)
    stack = 7000 + slope + rng.integers(0, 9, (3, 48, 64))
    np.save(tmp_path / "clip.npy", stack.astype(np.uint16))
    return tmp_path / "clip.npy"


def depths_of(bag: Path) -> dict[int, NDArray[np.float32]]:
    """Stamp of the header -> metres, of every depth image of a bag."""
    depths = {}
    with AnyReader([bag]) as reader:
        connections = [c for c in reader.connections if c.topic == "/thermal/depth/image"]
        for connection, _, content in reader.messages(connections=connections):
            message = reader.deserialize(content, connection.msgtype)
            stamp = message.header.stamp
            depths[stamp.sec * 10**9 + stamp.nanosec] = message.data.view("<f4")
    return depths


@pytest.mark.filterwarnings("ignore:the lens is taken from the source")
def test_a_recording_becomes_a_bag_and_the_bag_another_one(
    thermodepth: Call, clip: Path, tmp_path: Path
) -> None:
    code, out, err = thermodepth("bag", clip, "--rate", "10", "--fov", "50", "--out", "first")
    assert code == 0, err
    assert "3 frames in first" in out
    code, out, err = thermodepth("bag", "first", "--topic", "/thermal/image", "--out", "second.bag")
    assert code == 0, err
    assert "3 frames in second.bag" in out
    first, second = depths_of(tmp_path / "first"), depths_of(tmp_path / "second.bag")
    assert list(first) == list(second) == [0, 100_000_000, 200_000_000]
    for stamp_ns, metres in first.items():
        # The lens of the first bag's camera_info is the one that was said, so the metres are the same.
        np.testing.assert_allclose(second[stamp_ns], metres, rtol=1e-4)


def test_without_a_lens_it_says_what_is_missing(thermodepth: Call, clip: Path) -> None:
    code, _, err = thermodepth("bag", clip, "--rate", "10", "--out", "out", *FAST)
    assert code == 0
    assert "3 frames have neither camera_info nor points" in err
    assert "--fov" in err


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        (("clip.npy", "--out", "out"), "has no time, and messages need one; --rate"),
        (("clip.npy", "--rate", "10", "--out", "clip.npy"), "exists already"),
        (("clip.npy", "--rate", "10", "--out", "out", "--storage", "mpac"), "did you mean 'mcap'"),
        (("clip.npy", "--rate", "10", "--out", "out", "--flying", "3"), "flying_step"),
        (("none.mcap", "--out", "out"), "none.mcap"),
    ],
)
def test_mistakes_are_said_and_leave_nothing(
    typed: tuple[str, ...], problem: str, thermodepth: Call, clip: Path, tmp_path: Path
) -> None:
    code, _, err = thermodepth("bag", *typed, *FAST)
    assert code == 2
    assert problem in err.replace("\n", " ")
    assert list(tmp_path.iterdir()) == [clip]
