"""The data set format: one zip file that a person can unzip and look at.

    pack.json            format version, size, intrinsics, encodings, version of the generator
    index.csv            frame_id,split,kind,condition,seed
    rgb/ID.jpg           quality 90
    temperature/ID.png   uint16: kelvin = offset_k + step_k * value; noise-free apparent temperature
    depth/ID.png         uint16: metres = step_m * value, 0 = no value (sky, or beyond 255.99 m)

Members are stored, not deflated (PNG and JPEG are compressed already), with fixed times, so that the same
frames give the same bytes. Reading trusts nothing: names are checked, sizes are bounded before memory is
taken, members are never extracted to disk.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from thermodepth.errors import DataError
from thermodepth.synthetic.frame import Frame
from thermodepth.synthetic.vectors import Array

FORMAT_VERSION = 1
OFFSET_K, STEP_K = 150.0, 0.05
STEP_M = 1 / 256
JPEG_QUALITY = 90
_NO_DEPTH = 0
_LARGEST_SIDE_PX = 8192
_LARGEST_TEXT_BYTES = 64 << 20
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_COLUMNS = ["frame_id", "split", "kind", "condition", "seed"]
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_MODES = {"RGB": ("RGB",), "I;16": ("I;16", "I")}  # older versions of Pillow say "I"
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_FOLDERS = {"rgb": "jpg", "temperature": "png", "depth": "png"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """One line of `index.csv`."""

    frame_id: str
    split: str
    kind: str
    condition: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedFrame:
    """A frame as the bytes that go into a pack."""

    row: IndexRow
    size: tuple[int, int]  # width, height
    intrinsics: NDArray[np.float32]
    files: Mapping[str, bytes]  # member name -> content


def encode(frame: Frame, split: str) -> EncodedFrame:
    """Compress the three maps of one frame."""
    row = IndexRow(
        frame_id=frame.frame_id,
        split=split,
        kind=frame.kind,
        condition=frame.condition,
        seed=frame.seed,
    )
    kelvin = np.rint((frame.apparent_temperature_k - OFFSET_K) / STEP_K)
    steps_m = np.rint(np.nan_to_num(frame.depth_m, nan=0.0) / STEP_M)
    # Nothing is clamped silently: what does not fit has no value.
    steps_m = np.where(steps_m > np.iinfo(np.uint16).max, _NO_DEPTH, steps_m)
    pictures = {
        "rgb": (frame.rgb, "JPEG", {"quality": JPEG_QUALITY}),
        "temperature": (kelvin.clip(0, 65535).astype(np.uint16), "PNG", {"compress_level": 9}),
        "depth": (steps_m.astype(np.uint16), "PNG", {"compress_level": 9}),
    }
    files = {}
    for folder, (pixels, form, options) in pictures.items():
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, form, **options)
        files[_member(folder, frame.frame_id)] = stream.getvalue()
    height, width = frame.depth_m.shape
    return EncodedFrame(row=row, size=(width, height), intrinsics=frame.intrinsics, files=files)


def write_pack(path: Path | str, frames_by_split: Mapping[str, Iterable[Frame]]) -> None:
    """Write a pack, one frame at a time; the file appears under its name only when it is complete.

    Raises `DataError` for no frames, frames of different sizes, or an id used twice.
    """
    write_encoded(
        path,
        (encode(frame, split) for split, frames in frames_by_split.items() for frame in frames),
    )


def write_encoded(path: Path | str, frames: Iterable[EncodedFrame]) -> None:
    """As `write_pack`, for frames that are compressed already."""
    path = Path(path)
    unfinished = path.with_name(path.name + ".unfinished")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(unfinished, "w") as archive:
            _write_members(archive, frames, path)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_members(archive: zipfile.ZipFile, frames: Iterable[EncodedFrame], path: Path) -> None:
    first: EncodedFrame | None = None
    rows: dict[str, IndexRow] = {}
    for frame in frames:
        first = first or frame
        name = frame.row.frame_id
        if not _NAME.fullmatch(name) or not _NAME.fullmatch(frame.row.split):
            raise DataError(f"{path}: '{name}' ({frame.row.split}) is not a frame id and a split")
        if name in rows:
            raise DataError(f"{path}: frame id '{name}' is used twice")
        if frame.size != first.size or not np.array_equal(frame.intrinsics, first.intrinsics):
            raise DataError(f"{path}: frame '{name}' differs in size or intrinsics from the first")
        rows[name] = frame.row
        for member, content in frame.files.items():
            _store(archive, member, content)
    if first is None:
        raise DataError(f"{path}: a pack needs at least one frame")
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows([getattr(row, column) for column in _COLUMNS] for row in rows.values())
    _store(archive, "index.csv", table.getvalue().encode())
    _store(archive, "pack.json", _header(first).encode())


def _header(frame: EncodedFrame) -> str:
    from thermodepth.synthetic.world import GENERATOR_VERSION

    facts = {
        "format": "thermodepth pack",
        "format_version": FORMAT_VERSION,
        "generator_version": GENERATOR_VERSION,
        "width": frame.size[0],
        "height": frame.size[1],
        "intrinsics": frame.intrinsics.astype(float).round(6).tolist(),
        "pixel_centre": 0.5,
        "temperature": {"offset_k": OFFSET_K, "step_k": STEP_K},
        "depth": {"step_m": STEP_M, "no_value": _NO_DEPTH},
    }
    return json.dumps(facts, indent=2) + "\n"


def _store(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    member = zipfile.ZipInfo(name, _FIXED_TIME)
    member.create_system = 3
    member.external_attr = 0o644 << 16
    archive.writestr(member, content, zipfile.ZIP_STORED)


def _member(folder: str, frame_id: str) -> str:
    return f"{folder}/{frame_id}.{_FOLDERS[folder]}"


@dataclass(frozen=True, slots=True)
class _Encoding:
    """The checked content of `pack.json`."""

    width: int
    height: int
    intrinsics: NDArray[np.float32]
    offset_k: float
    step_k: float
    step_m: float


class Pack:
    """A pack opened for reading. Safe to copy into worker processes: each opens the file for itself."""

    def __init__(self, path: Path, encoding: _Encoding, rows: tuple[IndexRow, ...]) -> None:
        """Use `Pack.open`."""
        self.path = path
        self.rows = rows
        self._encoding = encoding
        self._row_of = {row.frame_id: row for row in rows}
        self._archive: zipfile.ZipFile | None = None
        self._owner = -1

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Check the header and the index. Raises `DataError` naming the file and what is wrong."""
        path = Path(path)
        with _open_zip(path) as archive:
            names = archive.namelist()
            for name in names:
                if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name:
                    raise DataError(f"{path}: member '{name}' points outside of the pack")
            encoding = _parse_header(path, _text(archive, path, "pack.json"))
            rows = _parse_index(path, _text(archive, path, "index.csv"))
        present = set(names)
        for row in rows:
            for folder in _FOLDERS:
                if _member(folder, row.frame_id) not in present:
                    raise DataError(f"{path}: member '{_member(folder, row.frame_id)}' is missing")
        return cls(path, encoding, rows)

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns) of every map."""
        return self._encoding.height, self._encoding.width

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits, in the order of the index."""
        return tuple(dict.fromkeys(row.split for row in self.rows))

    def of(self, split: str) -> tuple[IndexRow, ...]:
        """The rows of one split."""
        return tuple(row for row in self.rows if row.split == split)

    def read(self, frame_id: str) -> Frame:
        """Decode one frame. Raises `DataError` for an id that is not in the index or a broken member."""
        if frame_id not in self._row_of:
            raise DataError(f"{self.path}: no frame '{frame_id}' in index.csv")
        row, code = self._row_of[frame_id], self._encoding
        kelvin = self._picture("temperature", frame_id, "I;16").astype(np.float32)
        steps_m = self._picture("depth", frame_id, "I;16")
        depth_m = steps_m.astype(np.float32) * np.float32(code.step_m)
        depth_m[steps_m == _NO_DEPTH] = np.nan
        return Frame(
            frame_id=frame_id,
            kind=row.kind,
            condition=row.condition,
            seed=row.seed,
            rgb=self._picture("rgb", frame_id, "RGB"),
            apparent_temperature_k=kelvin * np.float32(code.step_k) + np.float32(code.offset_k),
            depth_m=depth_m,
            intrinsics=code.intrinsics.copy(),
        )

    def encoded(self, frame_id: str) -> EncodedFrame:
        """The bytes of one frame, to be put into another pack unchanged."""
        names = [_member(folder, frame_id) for folder in _FOLDERS]
        return EncodedFrame(
            row=self._row_of[frame_id],
            size=(self._encoding.width, self._encoding.height),
            intrinsics=self._encoding.intrinsics,
            files={name: self._bytes(name) for name in names},
        )

    def close(self) -> None:
        """Release the file; the next `read` opens it again."""
        if self._archive is not None and self._owner == os.getpid():
            self._archive.close()
        self._archive = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_archive": None, "_owner": -1}

    def _bytes(self, member: str) -> bytes:
        # A forked worker shares its parent's file position: it must open the file for itself.
        if self._archive is None or self._owner != os.getpid():
            self._archive, self._owner = _open_zip(self.path), os.getpid()
        # A picture that is larger than its raw pixels is not what it claims to be.
        limit = self._encoding.width * self._encoding.height * 6 + 65536
        return _content(self._archive, self.path, member, limit)

    def _picture(self, folder: str, frame_id: str, mode: str) -> Array:
        member = _member(folder, frame_id)
        wanted = (self._encoding.width, self._encoding.height)
        try:
            with Image.open(io.BytesIO(self._bytes(member)), formats=("PNG", "JPEG")) as image:
                # `open` reads the header alone: nothing large has been allocated yet.
                if image.size != wanted or image.mode not in _MODES[mode]:
                    found = f"{image.size[0]}x{image.size[1]} {image.mode}"
                    expected = f"{wanted[0]}x{wanted[1]} {mode}"
                    raise DataError(f"{self.path}: '{member}' is {found}, not {expected}")
                return np.array(image, np.uint8 if mode == "RGB" else np.uint16)
        except (OSError, SyntaxError, ValueError, *_BOMBS) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{self.path}: '{member}' cannot be decoded: {error}") from error


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DataError(f"{path}: not a pack, a zip file is expected: {error}") from error


def _content(archive: zipfile.ZipFile, path: Path, member: str, limit: int) -> bytes:
    try:
        size = archive.getinfo(member).file_size
        if size > limit:
            raise DataError(f"{path}: member '{member}' has {size} bytes; at most {limit} expected")
        return archive.read(member)
    except KeyError:
        raise DataError(f"{path}: member '{member}' is missing") from None
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: member '{member}' is broken: {error}") from error


def _text(archive: zipfile.ZipFile, path: Path, member: str) -> str:
    try:
        return _content(archive, path, member, _LARGEST_TEXT_BYTES).decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: '{member}' is not UTF-8 text: {error}") from error


def _parse_header(path: Path, text: str) -> _Encoding:
    try:
        facts = json.loads(text)
        version = facts["format_version"]
        if version != FORMAT_VERSION:
            raise DataError(
                f"{path}: pack format {version!r} is unknown; this version reads {FORMAT_VERSION}"
            )
        encoding = _Encoding(
            width=int(facts["width"]),
            height=int(facts["height"]),
            intrinsics=np.array(facts["intrinsics"], np.float32).reshape(3, 3),
            offset_k=float(facts["temperature"]["offset_k"]),
            step_k=float(facts["temperature"]["step_k"]),
            step_m=float(facts["depth"]["step_m"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: 'pack.json' is broken: {error!r}") from error
    sides = (encoding.width, encoding.height)
    numbers = (encoding.offset_k, encoding.step_k, encoding.step_m, *encoding.intrinsics.flat)
    if not all(1 <= side <= _LARGEST_SIDE_PX for side in sides):
        raise DataError(f"{path}: size {sides[0]}x{sides[1]} is not within 1..{_LARGEST_SIDE_PX}")
    if not all(math.isfinite(number) for number in numbers):
        raise DataError(f"{path}: 'pack.json' has a number that is not finite")
    return encoding


def _parse_index(path: Path, text: str) -> tuple[IndexRow, ...]:
    lines = csv.reader(io.StringIO(text))
    try:
        if next(lines, []) != _COLUMNS:
            raise DataError(f"{path}: 'index.csv' must begin with {','.join(_COLUMNS)}")
        rows = tuple(_index_row(path, lines.line_num, line) for line in lines)
    except csv.Error as error:
        raise DataError(f"{path}: 'index.csv' is broken: {error}") from error
    if len({row.frame_id for row in rows}) != len(rows):
        raise DataError(f"{path}: 'index.csv' names a frame twice")
    return rows


def _index_row(path: Path, number: int, line: list[str]) -> IndexRow:
    where = f"{path}: 'index.csv' line {number}"
    if len(line) != len(_COLUMNS):
        raise DataError(f"{where} has {len(line)} columns, not {len(_COLUMNS)}")
    frame_id, split, kind, condition, seed = line
    for word in (frame_id, split, kind, condition):
        if not _NAME.fullmatch(word):
            raise DataError(f"{where}: '{word}' is not a plain name (a-z, 0-9, - and _)")
    if not re.fullmatch(r"\d{1,18}", seed):
        raise DataError(f"{where}: seed '{seed}' is not a number")
    return IndexRow(frame_id=frame_id, split=split, kind=kind, condition=condition, seed=int(seed))
