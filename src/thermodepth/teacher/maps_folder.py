"""The `maps` teacher: maps that were made before, by any program, as one file a frame in a folder.

    <folder>/<sample id>.png | .npy | .tif | .tiff | .pfm

A map is found by its path in the folder: the sample id itself, the id escaped as label stores write it, a
longer path that ends with the id, or, in a folder without folders, the id's last part. Two frames never share
a file, and a frame with two candidates is an error rather than a choice.

    value = map_scale * stored          NaN and infinity, and with map_none=zero also 0, are no value
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

import numpy as np

from thermodepth.checksums import file_sha256
from thermodepth.errors import DataError, TeacherError
from thermodepth.files import MAX_FILE_BYTES, natural_order, read_raster
from thermodepth.teacher.interface import fingerprint_of
from thermodepth.types import Geometry, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = (".png", ".npy", ".tif", ".tiff", ".pfm")
MAX_FILES = 2_000_000
#: Networks round sides to a multiple, which bends the aspect by some percent; more is another crop.
ASPECT_TOLERANCE = 0.05
#: Share of known pixels under a resized pixel from which on it has a value.
LEAST_KNOWN = 0.5
#: How many names a message shows.
MOST_LISTED = 5

NoValue = Literal["nan", "zero"]


class MapsTeacher:
    """Ready maps of a folder, brought to the size of the frame."""

    def __init__(
        self,
        folder: Path,
        geometry: Geometry,
        *,
        scale: float | None = None,
        none: NoValue = "nan",
    ) -> None:
        """Look through the folder; the maps are read when they are asked for.

        Args:
            folder: searched with its folders below; hidden ones and links to folders are left out.
            geometry: what the stored values mean, once scaled.
            scale: what stored values are multiplied with: 1/256 or 0.001 where integers stand for metres.
            none: which values, besides NaN and infinity, mean that there is none.

        Raises:
            TeacherError: for a folder that does not exist or holds no maps.
        """
        self._folder = folder
        self._geometry = geometry
        self._scale = scale
        self._none = none
        self._files = _files_of(folder)
        self._by_stem: dict[str, list[str]] = {}
        for key in self._files:
            self._by_stem.setdefault(key.rsplit("/", 1)[-1], []).append(key)
        self._owners: dict[str, str] = {}  # map -> the only sample it may label
        self._fingerprint = ""

    @property
    def geometry(self) -> Geometry:
        """What the values of the maps mean, as the settings say."""
        return self._geometry

    @property
    def description(self) -> str:
        """Folder and count."""
        return f"{len(self._files)} ready maps of {self._folder} ({self._geometry})"

    def fingerprint(self) -> str:
        """Of the names and contents of all maps, the scale, what means no value, and the geometry."""
        if not self._fingerprint:
            parts = {
                "maps": {key: _sha256(paths[0]) for key, paths in sorted(self._files.items())},
                "scale": self._scale,
                "none": self._none,
                "geometry": self._geometry,
            }
            self._fingerprint = fingerprint_of("maps", parts)
        return self._fingerprint

    def check_frames(self, sample_ids: Sequence[str]) -> None:
        """Refuse, before anything is read or written, frames whose map is missing or not told apart.

        Raises:
            TeacherError: with how many maps are missing and the first names, or the frames that clash.
        """
        missing = [sample_id for sample_id in sample_ids if self._find(sample_id) is None]
        if missing:
            raise TeacherError(
                f"{self._folder}: no map for {len(missing)} of {len(sample_ids)} frames: "
                f"{_listed(missing)}. A map is called like its frame ({missing[0]}.png, .npy or .tif); the "
                f"folder holds {_listed(self._files)}"
            )

    def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """`[h w]` per sample in `geometry`, at the size of its RGB image, or of the frame without one.

        Raises:
            TeacherError: naming frame and file, for a map that is missing or does not fit.
            DataError: naming the file that is damaged.
        """
        return [self._read(sample) for sample in samples]

    def _read(self, sample: Sample) -> NDArray[np.float32]:
        path = self._find(sample.sample_id)
        if path is None:
            raise TeacherError(f"frame {sample.sample_id} has no map in {self._folder}")
        size = _size_of(sample)
        where = f"{path}: map of frame {sample.sample_id}"
        scaled = self._scaled(read_raster(path), where)
        with np.errstate(over="ignore"):
            values = scaled.astype(np.float32)
        values[~np.isfinite(values)] = np.nan
        if self._geometry in (Geometry.METRIC_DEPTH, Geometry.SCALE_DEPTH):
            _check_positive(values, self._geometry, where)
        if values.shape == size:
            return values
        bent = values.shape[0] * size[1] / (values.shape[1] * size[0])
        if abs(bent - 1) > ASPECT_TOLERANCE:
            raise TeacherError(
                f"{where}: is {values.shape[1]}x{values.shape[0]}, its frame {size[1]}x{size[0]}: another "
                "aspect, so perhaps another crop. Save the map at the frame's size"
            )
        return resize_known(values, size, self._geometry)

    def _scaled(self, stored: NDArray[Any], where: str) -> NDArray[np.float64]:
        if stored.ndim != 2:
            raise TeacherError(f"{where}: is a colour picture, expected one channel of numbers")
        if stored.dtype in (np.bool_, np.uint8, np.int8):
            raise TeacherError(
                f"{where}: has 8 bits, in which the far half of a scene is one value; save 16 bits or more"
            )
        if (
            self._scale is None
            and stored.dtype.kind in "iu"
            and self._geometry is Geometry.METRIC_DEPTH
        ):
            raise TeacherError(
                f"{where}: holds whole numbers ({stored.dtype}) that are to be metres; say how many metres "
                "one is as teacher.map_scale (0.00390625 for 1/256 m, 0.001 for millimetres)"
            )
        values = stored.astype(np.float64)
        if self._none == "zero":
            values[stored == 0] = np.nan
        return values if self._scale is None else values * self._scale

    def _find(self, sample_id: str) -> Path | None:
        """The map of a frame, or None.

        Raises:
            TeacherError: when there are two, or another frame has it already.
        """
        key = self._key(sample_id)
        if key is None:
            return None
        paths = self._files[key]
        if len(paths) > 1:
            raise TeacherError(
                f"{self._folder}: frame {sample_id} has {len(paths)} maps ("
                f"{', '.join(path.name for path in paths)}); keep one kind of map in a folder"
            )
        owner = self._owners.setdefault(key, sample_id)
        if owner != sample_id:
            raise TeacherError(
                f"{paths[0]}: would label both frame {owner} and frame {sample_id}; put maps into folders "
                "as the ids say"
            )
        return paths[0]

    def _key(self, sample_id: str) -> str | None:
        if sample_id in self._files:
            return sample_id
        same = self._by_stem.get(sample_id.rsplit("/", 1)[-1], [])
        # Folders must agree where both sides have them: 0001 of one drive is not 0001 of another.
        under = [key for key in same if key.endswith("/" + sample_id)]
        matches = under or [key for key in same if "/" not in key]
        if len(matches) > 1:
            raise TeacherError(
                f"{self._folder}: frame {sample_id} has {len(matches)} maps ({_listed(matches)}); put maps "
                "into folders as the ids say"
            )
        return matches[0] if matches else None


def resize_known(
    values: NDArray[np.float32], size: tuple[int, int], geometry: Geometry
) -> NDArray[np.float32]:
    """A map `[h w]` with NaN at another size: the mean of the known pixels below each new one.

    Depths are averaged as logarithms, which keeps an edge between near and far from becoming a slope in
    between; a new pixel has a value where at least half of what it covers is known.
    """
    import torch

    from thermodepth.teacher.rgb import resize_map

    logarithmic = geometry in (Geometry.METRIC_DEPTH, Geometry.SCALE_DEPTH)
    valid = np.isfinite(values)
    filled = np.where(valid, values, np.float32(1)).astype(np.float64)
    filled = np.where(valid, np.log(filled) if logarithmic else filled, 0.0)
    both = torch.from_numpy(np.stack([filled, valid.astype(np.float64)]))  # [2 h w]
    total, weight = resize_map(both, size).numpy()
    mean = total / np.maximum(weight, LEAST_KNOWN)
    if logarithmic:
        mean = np.exp(mean)
    # Weights of an all but whole neighbourhood fall short of the bound by rounding only.
    return np.where(weight >= LEAST_KNOWN - 1e-9, mean, np.nan).astype(np.float32)


def open_maps(
    folder: str, geometry: Geometry | None, *, scale: float | None, none: NoValue | None
) -> MapsTeacher:
    """The maps of a folder.

    Raises:
        TeacherError: without a geometry, or as `MapsTeacher`.
    """
    if geometry is None:
        raise TeacherError(
            f"{folder}: what the maps' values mean must be said, as geometry=... ({', '.join(Geometry)})"
        )
    return MapsTeacher(Path(folder).expanduser(), geometry, scale=scale, none=none or "nan")


def _files_of(folder: Path) -> dict[str, list[Path]]:
    """Path within the folder without its suffix, escapes undone -> the files called so."""
    if not folder.is_dir():
        raise TeacherError(f"{folder}: no such folder of maps")
    paths_by_key: dict[str, list[Path]] = {}
    count = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            path = Path(parent, name)
            if name.startswith(".") or path.suffix.lower() not in SUFFIXES or not path.is_file():
                continue
            count += 1
            if count > MAX_FILES:
                raise TeacherError(f"{folder}: more than {MAX_FILES} maps")
            if path.stat().st_size > MAX_FILE_BYTES:
                raise TeacherError(f"{path}: larger than {MAX_FILE_BYTES // 10**6} MB, not one map")
            key = unquote(path.relative_to(folder).with_suffix("").as_posix())
            paths_by_key.setdefault(key, []).append(path)
    if not paths_by_key:
        raise TeacherError(f"{folder}: holds no maps ({', '.join(SUFFIXES)})")
    return {key: sorted(paths) for key, paths in paths_by_key.items()}


def _size_of(sample: Sample) -> tuple[int, int]:
    if sample.rgb is not None:
        return int(sample.rgb.shape[0]), int(sample.rgb.shape[1])
    if sample.rgb_view is not None:
        raise TeacherError(
            f"frame {sample.sample_id} has no RGB image, whose view its map would be in"
        )
    return sample.size


def _check_positive(values: NDArray[np.float32], geometry: Geometry, where: str) -> None:
    with np.errstate(invalid="ignore"):
        wrong = int(np.count_nonzero(values <= 0))
    if wrong:
        smallest = float(np.nanmin(values))
        hint = "; if 0 means none, set teacher.map_none=zero" if smallest == 0 else ""
        raise TeacherError(
            f"{where}: {wrong} values of 0 or less (smallest {smallest:g}), but {geometry} is above 0{hint}"
        )


def _sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except DataError as error:
        raise TeacherError(str(error)) from None


def _listed(names: Sequence[str] | dict[str, list[Path]]) -> str:
    first = sorted(names, key=natural_order)[:MOST_LISTED]
    return ", ".join(first) + (f" ... ({len(names)} in all)" if len(names) > MOST_LISTED else "")
