"""Recordings: real data sets are stored, and must be split, one sequence of frames at a time.

A reader of a data set says what one recording is (its files and how they are decoded); the frames of a
split are its recordings, one after the other. A recording that belongs to two splits (a part of the test
set, and all of it) is one object, whose files are looked at once.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from thermodepth.calibration import read_calibration, require_sound
from thermodepth.data.decoding import at_size, check_looks_into, check_same_size, read_rgb
from thermodepth.data.frames import Frames, fingerprint_files
from thermodepth.errors import DataError
from thermodepth.thermal import read_capture
from thermodepth.types import RgbView, Sample, ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST_TRAINING_PIXELS = 14_000  # what one step of a small network on a CPU digests quickly
_FEWEST = 32  # rows or columns that a network can read
_LONGEST_ID = 100
_MOST_BROKEN = 8  # frames of a split whose files may be broken before its size is given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The files of one kind of a recording: a name a frame, None where the frame has no such file."""

    folder: Path
    names: Sequence[str | None]

    @classmethod
    def for_frames(cls, folder: Path, files: Mapping[int, str], numbers: Sequence[int]) -> Self:
        """The files of `numbered(folder)` that belong to these frames."""
        return cls(folder=folder, names=[files.get(number) for number in numbers])

    def path(self, index: int) -> Path | None:
        name = self.names[index]
        return None if name is None else self.folder / name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lenses:
    """The cameras of a recording. Without an RGB camera, RGB lies on the thermal pixel grid."""

    source: Path | str  # what messages call them
    thermal: NDArray[np.float32]  # [3 3] pixels
    rgb: NDArray[np.float32] | None = None
    rgb_from_thermal: NDArray[np.float64] | None = None  # [4 4] metres
    rgb_size: tuple[int, int] | None = None  # (width, height) that the calibration says


def calibrated(size: tuple[int, int], *, path: Path, with_rgb: bool = True) -> Lenses:
    """The lenses that a calibration file gives, whatever the size of the frames.

    Raises:
        DataError: when it is broken, or lacks a camera that is wanted.
    """
    calibration = read_calibration(path)
    if with_rgb:
        require_sound(calibration)
    if not with_rgb:  # which camera is the thermal one may have been taken for granted
        for note in calibration.notes:
            warnings.warn(f"{path}: {note}", stacklevel=2)
    for doubt in calibration.doubts:
        warnings.warn(f"{path}: {doubt}", stacklevel=2)
    cameras = [calibration.thermal, *([calibration.rgb] if with_rgb else [])]
    for camera in cameras:
        if camera.distortion is not None:
            warnings.warn(
                f"{path}: {camera.name}: lens distortion ({camera.distortion.model}) is not applied; "
                "pictures must be undistorted",
                stacklevel=2,
            )
    if calibration.thermal.size not in (None, size[::-1]):
        raise DataError(
            f"{path}: the thermal camera is calibrated at {calibration.thermal.size}, its frames are "
            f"{size[::-1]} (width, height)"
        )
    if not with_rgb:
        return Lenses(source=path, thermal=calibration.thermal.intrinsics.astype(np.float32))
    return Lenses(
        source=path,
        thermal=calibration.thermal.intrinsics.astype(np.float32),
        rgb=calibration.rgb.intrinsics.astype(np.float32),
        rgb_from_thermal=calibration.rgb_from_thermal,
        rgb_size=calibration.rgb.size,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """The frames of one sequence, in the order of time.

    What is called to decode them travels into worker processes: functions of modules, or `partial`s.
    """

    name: str
    condition: str
    sample_ids: Sequence[str]
    root: Path  # of the data set: names of files count from here
    thermal: Band
    depth: Band
    rgb: Band | None = None
    rgb_depth: Band | None = None  # truth in the view of an RGB camera of its own
    read_thermal: Callable[[Path], tuple[NDArray[Any], ThermalUnit]]
    read_depth: Callable[[Path], NDArray[np.float32]]
    lenses: Callable[[tuple[int, int]], Lenses]  # of the (rows, columns) of the thermal frames
    finer_depth: bool = False  # depth files may be a whole number of times as large as the pictures
    later_s: Callable[[], Sequence[float]] | None = None  # RGB minus thermal exposure, by frame
    #: (place, later_s) -> how the rig moved in between, see `RgbView.motion`
    motion: Callable[[int, float], NDArray[np.float64] | None] | None = None
    about: Sequence[Path] = ()  # further files that decide what is read
    unpaired: int = 0  # files of frames that lack thermal or depth, which are left out
    decoding: str = ""  # changes with how files are decoded, where the data set leaves it open

    def read(self, index: int, *, with_rgb: bool) -> Sample:
        """One frame; without RGB no file of the RGB camera is opened.

        Raises:
            DataError: naming the file that is missing, broken, or does not fit the others.
        """
        path, depth_path = self.thermal.path(index), self.depth.path(index)
        assert path is not None
        assert depth_path is not None
        raw, unit = self.read_thermal(path)
        height, width = raw.shape
        depth_m = self._depth(depth_path, path, raw)
        lenses = self._lenses_at((height, width))
        if np.isfinite(lenses.thermal).all():  # else nobody knows the lens
            check_looks_into(lenses.thermal, raw, calibration=lenses.source, other=path)
        rgb, view = self._rgb(index, lenses) if with_rgb else (None, None)
        rgb_path = None if self.rgb is None else self.rgb.path(index)
        if rgb is not None and view is None and rgb_path is not None:
            check_same_size(rgb_path, rgb, path, raw)
        return Sample(
            sample_id=self.sample_ids[index],
            thermal=raw,
            thermal_unit=unit,
            intrinsics=lenses.thermal,
            depth_m=depth_m,
            rgb=rgb,
            rgb_view=view,
            sequence=self.name,
            condition=self.condition,
            capture=read_capture(path),
        )

    def _rgb(self, index: int, lenses: Lenses) -> tuple[NDArray[np.uint8] | None, RgbView | None]:
        """A frame without its RGB picture is still a frame; a teacher names it when it wants one."""
        path = None if self.rgb is None else self.rgb.path(index)
        if path is None:
            return None, None
        rgb = read_rgb(path)
        if lenses.rgb is None or lenses.rgb_from_thermal is None:
            return rgb, None
        check_looks_into(lenses.rgb, rgb, calibration=lenses.source, other=path)
        if lenses.rgb_size not in (None, (rgb.shape[1], rgb.shape[0])):
            raise DataError(
                f"{path}: {rgb.shape[1]}x{rgb.shape[0]}, but {lenses.source} was made at "
                f"{lenses.rgb_size[0]}x{lenses.rgb_size[1]}"
            )
        depth_path = None if self.rgb_depth is None else self.rgb_depth.path(index)
        depth_m = None
        if depth_path is not None:
            depth_m = self._depth(depth_path, path, rgb)
        later_s = self._later_s[index] if self._later_s else 0.0
        return rgb, RgbView(
            intrinsics=lenses.rgb,
            rgb_from_thermal=lenses.rgb_from_thermal,
            depth_m=depth_m,
            later_s=later_s,
            motion=self.motion(index, later_s) if self.motion and later_s else None,
        )

    def _depth(self, path: Path, picture: Path, like: NDArray[Any]) -> NDArray[np.float32]:
        depth_m = self.read_depth(path)
        if self.finer_depth:
            depth_m = at_size(depth_m, (like.shape[0], like.shape[1]), path)
        check_same_size(path, depth_m, picture, like)
        return depth_m

    def _lenses_at(self, size: tuple[int, int]) -> Lenses:
        if size not in self._known_lenses:
            self._known_lenses[size] = self.lenses(size)
        return self._known_lenses[size]

    @cached_property
    def _known_lenses(self) -> dict[tuple[int, int], Lenses]:
        return {}

    @cached_property
    def _later_s(self) -> Sequence[float]:
        return self.later_s() if self.later_s else ()

    @cached_property
    def fingerprint(self) -> str:
        """Of all files of the recording, by name, size and content."""
        bands = [b for b in (self.thermal, self.depth, self.rgb, self.rgb_depth) if b is not None]
        files = [b.folder / name for b in bands for name in b.names if name is not None]
        content = fingerprint_files([*files, *self.about], self.root)
        facts = f"{self.condition}\0{self.decoding}\0{content}"
        return hashlib.sha256(facts.encode()).hexdigest()[:16]


class RecordedFrames:
    """One split: the frames of its recordings."""

    noise_is_drawn = False

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._recordings = tuple(recordings)
        self.sample_ids = [name for one in recordings for name in one.sample_ids]
        self._starts = list(accumulate((len(one.sample_ids) for one in recordings), initial=0))

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        del draw  # a recording has one noise realisation
        index = range(len(self.sample_ids))[index]
        number = bisect_right(self._starts, index) - 1
        return self._recordings[number].read(index - self._starts[number], with_rgb=with_rgb)

    def condition(self, index: int) -> str:
        return self._recordings[bisect_right(self._starts, index) - 1].condition

    def fingerprint(self) -> str:
        parts = [f"{one.name}:{one.fingerprint}" for one in self._recordings]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def left_out(recordings: Iterable[Recording]) -> str:
    """What a note says of frames that were found and are not read; nothing where there are none."""
    count = sum(one.unpaired for one in recordings)
    return f"; {count} without depth or thermal left out" if count else ""


def safe_id(text: str) -> str:
    """An id that is a file name anywhere: other characters become `_`, and too long a name is cut.

    A name that was changed ends in a hash of what it was, so that two never become one.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", text)
    safe = safe if re.match("[A-Za-z0-9]", safe) else f"f{safe}"
    if safe == text and len(text) <= _LONGEST_ID:
        return text
    return f"{safe[: _LONGEST_ID - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def check_ids(recordings: Iterable[Recording], where: str) -> None:
    """Ids become names of files, and some file systems do not tell capitals from small letters.

    Raises:
        DataError: naming two frames that would share an id.
    """
    owner: dict[str, str] = {}
    for recording in recordings:
        for name in recording.sample_ids:
            frame = f"'{name}' of '{recording.name}'"
            if (earlier := owner.setdefault(name.casefold(), frame)) is not frame:
                raise DataError(
                    f"{where}: the frames {earlier} and {frame} would share their files; rename one"
                )


def training_size_of(splits: Mapping[str, Frames]) -> tuple[int, int]:
    """(rows, columns) with the aspect of the frames that suit a first training on a CPU.

    Raises:
        DataError: of the first frame, when none of those tried can be read.
    """
    rows, columns = _native_size(splits)
    if rows * columns <= _FIRST_TRAINING_PIXELS:
        return max(rows, _FEWEST), max(columns, _FEWEST)
    aspect = columns / rows
    best = ((1.0, 0), (rows, columns))
    for height in range(_FEWEST, rows + 1, 8):
        width = max(8 * round(height * aspect / 8), _FEWEST)
        if height * width <= _FIRST_TRAINING_PIXELS:
            error = round(abs(width / height / aspect - 1), 2)
            best = min(best, ((error, -height * width), (height, width)))
    return best[1]


def _native_size(splits: Mapping[str, Frames]) -> tuple[int, int]:
    first: DataError | None = None
    for frames, index in _first_frames(splits):
        try:
            return frames.read(index, with_rgb=False).size
        except DataError as error:  # it is named when it is read; the others have a size as well
            first = first or error
    raise first or DataError("the data set holds no frames")


def _first_frames(splits: Mapping[str, Frames]) -> Iterator[tuple[Frames, int]]:
    for frames in splits.values():
        for index in range(min(len(frames.sample_ids), _MOST_BROKEN)):
            yield frames, index
