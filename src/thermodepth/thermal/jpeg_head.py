"""The segments of a JPEG before its picture begins, where cameras keep what the picture does not show.

Source: ITU T.81: a segment is FF, its marker, two bytes of length that count themselves, and the content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from thermodepth.errors import DataError
from thermodepth.files import open_file
from thermodepth.pictures.orientation import ORIENTATION_TAG, UPRIGHT

MAX_SEGMENTS = 1024  # before the picture begins; real files have below 40
MAX_BYTES = 64_000_000  # of them together: 1024 of the largest
_APP1 = 0xE1
_START_OF_SCAN, _END = 0xDA, 0xD9
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # whose content begins with the size
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_MAKE_TAG = 271


@dataclass(frozen=True)
class JpegHead:
    """What stands before the picture."""

    segments: tuple[tuple[int, bytes], ...]  # marker, content

    def contents(self, marker: int) -> list[bytes]:
        """The contents of all segments of one kind, in order."""
        return [content for kind, content in self.segments if kind == marker]

    @property
    def size(self) -> tuple[int, int] | None:
        """(rows, columns) of the picture as stored."""
        for marker, content in self.segments:
            if marker in _FRAMES and len(content) >= 5:
                return int.from_bytes(content[1:3], "big"), int.from_bytes(content[3:5], "big")
        return None

    @cached_property
    def _exif(self) -> dict[int, object]:
        from PIL import Image

        content = next((c for c in self.contents(_APP1) if c.startswith(_EXIF)), b"")
        exif = Image.Exif()
        try:
            exif.load(content)
            return {tag: exif.get(tag) for tag in (_MAKE_TAG, ORIENTATION_TAG)}
        except Exception:  # Pillow lets through whatever its reader stumbles on
            return {}

    @property
    def make(self) -> str:
        """Who made the camera, or nothing."""
        return str(self._exif.get(_MAKE_TAG) or "").strip("\0 ")

    @property
    def orientation(self) -> object:
        """EXIF's, see `pictures.orientation`; 1 where it is not given."""
        return self._exif.get(ORIENTATION_TAG) or UPRIGHT

    @cached_property
    def xmp(self) -> str:
        """The text of the XMP segment, or nothing."""
        content = next((c for c in self.contents(_APP1) if c.startswith(_XMP)), b"")
        return content[len(_XMP) :].decode("utf-8", "replace")

    def xmp_value(self, name: str) -> str:
        """Of a property such as `drone-dji:RelativeAltitude`, as attribute or element; or nothing."""
        quoted = re.escape(name)
        match = re.search(rf"""\b{quoted}\s*=\s*(["'])(.{{0,80}}?)\1""", self.xmp)
        if match:
            return match[2].strip()
        match = re.search(rf"<{quoted}>([^<]{{0,80}})</", self.xmp)
        return match[1].strip() if match else ""


def jpeg_head(path: Path) -> JpegHead | None:
    """The segments of a file; None for what is no JPEG, or cannot be opened: who opens it next says why."""
    try:
        with open_file(path) as stream:
            return JpegHead(tuple(_walk(stream))) if stream.read(2) == b"\xff\xd8" else None
    except (DataError, OSError):
        return None


def _walk(stream: BinaryIO) -> list[tuple[int, bytes]]:
    segments: list[tuple[int, bytes]] = []
    total = 0
    for _ in range(MAX_SEGMENTS):
        head = stream.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] in (_START_OF_SCAN, _END):
            break
        length = max(int.from_bytes(head[2:], "big") - 2, 0)
        content = stream.read(length)
        total += len(content)
        if len(content) < length or total > MAX_BYTES:
            break
        segments.append((head[1], content))
    return segments
