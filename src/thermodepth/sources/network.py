"""Cameras by address: `http(s)://` a picture, a stream of pictures or a video; `rtsp://` a video.

A picture is fetched once, or again and again with a rate. What a stream sends has gone through the camera's
gain control; 16-bit counts come as PNG, TIFF or NPY, or in a video of 16-bit grey. Sizes are bounded before
memory is taken, every wait has an end, and passwords stay out of messages.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from thermodepth.errors import DataError
from thermodepth.pictures import decode_raster
from thermodepth.sources.interface import DecodedFrame, Recording, StoredFrame
from thermodepth.sources.multipart import MOST_BYTES, parts_of
from thermodepth.sources.options import SourceOptions
from thermodepth.sources.reading_ahead import read_ahead
from thermodepth.sources.video import as_grey, capture_of, examine, time_s

WEB, VIDEO = ("http", "https"), ("rtsp", "rtsps")
TIMEOUT_S = 10.0
#: Kinds of content that OpenCV's FFmpeg takes from an address by itself.
_VIDEO_TYPES = ("video/", "application/vnd.apple.mpegurl", "application/x-mpegurl")
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)


@dataclass(slots=True, kw_only=True)
class Address:
    """Where frames come from, and what messages call it."""

    url: str
    public_text: str  # without the login

    def get(self) -> http.client.HTTPResponse:
        """The beginning of an answer.

        Raises:
            DataError: naming what the network or the other side said.
        """
        try:
            response: http.client.HTTPResponse = _opener(self.url).open(
                _without_login(self.url), timeout=TIMEOUT_S
            )
        except urllib.error.HTTPError as error:
            with error:
                login = "; a login goes before the host: http://USER:PASSWORD@HOST/"
                remedy = login if error.code in (401, 403) else ""
                raise DataError(
                    f"{self.public_text}: answers {error.code} {error.reason}{remedy}"
                ) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DataError(f"{self.public_text}: {_words(error)}") from None
        return response


@dataclass(slots=True, kw_only=True)
class _Remote:
    """What every recording of an address has."""

    address: Address
    label: str
    options: SourceOptions
    is_live: bool = True
    length: int | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def origin(self) -> str:
        """The address, without its login."""
        return self.address.public_text

    @property
    def sequence(self) -> str:
        """One recording."""
        return self.address.public_text

    def stop(self) -> None:
        """The wait for the next frame ends, and with it the frames."""
        self._stopped.set()

    def _decode(self, content: bytes, origin: str) -> DecodedFrame:
        raw, unit = self.options.frame_of(as_grey(decode_raster(content, origin)), origin)
        return DecodedFrame(raw=raw, unit=unit)


@dataclass(slots=True, kw_only=True)
class WebPicture(_Remote):
    """A picture: once, or as often as the rate says."""

    def stored_frames(self) -> Iterator[StoredFrame]:
        """Each is fetched when its time has come, and decoded when asked for."""
        began_s, number = time.monotonic(), 0
        while not self._stopped.is_set():
            origin = f"{self.origin}, frame {number}" if self.is_live else self.origin
            yield StoredFrame(
                decode=partial(self._fetch, origin),
                origin=origin,
                time_s=time.monotonic() - began_s if self.is_live else None,
                label="" if self.is_live else self.label,
            )
            number += 1
            if self.options.rate_hz is None:
                return
            self._stopped.wait(max(began_s + number / self.options.rate_hz - time.monotonic(), 0.0))

    def _fetch(self, origin: str) -> DecodedFrame:
        try:
            with self.address.get() as response:
                content = response.read(MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise DataError(f"{origin}: {_words(error)}") from None
        if len(content) > MOST_BYTES:
            raise DataError(
                f"{origin}: more than the {MOST_BYTES // 10**6} MB that a picture may have"
            )
        return self._decode(content, origin)


@dataclass(slots=True, kw_only=True)
class PictureStream(_Remote):
    """Pictures in one endless answer (`multipart/x-mixed-replace`), as Motion JPEG of IP cameras is."""

    def stored_frames(self) -> Iterator[StoredFrame]:
        """As they arrive.

        Raises:
            DataError: for a stream that breaks off, falls silent or is none.
        """
        began_s = time.monotonic()
        parts = read_ahead(
            self._parts,
            stopped=self._stopped,
            longest_silence_s=2 * TIMEOUT_S,
            silence=f"{self.origin}: no frame for {2 * TIMEOUT_S:g} s",
        )
        for number, content in enumerate(parts):
            origin = f"{self.origin}, frame {number}"
            decode = partial(self._decode, content, origin)
            yield StoredFrame(decode=decode, origin=origin, time_s=time.monotonic() - began_s)

    def _parts(self) -> Iterator[bytes]:
        with closing(self.address.get()) as response:
            boundary = _boundary(response)
            try:
                yield from parts_of(response, boundary, self.origin)
            except (OSError, http.client.HTTPException) as error:
                raise DataError(f"{self.origin}: {_words(error)}") from None


@dataclass(slots=True, kw_only=True)
class NetworkVideo(_Remote):
    """A video that OpenCV's FFmpeg fetches by itself."""

    is_deep: bool  # 16-bit grey

    def stored_frames(self) -> Iterator[StoredFrame]:
        """In the order of the stream.

        Raises:
            DataError: for a stream that falls silent.
        """
        frames = read_ahead(
            self._pixels,
            stopped=self._stopped,
            longest_silence_s=3 * TIMEOUT_S,
            silence=f"{self.origin}: no frame for {3 * TIMEOUT_S:g} s",
        )
        for number, (pixels, moment_s) in enumerate(frames):
            origin = f"{self.origin}, frame {number}"
            decode = partial(self._of_pixels, pixels, origin)
            yield StoredFrame(decode=decode, origin=origin, time_s=moment_s)

    def _pixels(self) -> Iterator[tuple[Any, float | None]]:
        import cv2

        capture = _connected(self.address)
        try:
            if self.is_deep:
                capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
            while not self._stopped.is_set():
                has_frame, pixels = capture.read()
                if not has_frame:
                    return
                yield pixels, time_s(capture)
        finally:
            capture.release()

    def _of_pixels(self, pixels: Any, origin: str) -> DecodedFrame:
        raw, unit = self.options.frame_of(as_grey(pixels), origin)
        return DecodedFrame(raw=raw, unit=unit)


def open_web(url: str, public_text: str, label: str, options: SourceOptions) -> Recording:
    """What an `http(s)://` address gives, by the type of its content.

    Raises:
        DataError: for an address that does not answer, or gives no frames.
    """
    address = Address(url=url, public_text=public_text)
    with closing(address.get()) as response:
        kind = response.headers.get_content_type()
    if kind == "multipart/x-mixed-replace":
        return PictureStream(address=address, label=label, options=options)
    if kind.startswith(_VIDEO_TYPES):
        return open_network_video(url, public_text, label, options)
    if kind.startswith("image/") or kind == "application/octet-stream":
        return WebPicture(
            address=address,
            label=label,
            options=options,
            is_live=options.rate_hz is not None,
            length=None if options.rate_hz is not None else 1,
        )
    raise DataError(
        f"{public_text}: gives {kind}, expected a picture, a video or a stream of pictures "
        "(multipart/x-mixed-replace); fetch other recordings first (curl -O) and name the file"
    )


def open_network_video(
    url: str, public_text: str, label: str, options: SourceOptions
) -> NetworkVideo:
    """A video by its address; without a number of frames it is live.

    Raises:
        DataError: for an address that does not answer, or whose pixels OpenCV cannot hand out.
    """
    address = Address(url=url, public_text=public_text)
    capture = _connected(address)
    try:
        length, is_deep = examine(capture, public_text)
    finally:
        capture.release()
    return NetworkVideo(
        address=address,
        label=label,
        options=options,
        is_live=length is None,
        length=length,
        is_deep=is_deep,
    )


def _boundary(response: http.client.HTTPResponse) -> bytes:
    match = _BOUNDARY.search(response.headers.get("Content-Type", ""))
    return match[1].strip().encode("latin-1") if match else b""


def _connected(address: Address) -> Any:
    """
    Raises:
        DataError: for an address without a video that FFmpeg can read.
    """
    import cv2

    milliseconds = int(1000 * TIMEOUT_S)
    limits = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
    capture = capture_of(
        address.url, [value for limit in limits for value in (limit, milliseconds)]
    )
    if not capture.isOpened():
        raise DataError(
            f"{address.public_text}: no video comes from there within {TIMEOUT_S:g} s; is the address "
            "right, the camera on, and the login before the host (rtsp://USER:PASSWORD@HOST/)?"
        )
    return capture


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Of web addresses alone, with the login of the address, by Basic or Digest."""
    parts = urlsplit(url)
    logins = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        logins.add_password(
            None, _without_login(url), unquote(parts.username), unquote(parts.password or "")
        )
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPDigestAuthHandler(logins),
        urllib.request.HTTPBasicAuthHandler(logins),
    ):
        opener.add_handler(handler)
    return opener


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _words(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, TimeoutError):
        return f"does not answer within {TIMEOUT_S:g} s"
    return f"cannot be reached ({getattr(reason, 'strerror', None) or reason})"
