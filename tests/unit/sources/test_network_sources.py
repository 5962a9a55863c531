"""Cameras by address, served by a thread of the test: pictures, Motion JPEG, videos, and what goes wrong."""

from __future__ import annotations

import base64
import io
import itertools
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import thermodepth
from thermodepth.errors import DataError, SettingsError
from thermodepth.files import encode_png
from thermodepth.sources import FailedFrame, SourceFrame, multipart, network
from thermodepth.sources.multipart import parts_of
from thermodepth.sources.reading_ahead import read_ahead

Counts = NDArray[np.uint16]
Answer = Callable[[BaseHTTPRequestHandler], None]


def send(kind: str, *contents: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.end_headers()
        for content in contents:
            handler.wfile.write(content)

    return answer


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    """Starts a server with one answer for everybody, and gives its address."""
    servers = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                try:
                    answer(self)
                except OSError:  # whoever asked has gone
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        servers.append((server, thread))
        return f"127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


Serve = Callable[[Answer], str]


def jpeg(number: int) -> bytes:
    picture = np.full((24, 32), 40 * number + 40, np.uint8)
    picture[:8] -= 30
    return cv2.imencode(".jpg", picture)[1].tobytes()


def part(content: bytes, *, length: bool = True) -> bytes:
    stated = f"Content-Length: {len(content)}\r\n" if length else ""
    return f"--frame\r\nContent-Type: image/jpeg\r\n{stated}\r\n".encode() + content + b"\r\n"


MIXED = "multipart/x-mixed-replace; boundary=frame"


def test_a_picture_keeps_its_counts(clip: Counts, serve: Serve) -> None:
    host = serve(send("image/png", encode_png(clip[0])))
    source = thermodepth.frames(f"http://{host}/snapshot")
    (frame,) = source
    np.testing.assert_array_equal(frame.raw, clip[0])
    assert (source.length, source.is_live, frame.unit) == (1, False, "counts")


def test_with_a_rate_it_is_fetched_again_and_again(clip: Counts, serve: Serve) -> None:
    pictures = map(encode_png, itertools.cycle(clip))
    host = serve(lambda handler: send("image/png", next(pictures))(handler))
    source = thermodepth.frames(f"http://{host}/snapshot", rate=100)
    assert (source.length, source.is_live) == (None, True)
    frames = list(itertools.islice(source, 3))
    np.testing.assert_array_equal([frame.raw for frame in frames], clip[1:4])  # one was looked at
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert frames[0].name.endswith("-000000")


@pytest.mark.parametrize("length", [True, False], ids=["stated", "by the boundary"])
def test_a_stream_of_pictures(length: bool, serve: Serve) -> None:
    contents = [part(jpeg(n), length=length) for n in range(3)]
    host = serve(send(MIXED, *contents, b"--frame--\r\n"))
    frames = list(thermodepth.frames(f"http://{host}/video"))
    assert [int(np.median(frame.raw)) for frame in frames] == [40, 80, 120]
    assert [frame.unit for frame in frames] == 3 * ["display"]
    source = thermodepth.frames(f"http://{host}/video", counts=True)
    refused, *_ = source
    assert source.is_live
    assert isinstance(refused, FailedFrame)
    assert "gain control" in str(refused.error)


def test_a_stream_without_an_end_is_stopped(serve: Serve) -> None:
    over = threading.Event()

    def for_ever(handler: BaseHTTPRequestHandler) -> None:
        send(MIXED, part(jpeg(0)), part(jpeg(1)))(handler)
        while not over.wait(0.02):  # nothing more comes, but the line stays open
            handler.wfile.write(b" ")

    source = thermodepth.frames(f"http://{serve(for_ever)}/video")
    frames = []
    for frame in source:
        frames.append(frame)
        if frame.index == 1:
            threading.Timer(0.1, source.stop).start()
    # Who is not stopped ends with a frame that says how long nothing came.
    assert [type(frame) for frame in frames] == 2 * [SourceFrame]
    over.set()


def test_a_video_by_its_address_keeps_16_bits(clip: Counts, tmp_path: Path, serve: Serve) -> None:
    path = tmp_path / "clip.mkv"
    size = (clip.shape[2], clip.shape[1])
    depth = [cv2.VIDEOWRITER_PROP_DEPTH, cv2.CV_16U, cv2.VIDEOWRITER_PROP_IS_COLOR, 0]
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"FFV1"), 9.0, size, depth
    )
    for frame in clip:
        writer.write(frame)
    writer.release()
    host = serve(send("video/x-matroska", path.read_bytes()))
    source = thermodepth.frames(f"http://{host}/walk.mkv")
    np.testing.assert_array_equal([frame.raw for frame in source], clip)


def test_a_login_is_sent_and_not_said(clip: Counts, serve: Serve) -> None:
    seen = []

    def ask(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers.get("Authorization"))
        if seen[-1] is None:
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", 'Basic realm="camera"')
            handler.end_headers()
        else:
            send("image/png", encode_png(clip[0]))(handler)

    host = serve(ask)
    source = thermodepth.frames(f"http://me:s%40cret@{host}/snapshot")
    (frame,) = source
    assert seen[-1] == "Basic " + base64.b64encode(b"me:s@cret").decode()
    assert "s%40cret" not in frame.origin + frame.name + frame.sequence
    with pytest.raises(DataError, match=r"answers 401 .*http://USER:PASSWORD@HOST/"):
        thermodepth.frames(f"http://{host}/snapshot")


def test_what_gives_no_frames_is_refused(serve: Serve) -> None:
    host = serve(send("text/html; charset=utf-8", b"<p>a page"))
    with pytest.raises(
        DataError, match=r"gives text/html, expected a picture, a video or a stream"
    ):
        thermodepth.frames(f"http://{host}/")
    host = serve(send("image/png", b"\x89PNG\r\n\x1a\nbroken"))
    (frame,) = thermodepth.frames(f"http://{host}/broken")
    assert isinstance(frame, FailedFrame)
    with pytest.raises(DataError, match="cannot be reached"):
        thermodepth.frames("http://127.0.0.1:9/nobody")
    with pytest.raises(SettingsError, match="ftp"):
        thermodepth.frames("ftp://127.0.0.1/clip.mkv")


def test_a_video_that_does_not_come_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "TIMEOUT_S", 0.5)
    with pytest.raises(DataError, match=r"^rtsp://127\.0\.0\.1:9/live: no video comes from there"):
        thermodepth.frames("rtsp://me:secret@127.0.0.1:9/live")


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch, serve: Serve) -> None:
    for room in (multipart, network):
        monkeypatch.setattr(room, "MOST_BYTES", 100)
    host = serve(send("image/jpeg", jpeg(0)))
    (frame,) = thermodepth.frames(f"http://{host}/large")
    assert isinstance(frame, FailedFrame)
    assert "that a picture may have" in str(frame.error)
    for length in (True, False):
        stream = io.BytesIO(part(jpeg(0), length=length) + b"--frame--")
        with pytest.raises(DataError, match="a part of"):
            list(parts_of(stream, b"frame", "camera"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no mark\r\n" * 100, "no boundary 'frame'"),
        (b"--frame\r\n" + b"A: b\r\n" * 100, "have no end"),
    ],
)
def test_streams_that_are_none(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(parts_of(io.BytesIO(content), b"frame", "camera"))


@pytest.mark.parametrize("length", [True, False])
def test_a_stream_that_is_cut_off_gives_what_was_whole(length: bool) -> None:
    whole = b"".join(part(jpeg(n), length=length) for n in range(3))
    parts = list(parts_of(io.BytesIO(whole[:-40]), b"frame", "camera"))
    assert parts == [jpeg(0), jpeg(1)]


def test_who_waits_is_told_of_errors_and_silence() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise DataError("gone")

    stopped = threading.Event()
    items = read_ahead(broken, stopped=stopped, longest_silence_s=9, silence="silent")
    assert next(items) == 1
    with pytest.raises(DataError, match="gone"):
        next(items)
    waits = threading.Event()

    def silent() -> Iterator[int]:
        waits.wait(5)
        yield 1

    with pytest.raises(DataError, match="silent"):
        list(read_ahead(silent, stopped=stopped, longest_silence_s=0.0, silence="silent"))
    waits.set()
