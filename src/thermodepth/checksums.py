"""Checksums of what later runs trust: a disk, a copy or an editor that changed a byte is found out.

    record       a JSON object; `sha256` is of its other values, whatever order or layout they stand in
    large file   of tensors or rows; the checksum stands inside the file and is the SHA-256 of all of its
                 bytes, with zeros for its own 64 digits

Files of versions that wrote no checksum are read as they are: nothing in them says whether they are whole,
and refusing them would throw away every run that was ever made.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from thermodepth.config import Settings
from thermodepth.errors import DataError, SettingsError
from thermodepth.files import (
    MAX_JSON_BYTES,
    open_file,
    read_json,
    write_json,
    writing,
)

KEY = "sha256"
#: Where the checksum of a large file is to stand.
BLANK = "0" * 64
_PIECE_BYTES = 1 << 20
_S = TypeVar("_S", bound=Settings)


def write_record(path: Path, tree: Mapping[str, Any]) -> None:
    """Write a JSON object with its checksum, whole or not at all.

    Raises:
        OutputError: naming the file, where it cannot be written.
    """
    plain = json.loads(json.dumps(tree, allow_nan=False))
    # Last: a file without its end is no JSON, and a line taken out in front leaves a comma too many.
    write_json(path, {**plain, KEY: _values_checksum(plain)})


def read_record(path: Path, *, remedy: str = "", limit: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """The object that `write_record` wrote, without its checksum.

    Args:
        path: of the file.
        remedy: ends every message: what to do about it.
        limit: largest size in bytes.

    Raises:
        DataError: naming the file, when it is missing, no JSON object, or not as it was written.
    """
    try:
        tree = read_json(path, limit=limit)
    except DataError as error:
        raise DataError(f"{error}{_then(remedy)}") from None
    return _checked(tree, path, remedy)


def read_settings(kind: type[_S], path: Path, *, remedy: str = "") -> _S:
    """A settings record, such as a run's `settings.json`.

    Raises:
        SettingsError: naming the file, when it is missing, not as it was written, or does not fit.
    """
    try:
        tree = read_record(path, remedy=remedy)
    except DataError as error:
        raise SettingsError(str(error)) from None
    return kind.parse(tree, where=str(path))


def _checked(tree: dict[str, Any], path: Path, remedy: str) -> dict[str, Any]:
    last = next(reversed(tree), "")
    stated = tree.pop(KEY, None)
    # A checksum whose own name was hit is still the last value, and looks like nothing else.
    renamed = stated is None and bool(re.fullmatch("[0-9a-f]{64}", str(tree.get(last, ""))))
    if renamed or (stated is not None and stated != _values_checksum(tree)):
        raise DataError(f"{path}: {UNLIKE}{_then(remedy)}")
    return tree


#: What is said of a file that is not as it was written.
UNLIKE = "damaged, or changed by hand: its checksum does not fit its content"


def _then(remedy: str) -> str:
    return f"; {remedy}" if remedy else ""


def _values_checksum(tree: Mapping[str, Any]) -> str:
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


# ---- large files


def checksum_with_blank(path: Path, at: int) -> str:
    """The SHA-256 of a file, with zeros for the 64 bytes from byte `at` on.

    Raises:
        DataError: naming the file, when it cannot be read.
    """
    digest = hashlib.sha256()
    with open_file(path) as stream:
        while at > 0:
            piece = stream.read(min(at, _PIECE_BYTES))
            if not piece:
                raise DataError(f"{path}: cut short")
            digest.update(piece)
            at -= len(piece)
        stream.seek(len(BLANK), 1)
        digest.update(BLANK.encode())
        while piece := stream.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def put_checksum(path: Path, at: int) -> None:
    """Write the checksum of a file over the `BLANK` that stands at byte `at`.

    Raises:
        OutputError: naming the file, where it cannot be written.
    """
    checksum = checksum_with_blank(path, at)
    with writing(path), path.open("r+b") as stream:
        stream.seek(at)
        assert stream.read(len(BLANK)) == BLANK.encode(), "the blank stands elsewhere"
        stream.seek(at)
        stream.write(checksum.encode())


def file_sha256(path: Path) -> str:
    """Of all bytes.

    Raises:
        DataError: naming the file, when it cannot be read.
    """
    digest = hashlib.sha256()
    with open_file(path) as stream:
        while piece := stream.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
