"""A TIFF of several pages, each a frame: one page is cut out of the file and read as a TIFF of its own.

So a page goes through the reader of single pictures, with all that it refuses, and no more than a page is in
memory. Pages are what the chain of directories names; thumbnails (bit 0 of NewSubfileType) are no frames.

Source: TIFF 6.0 and the BigTIFF extension. Tags: 254 NewSubfileType; 273 and 279, 324 and 325 places and
lengths of strips and tiles; 330, 34665, 34853 directories below a page, which are left out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from thermodepth.errors import DataError
from thermodepth.files import MAX_FILE_BYTES, byte_count, open_file
from thermodepth.pictures import decode_raster
from thermodepth.sources.interface import DecodedFrame, StoredFrame, state_of
from thermodepth.sources.options import SourceOptions

MOST_PAGES = 1_000_000
_MOST_ENTRIES, _MOST_VALUE_BYTES = 512, 16_000_000
_SUBFILE = 254
_DATA = {273: 279, 324: 325}  # places of strips, of tiles -> their lengths
_BELOW = frozenset({330, 34665, 34853})
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8, 17: 8}
_SHORT, _LONG, _LONG8 = 3, 4, 16
_WHOLE = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}


class _Entry(NamedTuple):
    tag: int
    kind: int
    values: int
    content: bytes  # its values, wherever they stood


class _Form(NamedTuple):
    """How directories are written."""

    order: str
    is_big: bool

    @property
    def offset(self) -> str:
        return f"{self.order}{'Q' if self.is_big else 'I'}"

    @property
    def entries(self) -> str:
        return f"{self.order}{'Q' if self.is_big else 'H'}"

    @property
    def entry_bytes(self) -> int:
        return 20 if self.is_big else 12

    @property
    def room(self) -> int:
        """Bytes of a value that stand in the entry itself."""
        return 8 if self.is_big else 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffPages:
    """The pages of a file that has several."""

    path: Path
    label: str
    options: SourceOptions
    directories: tuple[int, ...]  # where each page's lies
    is_live: bool = False

    @property
    def origin(self) -> str:
        """The file."""
        return str(self.path)

    @property
    def sequence(self) -> str:
        """One recording."""
        return str(self.path)

    @property
    def length(self) -> int:
        """Pages without thumbnails."""
        return len(self.directories)

    def stored_frames(self) -> Iterator[StoredFrame]:
        """A page is read when it is decoded."""
        state = state_of(self.path)
        with open_file(self.path) as stream:
            for number, directory in enumerate(self.directories):
                origin = f"{self.path}, page {number}"
                decode = partial(self._decode, stream, directory, origin)
                yield StoredFrame(decode=decode, origin=origin, file_state=state)

    def _decode(self, stream: BinaryIO, directory: int, origin: str) -> DecodedFrame:
        try:
            content = one_page(stream, directory)
        except (struct.error, ValueError, KeyError, MemoryError) as error:
            raise DataError(f"{origin}: damaged TIFF ({error}); copy it again") from None
        raw, unit = self.options.frame_of(decode_raster(content, origin), origin)
        return DecodedFrame(raw=raw, unit=unit)

    def stop(self) -> None:
        """Nothing is waited for."""


def open_tiff_pages(path: Path, label: str, options: SourceOptions) -> TiffPages | None:
    """The recording; None for one page, and for what the reader of single pictures has to refuse."""
    with open_file(path) as stream:
        try:
            directories = _directories(stream, byte_count(path))
        except (struct.error, ValueError, KeyError):
            return None
    if len(directories) < 2:
        return None
    return TiffPages(path=path, label=label, options=options, directories=tuple(directories))


def _directories(stream: BinaryIO, size: int) -> list[int]:
    form, offset = _start(stream)
    directories: list[int] = []
    visited: set[int] = set()
    while offset and offset < size:
        if offset in visited or len(visited) >= MOST_PAGES:
            break  # a chain that leads back into itself
        visited.add(offset)
        is_thumbnail, following = _look_at(stream, form, offset)
        if not is_thumbnail:
            directories.append(offset)
        offset = following
    return directories


def _start(stream: BinaryIO) -> tuple[_Form, int]:
    head = stream.read(16)
    order = {b"II": "<", b"MM": ">"}[head[:2]]
    (version,) = struct.unpack_from(f"{order}H", head, 2)
    if version not in (42, 43):
        raise ValueError("no TIFF")
    form = _Form(order, version == 43)
    (offset,) = struct.unpack_from(form.offset, head, 8 if form.is_big else 4)
    return form, offset


def _look_at(stream: BinaryIO, form: _Form, offset: int) -> tuple[bool, int]:
    """(whether it is a thumbnail, where the next one lies)."""
    stream.seek(offset)
    (count,) = struct.unpack(form.entries, stream.read(struct.calcsize(form.entries)))
    if count > _MOST_ENTRIES:
        raise ValueError(f"{count} entries in a directory")
    table = stream.read(count * form.entry_bytes)
    following = stream.read(struct.calcsize(form.offset))
    is_thumbnail = False
    for number in range(count):
        tag, kind = struct.unpack_from(f"{form.order}HH", table, number * form.entry_bytes)
        if tag == _SUBFILE and kind in _WHOLE:
            at = number * form.entry_bytes + (12 if form.is_big else 8)
            (word,) = struct.unpack_from(f"{form.order}{_WHOLE[kind]}", table, at)
            is_thumbnail = bool(word & 1)
    return is_thumbnail, struct.unpack(form.offset, following)[0] if following else 0


def one_page(stream: BinaryIO, directory: int) -> bytes:
    """A TIFF file that holds the page of this directory alone.

    Raises:
        ValueError, KeyError, struct.error: for a page that is damaged, or larger than a file may be.
    """
    stream.seek(0)
    form, _ = _start(stream)
    entries = [e for e in _entries(stream, form, directory) if e.tag not in _BELOW]
    by_tag = {entry.tag: entry for entry in entries}
    place_tag = next((tag for tag in _DATA if tag in by_tag), None)
    if place_tag is None:
        raise ValueError("a page without pixels")
    places = _numbers(form, by_tag[place_tag])
    lengths = _numbers(form, by_tag[_DATA[place_tag]])
    if len(places) != len(lengths):
        raise ValueError(f"{len(places)} strips of which {len(lengths)} have a length")
    if sum(lengths) > MAX_FILE_BYTES:
        raise ValueError(f"a page of more than {MAX_FILE_BYTES // 10**6} MB")
    written = bytearray(b"II" if form.order == "<" else b"MM")
    written += struct.pack(f"{form.order}H", 43 if form.is_big else 42)
    written += struct.pack(f"{form.order}HHQ", 8, 0, 0) if form.is_big else bytes(4)
    new_places = []
    for place, length in zip(places, lengths, strict=True):
        new_places.append(len(written))
        stream.seek(place)
        written += stream.read(length)
    kind = _LONG8 if form.is_big else _LONG
    packed = struct.pack(f"{form.order}{len(places)}{_WHOLE[kind]}", *new_places)
    moved = _Entry(place_tag, kind, len(places), packed)
    _append_directory(written, form, [moved if e.tag == place_tag else e for e in entries])
    return bytes(written)


def _append_directory(written: bytearray, form: _Form, entries: list[_Entry]) -> None:
    """Values that do not fit into their entry, then the directory, then its place in the header."""
    table = bytearray()
    for entry in entries:
        value = entry.content
        if len(value) > form.room:
            written += bytes(-len(written) % 8)
            place = struct.pack(form.offset, len(written))
            written += value
            value = place
        count = struct.pack(form.offset, entry.values)
        table += struct.pack(f"{form.order}HH", entry.tag, entry.kind) + count
        table += value.ljust(form.room, b"\0")
    written += bytes(-len(written) % 8)
    struct.pack_into(form.offset, written, 8 if form.is_big else 4, len(written))
    written += struct.pack(form.entries, len(entries)) + table + struct.pack(form.offset, 0)


def _entries(stream: BinaryIO, form: _Form, offset: int) -> Iterator[_Entry]:
    stream.seek(offset)
    (count,) = struct.unpack(form.entries, stream.read(struct.calcsize(form.entries)))
    if count > _MOST_ENTRIES:
        raise ValueError(f"{count} entries in a directory")
    table = stream.read(count * form.entry_bytes)
    for number in range(count):
        at = number * form.entry_bytes
        tag, kind = struct.unpack_from(f"{form.order}HH", table, at)
        (values,) = struct.unpack_from(form.offset, table, at + 4)
        if kind not in _BYTES:
            continue  # of a type that no reader knows
        value_bytes = values * _BYTES[kind]
        if value_bytes > _MOST_VALUE_BYTES:
            raise ValueError(f"a tag of {value_bytes} bytes")
        at += 4 + struct.calcsize(form.offset)
        content = table[at : at + value_bytes]
        if value_bytes > form.room:
            (place,) = struct.unpack_from(form.offset, table, at)
            stream.seek(place)
            content = stream.read(value_bytes)
        if len(content) < value_bytes:
            raise ValueError("the file ends within a directory")
        yield _Entry(tag, kind, values, content)


def _numbers(form: _Form, entry: _Entry) -> tuple[int, ...]:
    return struct.unpack(f"{form.order}{entry.values}{_WHOLE[entry.kind]}", entry.content)
