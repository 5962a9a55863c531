"""The kinds of sources by name: a kind is a file of this room and a row here.

A file, folder or device goes to the first row that recognises it; by its content, so a name may lie. A
picture of one frame is what no other row takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from thermodepth.extensions import Registry
from thermodepth.sources import (
    bags,
    cptv,
    flir_seq,
    gige,
    network,
    npy_stack,
    tiff_pages,
    v4l2,
    video,
    y16_file,
)
from thermodepth.sources.interface import Recording
from thermodepth.sources.options import SourceOptions
from thermodepth.sources.pictures import Pictures

_SCHEME = re.compile(r"([a-z][a-z0-9+-]+):.*", re.DOTALL)
_LOGIN = re.compile(r"(?<=://)[^/@]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What was typed, or one file of it."""

    text: str
    path: Path | None = None  # where it is a file, folder or device that exists
    head: bytes = b""  # the first `HEAD_BYTES` of a file
    label: str = ""  # start of the names of its frames
    replay: str = ""  # `replay` or `loop`: in its own time

    @property
    def scheme(self) -> str:
        """`rtsp` of `rtsp://camera/stream`; empty for paths."""
        match = _SCHEME.fullmatch(self.text) if self.path is None else None
        return match[1] if match else ""

    @property
    def public_text(self) -> str:
        """What was typed, without a password."""
        return _LOGIN.sub("", self.text)

    @property
    def file(self) -> Path:
        """The path of what exists."""
        assert self.path is not None, self.text
        return self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKind:
    """A row of `SOURCES`."""

    name: str
    title: str  # such as `a video`
    recognises: Callable[[Address, SourceOptions], bool]
    #: None: it is no such recording after all, and the next row may have it.
    open: Callable[[Address, SourceOptions], Recording | None]
    schemes: tuple[str, ...] = ()  # before the colon of an address that is no path
    suffixes: tuple[
        str, ...
    ] = ()  # by which a folder of recordings knows its files; with their dot


def _open_picture(address: Address, options: SourceOptions) -> Recording:
    path = address.file
    return Pictures(
        paths=(path,), labels=(address.label,), options=options, sequence=str(path.parent)
    )


SOURCES: Registry[SourceKind] = Registry(
    "kind of source",
    SourceKind,
    (
        SourceKind(
            name="y16",
            title="raw 16-bit frames without a header",
            recognises=lambda address, options: (
                options.y16 is not None and address.path is not None and address.path.is_file()
            ),
            open=lambda address, options: y16_file.open_y16_file(
                address.file, address.label, options
            ),
            suffixes=y16_file.SUFFIXES,
        ),
        SourceKind(
            name="npy",
            title="a stack of frames in an NPY file",
            recognises=lambda address, _: address.head.startswith(npy_stack.MAGIC),
            open=lambda address, options: npy_stack.open_npy_stack(
                address.file, address.label, options
            ),
        ),
        SourceKind(
            name="tiff",
            title="a TIFF of several pages",
            recognises=lambda address, _: address.head[:2] in (b"II", b"MM"),
            open=lambda address, options: tiff_pages.open_tiff_pages(
                address.file, address.label, options
            ),
        ),
        SourceKind(
            name="video",
            title="a video",
            recognises=lambda address, _: video.is_video(address.head),
            open=lambda address, options: video.open_video(address.file, address.label, options),
            suffixes=video.SUFFIXES,
        ),
        SourceKind(
            name="flir",
            title="a SEQ or CSQ recording of FLIR",
            recognises=lambda address, _: address.head.startswith(flir_seq.MAGICS),
            open=lambda address, options: flir_seq.open_flir_sequence(
                address.file, address.label, options
            ),
            suffixes=flir_seq.SUFFIXES,
        ),
        SourceKind(
            name="cptv",
            title="a CPTV recording of a Lepton",
            recognises=lambda address, _: (
                address.head.startswith(cptv.GZIP) and address.file.suffix.lower() in cptv.SUFFIXES
            ),
            open=lambda address, options: cptv.open_cptv(address.file, address.label, options),
            suffixes=cptv.SUFFIXES,
        ),
        SourceKind(
            name="bag",
            title="a ROS bag or MCAP",
            recognises=lambda address, _: (
                address.head.startswith((bags.ROS1, bags.MCAP, bags.SQLITE))
                or (address.path is not None and bags.is_bag_folder(address.path))
            ),
            open=lambda address, options: bags.open_bag(address.file, address.label, options),
            suffixes=bags.SUFFIXES,
        ),
        SourceKind(
            name="v4l2",
            title="a camera of Linux (V4L2)",
            recognises=lambda address, _: v4l2.is_camera(address.path),
            open=lambda address, options: v4l2.Camera(
                path=address.file, label=address.label, options=options
            ),
        ),
        SourceKind(
            name="web",
            title="a picture, a video or a stream of pictures by its web address",
            recognises=lambda *_: False,
            open=lambda address, options: network.open_web(
                address.text, address.public_text, address.label, options
            ),
            schemes=network.WEB,
        ),
        SourceKind(
            name="rtsp",
            title="a video stream by RTSP",
            recognises=lambda *_: False,
            open=lambda address, options: network.open_network_video(
                address.text, address.public_text, address.label, options
            ),
            schemes=network.VIDEO,
        ),
        SourceKind(
            name="gige",
            title="a camera of GigE Vision",
            recognises=lambda *_: False,
            open=lambda address, options: gige.open_gige(address.text, address.label, options),
            schemes=gige.SCHEMES,
        ),
        SourceKind(
            name="picture",
            title="a picture of one frame",
            recognises=lambda address, _: address.path is not None,
            open=_open_picture,
        ),
    ),
)
