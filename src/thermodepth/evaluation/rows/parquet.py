"""Parquet files that are trusted: a checksum over all of the file, and memory that is bounded first.

The checksum stands in the footer's metadata and is over pages and footer, all bytes but its own digits. Page
checksums leave the footer out, which says what a column is called and where it begins. Tools that write a
file anew do not take this entry over, so what they write is a file without a checksum.
"""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from thermodepth.checksums import BLANK, UNLIKE, checksum_with_blank, put_checksum
from thermodepth.errors import DataError
from thermodepth.files import byte_count, open_file

_NAME = "thermodepth.sha256"
#: The entry as thrift lays it out: its name, a type and a length, the digits.
_ENTRY = re.compile(re.escape(_NAME).encode() + rb".{1,4}?([0-9a-f]{64})", re.DOTALL)
#: Digits whose name was hit: as thrift writes a text of 64 letters. No other entry of ours is one.
_DIGITS = re.compile(rb"\x18@[0-9a-f]{64}")
_END = b"PAR1"
_MOST_ROWS = 200_000_000  # of a file that is read: eight times those of a hundred thousand frames
_MOST_BYTES = 16_000_000_000  # of memory


def leave_blank(writer: pq.ParquetWriter) -> None:
    """Make room in the footer that the writer writes when it is closed."""
    writer.add_key_value_metadata({_NAME: BLANK})


def fill_blank(path: Path) -> None:
    """Put the checksum into a file that a writer with `leave_blank` has closed."""
    at, footer = _footer(path)
    entry = _ENTRY.search(footer)
    assert entry is not None, "leave_blank was not called"
    put_checksum(path, at + entry.start(1))


def check_parquet(path: Path) -> None:
    """Whether a file that carries a checksum is as it was written; asked before anything parses it.

    Raises:
        DataError: naming the file, when it is not, or is no parquet file.
    """
    at, footer = _footer(path)
    entry = _ENTRY.search(footer)
    if entry is None:
        if _NAME.encode() in footer or _DIGITS.search(footer):
            raise DataError(f"{path}: {UNLIKE}")
        return
    if checksum_with_blank(path, at + entry.start(1)) != entry[1].decode():
        raise DataError(f"{path}: {UNLIKE}")


def without_checksum(table: pa.Table) -> pa.Table:
    """The table without the entry, which is of a file and of nothing that is made from it."""
    about = table.schema.metadata or {}
    if _NAME.encode() not in about:
        return table
    others = {name: text for name, text in about.items() if name != _NAME.encode()}
    return table.replace_schema_metadata(others or None)


def _footer(path: Path) -> tuple[int, bytes]:
    """The byte that the footer begins at, and the footer."""
    size = byte_count(path)
    with open_file(path) as stream:
        stream.seek(max(size - 8, 0))
        tail = stream.read(8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _END or not 0 < length <= size - 12:
            raise DataError(f"{path}: cannot be read as parquet (no whole footer)")
        stream.seek(size - 8 - length)
        return size - 8 - length, stream.read(length)


def refuse_what_unfolds(about: pq.FileMetaData, *, row_bytes: int, where: str) -> None:
    """Ask the header what the table takes.

    Args:
        about: the file's metadata.
        row_bytes: of memory that a row takes beside its pages.
        where: the file, as messages call it.

    Raises:
        DataError: for more than any table of results takes.
    """
    groups = [about.row_group(number) for number in range(about.num_row_groups)]
    count = sum(group.num_rows for group in groups)
    needed = count * row_bytes + sum(group.total_byte_size for group in groups)
    if count > _MOST_ROWS or needed > _MOST_BYTES:
        raise DataError(
            f"{where}: the header says {count} rows in about {needed / 1e9:.1f} GB of memory; results of "
            f"up to {_MOST_ROWS // 10**6} million rows and {_MOST_BYTES / 1e9:g} GB are read"
        )
