"""PFM, the portable float map that MiDaS and stereo benchmarks write.

    Pf                   one channel; PF has three
    640 480              columns and rows
    -1.0                 little-endian where negative
    ...                  float32, rows from the bottom to the top

The size of the third line's number is a unit that some writers use for what they please (Middlebury
writes 1/255 beside plain pixels): values are taken as they stand, as every reader does.

Source: netpbm's and Paul Debevec's descriptions of the format.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADER = re.compile(
    rb"P([fF])\s+([0-9]{1,9})\s+([0-9]{1,9})\s+([-+]?[0-9.]{1,20}(?:[eE][-+]?[0-9]{1,3})?)\s"
)
_HEADER_BYTES = 200


def is_pfm(content: bytes) -> bool:
    """By its first three bytes."""
    return content[:2] in (b"Pf", b"PF") and content[2:3].isspace()


def pfm_size(content: bytes, name: str) -> tuple[int, int, int]:
    """(rows, columns, channels) as the header says.

    Raises:
        DataError: for a header that is no PFM's.
    """
    kind, columns, rows, _ = _header(content, name).groups()
    return int(rows), int(columns), 3 if kind == b"F" else 1


def decode_pfm(content: bytes, name: str) -> NDArray[np.float32]:
    """`[h w]` or `[h w 3]`, row 0 on top.

    Raises:
        DataError: for a header that is no PFM's, or fewer values than it promises.
    """
    header = _header(content, name)
    rows, columns, channels = pfm_size(content, name)
    kind = "<f4" if float(header[4]) < 0 else ">f4"
    needed = 4 * rows * columns * channels
    stored = content[header.end() : header.end() + needed]
    if len(stored) < needed:
        raise DataError(
            f"{name}: damaged or truncated picture (PFM, {len(stored)} of {needed} bytes); copy it again"
        )
    shape = (rows, columns) if channels == 1 else (rows, columns, channels)
    return np.frombuffer(stored, kind).reshape(shape)[::-1].astype(np.float32)


def _header(content: bytes, name: str) -> re.Match[bytes]:
    match = _HEADER.match(content[:_HEADER_BYTES])
    try:
        sound = match is not None and float(match[4]) != 0
    except ValueError:  # dots only
        sound = False
    if match is None or not sound:
        raise DataError(f"{name}: damaged PFM header; expected Pf, columns and rows, -1.0 or 1.0")
    return match
