"""What a file is that cannot be read, by its first bytes: a person is told what they have and what to do.

Sources: the signatures are those of the formats' own specifications; FLIR's from ExifTool's FLIR tags.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

#: Enough for every signature below.
HEAD_BYTES = 64

_EXPORT = "save each frame as a 16-bit PNG or TIFF"


@dataclass(frozen=True, slots=True)
class _Format:
    """One row: a file that begins so, what it is, and what to do with it."""

    begins: Callable[[bytes], bool]
    title: str
    remedy: str


def _at(offset: int, *marks: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[offset:].startswith(marks)


def _riff(kind: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(b"RIFF") and head[8:12] == kind


_FORMATS = (
    _Format(
        _at(0, b"FFF\0", b"AFF\0"),
        "FLIR's FFF (a .fff file, or the frames of a .seq or .csq recording)",
        "export radiometric JPEG or 16-bit TIFF from FLIR's own program",
    ),
    _Format(
        _at(0, b"FLIR Public Image Format"),
        "FLIR's public image format (FPF)",
        "export radiometric JPEG or 16-bit TIFF from FLIR's own program",
    ),
    _Format(
        _at(0, b"\x89HDF\r\n\x1a\n"),
        "an HDF5 file (.h5, .nc, or MATLAB's .mat of version 7.3)",
        "save each frame of its array as NPY",
    ),
    _Format(_at(0, b"MATLAB 5.0 MAT"), "a MATLAB file", "save each frame as NPY or a 16-bit PNG"),
    _Format(
        _at(0, b"\x1a\x45\xdf\xa3"),
        "a Matroska or WebM video (MKV)",
        "unpack it: ffmpeg -i VIDEO -pix_fmt gray16le %06d.png",
    ),
    _Format(
        _at(4, b"ftyp"),
        "an MP4, MOV or HEIF container",
        f"{_EXPORT}; a video by ffmpeg -i VIDEO %06d.png",
    ),
    _Format(_riff(b"AVI "), "an AVI video", "unpack it: ffmpeg -i VIDEO %06d.png"),
    _Format(_riff(b"WEBP"), "a WebP picture", "save it as PNG"),
    _Format(_at(0, b"GIF8"), "a GIF picture", "save it as PNG"),
    _Format(
        lambda head: head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3].isspace(),
        "a netpbm picture (PGM, PPM, PBM)",
        "save it as PNG, which keeps its 16 bits",
    ),
    _Format(_at(0, b"#ROSBAG"), "a ROS bag", f"take the pictures out of their topic and {_EXPORT}"),
    _Format(
        _at(0, b"\x89MCAP0"), "an MCAP bag", f"take the pictures out of their topic and {_EXPORT}"
    ),
    _Format(
        _at(0, b"SQLite format 3\0"),
        "an SQLite file (as ROS 2 bags are)",
        f"take the pictures out of their topic and {_EXPORT}",
    ),
    _Format(
        _at(0, b"\x76\x2f\x31\x01"),
        "an OpenEXR file, which is read as depth only",
        "save it as NPY or a floating-point TIFF",
    ),
    _Format(
        _at(0, b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), "a JPEG 2000 picture", "save it as PNG"
    ),
    _Format(_at(0, b"PK\x03\x04"), "a ZIP or NPZ archive", "save the one array with numpy.save"),
    _Format(
        _at(0, b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ"), "an archive", "unpack it"
    ),
    _Format(_at(0, b"%!PS", b"%PDF"), "a PostScript or PDF document", _EXPORT),
    _Format(
        _at(0, b"version https://git-lfs"),
        "a Git LFS pointer, which stands in for a file that was not fetched",
        "run git lfs pull",
    ),
    _Format(
        lambda head: head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")),
        "a web page, as servers send in place of a file",
        "download it again and look at it in a browser",
    ),
)


def foreign_format(content: bytes) -> str:
    """`a GIF picture; save it as PNG`, or nothing where the first bytes are of no known format."""
    head = content[:HEAD_BYTES]
    row = next((row for row in _FORMATS if row.begins(head)), None)
    return f"{row.title}; {row.remedy}" if row else ""
