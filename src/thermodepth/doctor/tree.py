"""The files of a folder: every one hashed, and what a name and some pixels give away about its role."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.doctor.facts import Band
from thermodepth.errors import DataError
from thermodepth.files import PICTURE_SUFFIXES, natural_order, open_file, read_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_FILES = 2_000_000  # a home or system folder given by mistake
#: Words of folder and file names. Depth comes first: depth maps stand in folders named by their camera.
_WORDS = (
    (Band.DEPTH, {"depth", "d16", "lidar", "range", "proj", "disparity"}),
    (
        Band.THERMAL,
        {"thermal", "thr", "ther", "lwir", "fir", "ir", "infrared", "t16", "temperature"},
    ),
    (Band.RGB, {"rgb", "rgb3", "color", "colour", "visible", "vis", "viz"}),
)
_SPLIT = re.compile(r"(train|training|val|valid|validation|test|testing)(?:[_-].*)?", re.IGNORECASE)
_ONE_NAME = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}
_CALIBRATION = re.compile(r"calib|intrinsic|extrinsic|camera.*\.(?:ya?ml|json)$", re.IGNORECASE)
_PICTURES = {*PICTURE_SUFFIXES} - {".npy"}  # which holds calibrations as well
_LIST = re.compile(r"(?:train|val|test)[a-z0-9_-]*\.txt", re.IGNORECASE)
_MAX_LIST_BYTES = 64_000_000
#: Share of zeros above which unnamed 16-bit pictures are taken for depth: thermal frames have none.
_DEPTH_ZEROS = 0.01
_ENDS = {b"\x89PNG": b"IEND\xaeB`\x82", b"\xff\xd8\xff": b"\xff\xd9"}
_TAIL_BYTES = 4096  # some writers pad behind the end mark


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """One picture file, without decoding it."""

    name: str  # below the root, with forward slashes
    size_bytes: int
    digest: bytes
    cut_off: bool  # empty, or a PNG or JPEG without its end mark
    problem: str = ""


def files_below(root: Path) -> Iterator[Path]:
    """All regular files in the order of their names; hidden ones and links that lead out are left out.

    Raises:
        DataError: for a tree that is no data set by its number of files.
    """
    count = 0
    real_root = os.path.realpath(root)
    for folder, folders, names in os.walk(root):
        folders[:] = sorted((f for f in folders if not f.startswith(".")), key=natural_order)
        for name in sorted(names, key=lambda n: (natural_order(n), n)):
            path = Path(folder) / name
            if name.startswith(".") or not path.is_file():
                continue
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(real_root):
                continue
            count += 1
            if count > MAX_FILES:
                raise DataError(
                    f"{root}: more than {MAX_FILES} files; give the data set's own folder"
                )
            yield path


def is_picture(path: Path) -> bool:
    """By its suffix. An NPY is a picture unless it is a calibration."""
    return path.suffix.lower() in PICTURE_SUFFIXES and not is_calibration(path)


def is_calibration(path: Path) -> bool:
    """By its name; pictures of calibration boards are not meant."""
    return bool(_CALIBRATION.search(path.name)) and path.suffix.lower() not in _PICTURES


def hash_file(path: Path, root: Path) -> FileFacts:
    """The content's digest, read in pieces, and whether the end is there."""
    name = path.relative_to(root).as_posix()
    digest = hashlib.blake2b(digest_size=16)
    head = tail = b""
    size = 0
    try:
        with open_file(path) as stream:
            while piece := stream.read(1 << 20):
                head = head or piece[:8]
                tail = (tail + piece)[-_TAIL_BYTES:]
                size += len(piece)
                digest.update(piece)
    except DataError as error:
        reason = str(error).removeprefix(f"{path}: ")
        return FileFacts(name=name, size_bytes=0, digest=b"", cut_off=False, problem=reason)
    end = next((mark for start, mark in _ENDS.items() if head.startswith(start)), b"")
    return FileFacts(
        name=name, size_bytes=size, digest=digest.digest(), cut_off=not size or end not in tail
    )


def split_of(name: str) -> str:
    """`train`, `val` or `test`, when a folder on the way is named so; else an empty string."""
    for part in Path(name).parts[:-1]:
        if match := _SPLIT.fullmatch(part):
            split = match[1].lower()
            return _ONE_NAME.get(split, split)
    return ""


def band_of(name: str, picture: NDArray[Any]) -> Band:
    """What a picture shows, by the words of its path, then by its numbers."""
    tokens = {w for part in Path(name).parts for w in re.split(r"[^a-z0-9]+", part.lower())}
    colour = picture.ndim == 3 and not bool((picture == picture[..., :1]).all())
    for band, vocabulary in _WORDS:
        # A colour picture of depth or temperature is for people, not a measurement.
        if tokens & vocabulary and not (colour and band is Band.DEPTH):
            return band
    if colour:
        return Band.RGB
    if picture.dtype.kind == "f":
        return Band.THERMAL if np.nanmedian(picture) > 150 else Band.DEPTH
    if picture.dtype.itemsize > 1:
        return Band.DEPTH if (picture == 0).mean() > _DEPTH_ZEROS else Band.THERMAL
    return Band.OTHER


def split_lists(root: Path) -> dict[str, frozenset[str]]:
    """`{train_list.txt: its lines}` of the lists that stand beside the data."""
    lists = {}
    for path in sorted(root.iterdir()):
        if _LIST.fullmatch(path.name) and path.is_file() and path.stat().st_size < _MAX_LIST_BYTES:
            text = read_bytes(path, limit=_MAX_LIST_BYTES).decode(errors="replace")
            lines = text.splitlines()
            lists[path.name] = frozenset(line.strip() for line in lines if line.strip())
    return lists
