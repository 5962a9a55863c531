"""What is written of a recording: one range of colours, videos, and what stands when it is cut short."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.errors import DataError, OutputError, SettingsError
from thermodepth.inference.depth import Depth
from thermodepth.inference.view import depth_picture
from thermodepth.outputs import Outputs, OutputSettings, rows_of
from thermodepth.outputs.colour_range import FILE, FIRST_FRAMES
from thermodepth.outputs.video import Mp4Recorder
from thermodepth.types import FrameEvent

MakeDepth = Callable[..., Depth]


def outputs(folder: Path, *names: str, **settings: object) -> Outputs:
    return Outputs(folder, rows_of(names), OutputSettings.parse(settings), names_missing=True)


def frames_of(path: Path) -> list[NDArray[np.uint8]]:
    video = cv2.VideoCapture(str(path))
    frames: list[NDArray[np.uint8]] = []
    while True:
        has_frame, frame = video.read()
        if not has_frame:
            video.release()
            return frames
        frames.append(frame.astype(np.uint8))


class TestColours:
    def test_a_stated_range_holds_from_the_first_frame_on(
        self, make_depth: MakeDepth, tmp_path: Path
    ) -> None:
        writer = outputs(tmp_path, "colour.png", range_m=[1.0, 80.0])
        depth = make_depth()
        (path,) = writer.write("a", depth)
        with Image.open(path) as image:
            picture = depth_picture(depth, limits_m=(1.0, 80.0))
            np.testing.assert_array_equal(np.asarray(image), picture)
        assert writer.close() == []
        assert writer.notes == []
        assert not (tmp_path / FILE).exists()

    def test_else_that_of_the_first_frames_is_taken_for_all_and_said(
        self, make_depth: MakeDepth, tmp_path: Path
    ) -> None:
        writer = outputs(tmp_path, "depth.npy", "colour.png")
        maps = [make_depth(depth_m=np.full((24, 32), 4.0 + n, np.float32)) for n in range(10)]
        for n, depth in enumerate(maps):
            frames = 0 if n < FIRST_FRAMES - 1 else FIRST_FRAMES if n == FIRST_FRAMES - 1 else 1
            assert len(writer.write(f"f{n}", depth)) == 2 * frames
        writer.close()
        # 4 to 11 m, a quarter wider: 3.2 and 13.75 m, in two figures.
        assert writer.notes == ["colours from 3.2 to 14 m, of the first 8 frames"]
        assert json.loads((tmp_path / FILE).read_text()) == {"near_m": 3.2, "far_m": 14.0}
        for n in (0, 9):
            with Image.open(tmp_path / f"f{n}_colour.png") as image:
                expected = depth_picture(maps[n], limits_m=(3.2, 14.0))
                np.testing.assert_array_equal(np.asarray(image), expected)

    def test_fewer_frames_are_written_at_the_end(
        self, make_depth: MakeDepth, tmp_path: Path
    ) -> None:
        writer = outputs(tmp_path, "colour.png")
        assert writer.write("a", make_depth()) == []
        assert writer.close() == [tmp_path / "a_colour.png"]
        assert writer.notes[0].endswith("of the frame")

    def test_a_later_run_goes_on_with_the_range_of_the_folder(
        self, make_depth: MakeDepth, tmp_path: Path
    ) -> None:
        (tmp_path / FILE).write_text('{"near_m": 2, "far_m": 50}')
        writer = outputs(tmp_path, "colour.png")
        assert len(writer.write("a", make_depth())) == 1
        writer.close()
        assert "colours from 2 to 50 m, as" in writer.notes[0]

    def test_a_damaged_record_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / FILE).write_text('{"near_m": 5, "far_m": 2}')
        with pytest.raises(DataError, match=r"colour_range\.json: expected near_m and far_m"):
            outputs(tmp_path, "colour.png")


def test_notes_come_once_with_their_number(make_depth: MakeDepth, tmp_path: Path) -> None:
    writer = outputs(tmp_path, "depth.png", "sky.png")
    for name in "abc":
        writer.write(name, make_depth(depth_m=np.full((24, 32), 300, np.float32), sky=None))
    clipped, missing = writer.notes
    assert clipped.startswith("a_depth.png: 768 of 768 pixels lie beyond 255.996 m")
    assert clipped.endswith("(and so in 2 more frames)")
    assert missing == "sky.png is not written: this model does not tell it"


class TestVideo:
    def test_every_frame_is_in_it_under_one_scale(
        self, make_depth: MakeDepth, tmp_path: Path
    ) -> None:
        writer = outputs(tmp_path, "video.mp4", range_m=[2.0, 40.0], rate_hz=5.0)
        depth = make_depth(48, 64)
        shifted = replace(depth, depth_m=depth.depth_m * np.float32(1.5))
        for name, each in (("a", depth), ("b", shifted), ("c", depth)):
            writer.write(name, each)
        assert list(tmp_path.glob("video*")) == []  # it is put there when it is whole
        assert writer.close() == [tmp_path / "video.mp4"]
        assert [p.name for p in tmp_path.iterdir()] == ["video.mp4"]
        first, second, third = (frame.astype(int) for frame in frames_of(tmp_path / "video.mp4"))
        assert first.shape[1] > 3 * 400
        thermal, depth_panel = np.s_[60:-20, 20:390], np.s_[60:-20, 850:1220]
        bar = np.s_[60:-20, 1255:]
        assert np.abs(first[thermal] - third[thermal]).mean() < 6  # the codec
        assert np.abs(first[depth_panel] - second[depth_panel]).mean() > 10
        assert np.abs(first[bar] - second[bar]).mean() < 3
        assert cv2.VideoCapture(str(tmp_path / "video.mp4")).get(cv2.CAP_PROP_FPS) == 5

    def test_it_can_be_read_when_something_ends_the_recording(
        self, make_depth: MakeDepth, tmp_path: Path
    ) -> None:
        writer = outputs(tmp_path, "video.mp4")
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            try:
                writer.write("a", make_depth())
                writer.write("b", make_depth())
                raise KeyboardInterrupt
            finally:
                writer.close()
        assert len(frames_of(tmp_path / "video.mp4")) == 2

    def test_without_frames_there_is_no_file(self, tmp_path: Path) -> None:
        assert outputs(tmp_path, "video.mp4").close() == []
        assert list(tmp_path.iterdir()) == []

    def test_a_frame_of_another_size_is_refused_by_name(
        self, make_depth: MakeDepth, tmp_path: Path
    ) -> None:
        writer = outputs(tmp_path, "video.mp4", range_m=[2.0, 40.0])
        writer.write("a", make_depth())
        with pytest.raises(DataError, match=r"video\.mp4: b is 40x30, the frames before it 32x24"):
            writer.write("b", make_depth(30, 40))
        writer.close()
        assert len(frames_of(tmp_path / "video.mp4")) == 1

    def test_of_frames_that_waited_the_others_are_written(
        self, make_depth: MakeDepth, tmp_path: Path
    ) -> None:
        writer = outputs(tmp_path, "depth.npy", "video.mp4")
        writer.write("a", make_depth())
        writer.write("b", make_depth(30, 40))
        writer.write("c", make_depth())
        with pytest.raises(DataError, match=r"video\.mp4: b is 40x30"):
            writer.close()
        assert len(frames_of(tmp_path / "video.mp4")) == 2
        assert len(list(tmp_path.glob("*_depth.npy"))) == 3

    def test_a_video_that_is_not_whole_is_no_file(
        self, make_depth: MakeDepth, tmp_path: Path
    ) -> None:
        writer = outputs(tmp_path, "video.mp4", range_m=[2.0, 40.0])
        writer.write("a", make_depth())
        recorder = writer._recorders["video.mp4"]
        assert isinstance(recorder, Mp4Recorder)
        recorder._frames += 1  # one that the encoder lost
        with pytest.raises(OutputError, match="1 of 2 frames could be written; is the disk full"):
            writer.close()
        assert list(tmp_path.iterdir()) == []

    def test_a_place_that_cannot_be_written_is_named(
        self, make_depth: MakeDepth, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        writer = outputs(tmp_path / "file", "video.mp4", range_m=[2.0, 40.0])
        with pytest.raises(OutputError, match=r"video\.mp4: cannot be written"):
            writer.write("a", make_depth())


def test_the_table_has_a_line_a_frame(make_depth: MakeDepth, tmp_path: Path) -> None:
    writer = outputs(tmp_path, "frames.csv")
    depth_m = np.full((24, 32), 4.0, np.float32)
    depth_m[:4] = 99  # sky
    writer.write("a", make_depth(depth_m=depth_m))
    writer.write(
        "b", make_depth(depth_m=depth_m, sky=None, relative_error=None, event=FrameEvent.CUT)
    )
    assert writer.close() == [tmp_path / "frames.csv"]
    assert (tmp_path / "frames.csv").read_text().splitlines() == [
        "name,event,near_m,median_m,far_m,sky,expected_error",
        "a,,4,4,4,0.1667,0.2000",
        "b,cut,4,4,99,,",
    ]


def test_a_cloud_without_a_lens_ends_the_recording(make_depth: MakeDepth, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the lens of this frame is not known"):
        outputs(tmp_path, "cloud.ply").write("a", make_depth(lens=None))


class Listing:
    """A viewer that remembers what it was shown."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.is_closed = False

    def add(self, name: str, depth: Depth) -> None:
        assert depth.depth_m.size
        self.names.append(name)

    def close(self) -> None:
        self.is_closed = True


def test_a_viewer_sees_frames_at_once_and_is_no_file(make_depth: MakeDepth, tmp_path: Path) -> None:
    viewer = Listing()
    writer = Outputs(tmp_path, rows_of(["colour.png"]), viewers=[viewer])
    writer.write("a", make_depth())
    assert viewer.names == ["a"]  # while its colours wait
    assert writer.has_recording
    assert writer.close() == [tmp_path / "a_colour.png"]
    assert viewer.is_closed


class TestRerun:
    def test_a_recording_is_put_in_its_place_when_closed(
        self, make_depth: MakeDepth, tmp_path: Path
    ) -> None:
        pytest.importorskip("rerun")
        writer = outputs(tmp_path, "recording.rrd")
        writer.write("a", make_depth())
        writer.write("b", make_depth(lens=None))
        assert writer.close() == [tmp_path / "recording.rrd"]
        assert (tmp_path / "recording.rrd").read_bytes()[:3] == b"RRF"
        assert [p.name for p in tmp_path.iterdir()] == ["recording.rrd"]
