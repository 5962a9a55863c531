"""The parts of a multipart answer, one at a time, as IP cameras send Motion JPEG for ever.

Source: RFC 2046, 5.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from thermodepth.errors import DataError

MOST_BYTES = 64_000_000  # of a part
_LINE_BYTES, _MOST_LINES = 8192, 64  # of the headers of a part
_CHUNK = 65536


class Lines(Protocol):
    """What is read from: an answer of HTTP, a file."""

    def readline(self, limit: int, /) -> bytes:
        """Up to a line's end, or `limit` bytes; nothing at the end."""

    def read(self, count: int, /) -> bytes:
        """So many bytes; fewer at the end."""


def parts_of(response: Lines, boundary: bytes, name: str) -> Iterator[bytes]:
    """The contents of the parts of a multipart answer, each at most `MOST_BYTES`.

    Args:
        response: at its first line.
        boundary: that parts them, without its dashes.
        name: what messages call it.

    Raises:
        DataError: for what is no such answer.
    """
    mark = b"--" + boundary.removeprefix(b"--")
    for _ in range(_MOST_LINES):
        line = response.readline(_LINE_BYTES)
        if not line or line.rstrip().startswith(mark):
            break
    else:
        raise DataError(f"{name}: no boundary '{boundary.decode('latin-1')}' where a part begins")
    while line and not line.rstrip().endswith(mark + b"--"):
        length = _part_length(response, name)
        if length is None:
            content, line = _until(response, mark, name)
            if content:
                yield content
            continue
        content = response.read(length)
        if len(content) < length:
            return  # it ended in the middle of a frame
        if content:
            yield content  # at once: the next line comes with the next frame
        line = response.readline(_LINE_BYTES)
        while line and not line.strip():  # the end of the line before the boundary
            line = response.readline(_LINE_BYTES)


def _part_length(response: Lines, name: str) -> int | None:
    """Of the part whose headers come next; None where they do not say.

    Raises:
        DataError: for headers without an end, or a part that is too large.
    """
    length = None
    for _ in range(_MOST_LINES):
        line = response.readline(_LINE_BYTES)
        if not line.strip():
            return length
        key, _, text = line.partition(b":")
        if key.strip().lower() == b"content-length" and text.strip().isdigit():
            length = int(text)
            if length > MOST_BYTES:
                raise DataError(
                    f"{name}: a part of {length} bytes, at most {MOST_BYTES // 10**6} MB are taken"
                )
    raise DataError(f"{name}: the headers of a part have no end")


def _until(response: Lines, mark: bytes, name: str) -> tuple[bytes, bytes]:
    """(content, the line of the boundary behind it) of a part that does not state its length."""
    content = bytearray()
    while line := response.readline(_CHUNK):
        if line.startswith(mark):
            return bytes(content.removesuffix(b"\n").removesuffix(b"\r")), line
        content += line
        if len(content) > MOST_BYTES:
            raise DataError(f"{name}: a part of more than {MOST_BYTES // 10**6} MB")
    return b"", b""  # it ended in the middle of a frame
