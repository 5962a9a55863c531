"""Files in and out: sizes bounded before anything is read, writes that are whole or absent.

What a picture's bytes mean is told in `pictures`. Here they are fetched: a file larger than it can be is
refused before memory is taken, and a pipe or device, whose size means nothing, is not read at all. Whatever
is written goes to a temporary name beside its place and is renamed when complete.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

import numpy as np

from thermodepth.errors import DataError, OutputError
from thermodepth.pictures import MAX_PIXELS as MAX_PIXELS
from thermodepth.pictures import decode_raster as decode_raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_FILE_BYTES = 512_000_000
#: Of one name, on the file systems in use.
LONGEST_NAME_BYTES = 255
#: A hundred thousand frames with the longest of ids are listed in less.
MAX_JSON_BYTES = 32_000_000
#: A line every step of a very long training.
MAX_TEXT_BYTES = 1_000_000_000
#: Far more levels than any record here has, and few enough for whatever walks them by calling itself.
DEEPEST_JSON = 50

PICTURE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".npy", ".pfm")


def byte_count(path: Path) -> int:
    """The size of a file of the disk: what there is to read, and no more.

    Raises:
        DataError: naming what is missing, a folder, or a pipe or device, which may never end.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise DataError(f"{path}: cannot be read ({_reason(error)})") from None
    return _regular(path, status)


def _regular(path: Path, status: os.stat_result) -> int:
    if stat.S_ISDIR(status.st_mode):
        raise DataError(f"{path}: is a folder, expected a file")
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{path}: is a pipe or device, expected a file")
    return status.st_size


def ask_folder(folder: Path) -> None:
    """Before a library reads whatever it likes of a folder.

    Raises:
        DataError: naming a pipe or device in it.
    """
    for path in sorted(folder.iterdir()):
        if path.exists() and not path.is_dir():
            byte_count(path)


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """A file of the disk for reading: the one way in which this package opens anything.

    A pipe waits for a writer who may never come. So the path is asked first, and what was opened, without
    waiting, is asked again, for another may stand there by then. Libraries that only take a path come after
    `byte_count`.

    Raises:
        DataError: as `byte_count`, and where opening or reading fails.
    """
    byte_count(path)
    try:
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as stream:
            _regular(path, os.fstat(stream.fileno()))
            yield stream
    except OutputError:  # of a file that is written meanwhile
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({_reason(error)})") from None


def read_bytes(path: Path, *, limit: int) -> bytes:
    """The whole of a file of at most `limit` bytes.

    Raises:
        DataError: as `open_file`, and for a file that is larger.
    """
    size = byte_count(path)
    if size > limit:
        limit_text = f"{limit / 10**6:g} MB" if limit >= 10**6 else f"{limit / 1000:g} kB"
        raise DataError(f"{path}: larger than {limit_text}, far more than such a file holds")
    with open_file(path) as stream:
        content = stream.read(size + 1)  # takes the memory at once, so not up to the limit
    if len(content) > size:
        raise DataError(f"{path}: grew while it was read; wait until it is whole")
    return content


def read_text(path: Path, *, limit: int = MAX_TEXT_BYTES) -> str:
    """The whole of a UTF-8 file; the mark that some editors put in front is left out.

    Raises:
        DataError: as `read_bytes`, and for bytes that are no such text.
    """
    try:
        return read_bytes(path, limit=limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error})") from None


def read_json(path: Path, *, limit: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        DataError: as `read_bytes` and `json_object`.
    """
    return json_object(read_bytes(path, limit=limit), str(path))


def json_object(content: bytes | str, name: str) -> dict[str, Any]:
    """As `read_json`, from UTF-8 text; `name` is what messages call it.

    Raises:
        DataError: for what is no JSON, another value than an object, or deeper than `DEEPEST_JSON`.
    """
    too_deep = f"nested deeper than {DEEPEST_JSON} levels"
    try:
        tree = json.loads(content.decode() if isinstance(content, bytes) else content)
    except RecursionError:
        reason = too_deep
    except ValueError as error:
        reason = str(error)
    else:
        if isinstance(tree, dict) and not _is_deeper(tree, DEEPEST_JSON):
            return tree
        reason = too_deep if isinstance(tree, dict) else "expected an object, {names: values}"
    raise DataError(f"{name}: cannot be read as JSON ({reason})")


def _is_deeper(tree: dict[str, Any], levels: int) -> bool:
    level: list[Any] = [tree]
    for _ in range(levels):
        inner = (node.values() if isinstance(node, dict) else node for node in level)
        level = [one for nodes in inner for one in nodes if isinstance(one, dict | list)]
    return bool(level)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def read_raster(path: Path) -> NDArray[Any]:
    """A picture or array file: PNG, TIFF, JPEG, BMP, PFM or NPY, recognised by content.

    Returns:
        `[h w]` or `[h w 3]` (RGB order) in the file's own number type, upright as its EXIF orientation says.

    Raises:
        DataError: naming the file when it is missing, or as `decode_raster`.
    """
    return decode_raster(read_bytes(path, limit=MAX_FILE_BYTES), str(path))


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder by suffix, in the order of their names, numbers as numbers."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    pictures = [p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file()]
    return sorted(pictures, key=lambda p: (natural_order(p.name), p.name))  # 7.png and 007.png tie


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which `9.png` stands before `10.png`."""
    key: list[tuple[int, int, str]] = []
    digits, text = "", ""
    for character in name + "\0":
        if character.isascii() and character.isdigit():
            if text:
                key.append((1, 0, text))
                text = ""
            digits += character
        else:
            if digits:
                key.append((0, int(digits), ""))
                digits = ""
            text += character
    return (*key, (1, 0, text))


def escaped_id(identifier: str) -> str:
    """An id as part of a file name, reversible by `urllib.parse.unquote`.

    Everything but letters, digits, `_`, `-`, `~` and inner dots is percent-encoded, so that no id can
    name a file outside its folder or a hidden one.

    Raises:
        DataError: for an id that is not valid text.
    """
    try:
        escaped = quote(identifier, safe="")
    except UnicodeEncodeError:
        raise DataError(f"frame id {identifier!r} is not valid text") from None
    return "%2E" + escaped[1:] if escaped.startswith(".") else escaped


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed over it when the block ends well, removed when not.

    Raises:
        OutputError: naming the file, where the disk is full or does not let it be written.
    """
    name = path.name
    if len(os.fsencode(name)) > LONGEST_NAME_BYTES - 40:  # with what is added it would be too long
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    temporary = path.with_name(f".{name}.{os.getpid()}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What goes wrong inside with the disk is said of this file.

    Raises:
        OutputError: naming the file, where the disk is full or does not let it be written.
    """
    try:
        yield
    except (OutputError, ConnectionError):  # of another file, which it names; of a pipe
        raise
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({_reason(error)}); what was whole before is kept"
        ) from None


def append_text(path: Path, text: str) -> None:
    """Add to the end of a file, UTF-8.

    Raises:
        OutputError: naming the file, where the disk is full or does not let it be written.
    """
    with writing(path), path.open("ab") as stream:
        stream.write(text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write whole or not at all, UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: Path, tree: Any) -> None:
    """Write whole or not at all, keys in the order given."""
    write_text(path, json.dumps(tree, indent=2, allow_nan=False) + "\n")


def encode_png(array: NDArray[Any], *, comment: str = "") -> bytes:
    """8-bit grey or RGB, or 16-bit grey, as PNG bytes; a comment stands in its text field `Comment`."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    assert array.dtype in (np.uint8, np.uint16), array.dtype
    text = None
    if comment:
        text = PngInfo()
        text.add_text("Comment", comment)
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(stream, "PNG", pnginfo=text)
    return stream.getvalue()
