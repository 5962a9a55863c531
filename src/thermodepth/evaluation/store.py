"""Predictions on disk: predict once, score as often as wanted.

    FOLDER/store.json       who made it (`made_by`), of what (`about`), the format, the precision, and the
                            frames with their sizes (the first 100 000 of them)
    FOLDER/<frame id>.npz   depth_m [h w] and structure [h w], float32 or float16; ids percent-encoded; of
                            models that tell it, relative_error_68 and relative_error_90 [h w] as well

float16 takes about half the space. It rounds a value of 6.1e-5 or more by at most 0.05 %, and a smaller one,
which has fewer digits there, by at most 3e-8 (below that nothing is left of it). The frame files are what
is there; the list in `store.json` is for the reader and is brought up to date at the end. So a stopped run
loses nothing: `missing(ids)` says what is left to do.

Of a frame file everything is checked before memory is taken: its names, how they are packed, and that
the size of each is what the header of its array says.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from thermodepth.checksums import read_record, write_record
from thermodepth.errors import DataError, nearest, unknown
from thermodepth.files import (
    MAX_PIXELS,
    escaped_id,
    read_bytes,
    replacing,
)
from thermodepth.types import ERROR_LEVELS

_FORMAT, _FORMAT_WITH_ERROR = 2, 3
_MADE_AT = "made_at"  # of `about`: the sizes that maps had before they were enlarged
_READABLE = (1, 2, 3)  # 1: float32, without `about`; 3: with the maps of the relative error
PRECISIONS = ("float32", "float16")
_MAPS = ("depth_m", "structure")
_ERROR_MAPS = tuple(f"relative_error_{level:.0%}".rstrip("%") for level in ERROR_LEVELS)
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LARGEST_MAP_BYTES = 260_000_000  # float32, of the most pixels, that nothing could compress
_LARGEST_DIRECTORY_BYTES = 4096  # of two members; each costs tens of times its bytes in memory
_MOST_LISTED = 100_000  # frames in store.json, which is read whole and so is bounded
_REMEDY = "delete the folder and predict again"
_LONGEST_NAME = 200  # bytes; file systems allow 255, and the temporary name is longer


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPrediction:
    """What a model said of one frame."""

    depth_m: NDArray[np.float32]  # [h w]
    structure: NDArray[np.float32]  # [h w] affine-invariant inverse depth
    #: [2 h w] at 68 and 90 %, the larger the worse; None: the model does not tell.
    relative_error: NDArray[np.float32] | None = None


class PredictionStore:
    """A folder of predictions made by one model on one data set."""

    def __init__(
        self,
        folder: Path,
        *,
        made_by: Mapping[str, str],
        about: Mapping[str, str] | None = None,
        precision: str | None = None,
        relative_error: bool = False,
    ) -> None:
        """Open `folder` for writing; a new or empty one becomes a store.

        Args:
            folder: where the files lie.
            made_by: what the predictions depend on, such as `{"model": fingerprint, "data": fingerprint}`.
            about: what a person needs to score it again, such as `{"data": spec, "split": "test"}`. It
                identifies nothing; None keeps what is written there.
            precision: one of `PRECISIONS`; None takes that of the store, of a new one float32.
            relative_error: whether a new store keeps the maps of the relative error too.

        Raises:
            DataError: for a folder that holds something else, or a store made by another model or data
                or in another precision.
        """
        if not made_by:
            raise DataError(f"{folder}: a store must say who made it, and made_by is empty")
        if precision is not None and precision not in PRECISIONS:
            raise DataError(unknown("precision", precision, PRECISIONS))
        self.folder = folder
        self.made_by = dict(made_by)
        self.about = dict(about or {})
        self.precision = precision or PRECISIONS[0]
        self.has_relative_error = relative_error
        record = folder / "store.json"
        if record.exists():
            self._take_over(_read_record(record), precision)
        elif folder.exists() and not _is_empty(folder):
            raise DataError(
                f"{folder}: not a prediction store (no store.json), and not an empty folder"
            )
        self._sizes: dict[str, tuple[int, int] | None] = {}
        self._scan()
        if not record.exists():
            self.write_index()

    def _take_over(self, stored: Mapping[str, Any], precision: str | None) -> None:
        """Go on with the store that is there already, when it is by the same maker."""
        sizes = stored["about"].get(_MADE_AT)
        self.about = self.about or stored["about"]
        if sizes is not None:
            self.about.setdefault(_MADE_AT, sizes)
        if precision not in (None, stored["precision"]):
            raise DataError(
                f"{self.folder}: holds {stored['precision']} predictions, {precision} was asked. Give "
                "another folder, or delete this one to predict again"
            )
        self.precision = stored["precision"]
        self.has_relative_error = stored["format"] == _FORMAT_WITH_ERROR
        maker, made_by = stored["made_by"], self.made_by
        keys = sorted(k for k in maker.keys() | made_by.keys() if maker.get(k) != made_by.get(k))
        if keys:
            differences = "; ".join(
                f"{k}: {maker.get(k)!r} there, {made_by.get(k)!r} now" for k in keys
            )
            raise DataError(
                f"{self.folder}: these predictions were made by something else ({differences}). "
                "Give another folder, or delete this one to predict again"
            )

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open an existing store for reading, whoever made it; `made_by` says who.

        Raises:
            DataError: when it is missing or broken.
        """
        return cls(folder, made_by=_read_record(folder / "store.json")["made_by"])

    def note_made_at(self, size: tuple[int, int], network: tuple[int, int]) -> None:
        """Note that maps stored at `size` (rows, columns) were made at `network` and enlarged."""
        known = _sizes_of(self.about.get(_MADE_AT, "")) | {size: network}
        self.about[_MADE_AT] = ";".join(
            f"{_sized(stored)}={_sized(at_size)}" for stored, at_size in sorted(known.items())
        )

    def made_at(self, size: tuple[int, int]) -> tuple[int, int] | None:
        """(rows, columns) that maps stored at `size` were made at; None where nobody noted it."""
        return _sizes_of(self.about.get(_MADE_AT, "")).get(size)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the frames that are there, sorted."""
        return tuple(sorted(self._sizes))

    def __len__(self) -> int:
        return len(self._sizes)

    def __contains__(self, sample_id: str) -> bool:
        return sample_id in self._sizes

    def missing(self, sample_ids: Iterable[str]) -> list[str]:
        """Those of `sample_ids` that are not stored yet, in the order given."""
        return [sample_id for sample_id in sample_ids if sample_id not in self._sizes]

    def write(
        self,
        sample_id: str,
        *,
        depth_m: NDArray[np.floating],
        structure: NDArray[np.floating],
        relative_error: NDArray[np.floating] | None = None,
    ) -> None:
        """Store one frame, whole or not at all; a frame that is there already is replaced.

        Both maps are [h w] and of one size; `relative_error`, which a store has of all frames or of none,
        is [2 h w].

        Raises:
            DataError: for other shapes, more pixels than `files.MAX_PIXELS`, an id that cannot be a file
                name, or a finite value that float16 cannot hold.
        """
        depth, shape = self._rounded(depth_m), self._rounded(structure)
        if depth.ndim != 2 or 0 in depth.shape or depth.shape != shape.shape:
            raise DataError(
                f"frame '{sample_id}': depth_m and structure must be [h w] of one size, "
                f"got {depth.shape} and {shape.shape}"
            )
        if depth.size > MAX_PIXELS:
            raise DataError(
                f"frame '{sample_id}': {_sized(depth.shape)} pixels, at most {MAX_PIXELS} are stored"
            )
        maps = {"depth_m": depth, "structure": shape}
        assert (relative_error is not None) == self.has_relative_error, "of all frames or of none"
        if relative_error is not None:
            error = self._rounded(relative_error)
            if error.shape != (len(ERROR_LEVELS), *depth.shape):
                raise DataError(
                    f"frame '{sample_id}': relative_error must be {(len(ERROR_LEVELS), *depth.shape)}, got "
                    f"{error.shape}"
                )
            maps |= dict(zip(_ERROR_MAPS, error, strict=True))
        with replacing(self._path(sample_id)) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **maps)  # type: ignore[arg-type]
        self._sizes[sample_id] = (depth.shape[0], depth.shape[1])

    def read(self, sample_id: str) -> StoredPrediction:
        """One stored frame.

        Raises:
            DataError: when it is not there, or its file is broken, too large or not what it claims to be.
        """
        path = self._path(sample_id)
        if not path.is_file():
            raise DataError(
                f"{self.folder}: no prediction for frame '{sample_id}'"
                f"{nearest(sample_id, self._sizes)} ({len(self)} frames are stored)"
            )
        names = (*_MAPS, *_ERROR_MAPS) if self.has_relative_error else _MAPS
        content = read_bytes(path, limit=len(names) * _LARGEST_MAP_BYTES)
        again = "delete it, and only this frame is predicted again"
        try:
            maps = _read_maps(content, names, self.precision)
        except DataError as error:
            raise DataError(f"{path}: {error}; {again}") from None
        except Exception as error:  # readers of archives let through whatever damage makes them do
            raise DataError(f"{path}: cannot be read as a prediction ({error}); {again}") from None
        if len({m.shape for m in maps.values()}) > 1:
            shapes = " and ".join(f"{name} {m.shape}" for name, m in maps.items())
            raise DataError(f"{path}: expected maps of one size, found {shapes}")
        return StoredPrediction(
            depth_m=maps["depth_m"],
            structure=maps["structure"],
            relative_error=np.stack([maps[name] for name in _ERROR_MAPS])
            if self.has_relative_error
            else None,
        )

    def write_index(self) -> None:
        """Bring the list in `store.json` up to date; leaving a `with` block does it."""
        self._scan()
        frames = {}
        for sample_id in self.ids[:_MOST_LISTED]:
            size = self._sizes[sample_id] or self.read(sample_id).depth_m.shape
            frames[sample_id] = list(size)
        record = {
            "format": _FORMAT_WITH_ERROR if self.has_relative_error else _FORMAT,
            "made_by": self.made_by,
            "about": self.about,
            "precision": self.precision,
            "frames": frames,
        }
        write_record(self.folder / "store.json", record)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *stopped: object) -> None:
        self.write_index()

    def _rounded(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        with np.errstate(over="ignore"):
            stored_values = np.asarray(values).astype(self.precision)
        if self.precision == "float16" and (np.isinf(stored_values) & np.isfinite(values)).any():
            raise DataError(
                f"{self.folder}: a value of {np.nanmax(np.abs(values)):g} is beyond what float16 holds "
                "(65504); use float32"
            )
        return stored_values

    def _scan(self) -> None:
        """Take in the frames that are on disk, also those another process wrote."""
        sizes: dict[str, tuple[int, int] | None] = {}
        for path in sorted(self.folder.glob("*.npz")):
            sample_id = unquote(path.stem)
            if _file_name(sample_id) != path.name:
                raise DataError(
                    f"{path}: not a file of this store (its name is not an encoded frame id)"
                )
            sizes[sample_id] = self._sizes.get(sample_id)
        self._sizes = sizes

    def _path(self, sample_id: str) -> Path:
        return self.folder / _file_name(sample_id)


def _file_name(sample_id: str) -> str:
    """The file name of a frame, reversibly.

    Raises:
        DataError: for an empty id, one too long for a file name, or one that is not valid text.
    """
    name = escaped_id(sample_id)
    if not name or len(name) > _LONGEST_NAME:
        raise DataError(
            f"frame id {sample_id!r} cannot be a file name: it takes {len(name)} bytes encoded, "
            f"and 1 to {_LONGEST_NAME} are allowed"
        )
    return name + ".npz"


def _read_maps(
    content: bytes, names: tuple[str, ...], precision: str
) -> dict[str, NDArray[np.float32]]:
    """The maps of a frame file.

    Raises:
        DataError: without the file's name, for something else than a store writes.
        Exception: any other, for a damaged archive.
    """
    with zipfile.ZipFile(io.BytesIO(_of_few_members(content))) as archive:
        members = archive.namelist()
        if sorted(members) != sorted(f"{name}.npy" for name in names):
            raise DataError(
                f"expected {' and '.join(names)}, found {', '.join(map(repr, members)) or 'nothing'}"
            )
        return {
            name: _read_map(archive, archive.getinfo(f"{name}.npy"), precision) for name in names
        }


def _of_few_members(content: bytes) -> bytes:
    """The archive itself, when its directory is small: each member costs many times its bytes in memory."""
    end, end_64 = content[-22:], content[-42:-38]
    directory_bytes = int.from_bytes(end[12:16], "little")
    if end[:4] != b"PK\5\6" or end_64 == b"PK\6\7" or directory_bytes > _LARGEST_DIRECTORY_BYTES:
        raise DataError("cannot be read as a prediction (not an archive of maps)")
    return content


def _read_map(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, precision: str
) -> NDArray[np.float32]:
    name = member.filename
    if member.compress_type not in _PACKED:
        raise DataError(f"cannot be read as a prediction ({name} is packed in an unknown way)")
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise DataError(f"{name}: array format {version}, expected (1, 0)")
        shape, columns_first, dtype = np.lib.format.read_array_header_1_0(stream)
        if len(shape) != 2 or min(shape) < 1:
            raise DataError(f"{name}: shape {shape}, expected [h w] with pixels")
        if math.prod(shape) > MAX_PIXELS:
            raise DataError(f"{name}: {_sized(shape)} pixels, at most {MAX_PIXELS} are read")
        if dtype != precision:
            raise DataError(f"{name}: {dtype}, expected {precision} maps")
        size_bytes = math.prod(shape) * dtype.itemsize
        if member.file_size != stream.tell() + size_bytes:
            raise DataError(
                f"cannot be read as a prediction ({name} has {member.file_size} bytes, and its header "
                f"says {stream.tell() + size_bytes})"
            )
        stored = np.frombuffer(stream.read(size_bytes), dtype)
    return stored.reshape(shape, order="F" if columns_first else "C").astype(np.float32)


def _sized(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _is_empty(folder: Path) -> bool:
    # A run stopped in its first moment leaves a temporary file and no store.json.
    return folder.is_dir() and all(path.suffix == ".part" for path in folder.iterdir())


def _sizes_of(text: str) -> dict[tuple[int, int], tuple[int, int]]:
    """Of `480x640=96x128;...`; what is not written like that says nothing."""
    pairs = re.findall(r"(\d{1,6})x(\d{1,6})=(\d{1,6})x(\d{1,6})", text)
    return {(int(a), int(b)): (int(c), int(d)) for a, b, c, d in pairs}


def _read_record(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise DataError(f"{path.parent}: not a prediction store (no store.json)")
    record = read_record(path, remedy=_REMEDY)
    if not _is_words(record.get("made_by")):
        raise DataError(f"{path}: does not say who made the predictions (no 'made_by')")
    if record.get("format") not in _READABLE:
        raise DataError(
            f"{path}: format {record.get('format')!r}; this version of thermodepth reads "
            f"{', '.join(map(str, _READABLE))}"
        )
    record = {"about": {}, "precision": PRECISIONS[0], **record}
    if record["precision"] not in PRECISIONS or not _is_words(record["about"]):
        raise DataError(
            f"{path}: damaged; precision {record['precision']!r:.80}, about {record['about']!r:.80}"
        )
    return record


def _is_words(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(word, str) for word in value.values())
