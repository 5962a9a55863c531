"""Two folders of depth maps as frames to score: what any program predicted, and what was measured.

    TRUTH/seq/000001.png          frame `seq/000001` of sequence `seq`
    PREDICTIONS/seq/000001.npy    its prediction: the same path below the other root, any known suffix
    THERMAL/seq/000001.tiff       its thermal picture, where the folder is given

Names that are longer than the id say so with an ending, `_depth` or `_depth.npy` or `/depth.npy`; nothing
is guessed. Every frame of the truth has exactly one prediction: a folder with fewer would be scored on
the frames that its program could do.
"""

from __future__ import annotations

import hashlib
import math
import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from thermodepth.checksums import file_sha256
from thermodepth.data.decoding import check_looks_into, check_same_size
from thermodepth.depth_files import (
    DEPTH_SUFFIXES,
    PER_METRE,
    check_per_metre,
    read_depth_values,
    read_truth_m,
)
from thermodepth.errors import DataError, SettingsError, nearest
from thermodepth.evaluation.scoring.placement import NAMES, WHOLE, Placement
from thermodepth.files import PICTURE_SUFFIXES, natural_order
from thermodepth.thermal import read_thermal
from thermodepth.types import Geometry, Sample, ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_FILES = 2_000_000
#: Networks round sides to a multiple, which bends the aspect by some percent; more is another crop.
ASPECT_TOLERANCE = 0.05
#: How many names a message shows.
SHOWN = 3
_NEIGHBOURS = 200  # names before and after a missing one among which the nearest is looked for


class MapFolders:
    """The frames of a folder of truth, each with its prediction. It holds names only, and travels well."""

    def __init__(
        self,
        predictions: Path,
        truth: Path,
        *,
        geometry: Geometry,
        png_scale: float = PER_METRE,
        truth_scale: float = PER_METRE,
        thermal: Path | None = None,
        intrinsics: tuple[float, float, float, float] | None = None,
        prediction_ending: str = "",
        truth_ending: str = "",
        thermal_ending: str = "",
        placement: Placement = WHOLE,
    ) -> None:
        """Pair the files; none is opened yet.

        Args:
            predictions: searched with its folders below, as the others are; hidden ones are left out.
            truth: metric depth along the optical axis.
            geometry: what the values of the predictions mean.
            png_scale: what a metre is in predictions of whole numbers (PNG, TIFF or NPY).
            truth_scale: the same of the truth.
            thermal: raw frames on the truth's pixel grid; without, samples hold zeros.
            intrinsics: fx, fy, cx, cy in pixels of the truth; without, samples hold NaN.
            prediction_ending: what file names of predictions have after the id, with or without suffix.
            truth_ending: the same of the truth; its other files are no frames.
            thermal_ending: the same of the thermal pictures.
            placement: where in the truth's view maps of another size lie.

        Raises:
            DataError: for folders that are missing or empty, frames without a prediction or a thermal
                picture, two files for one frame, files that are links out of their folder.
            SettingsError: for a scale or intrinsics that are impossible.
        """
        check_per_metre(png_scale, "png_scale")
        check_per_metre(truth_scale, "truth_scale")
        self.geometry, self.placement = geometry, placement
        self._png_scale, self._truth_scale = png_scale, truth_scale
        self._intrinsics_px = _checked(intrinsics)
        frames = _Folder.from_root(truth, truth_ending, DEPTH_SUFFIXES, "truth")
        maps = _Folder.from_root(predictions, prediction_ending, DEPTH_SUFFIXES, "prediction")
        ids = sorted(frames.by_id, key=lambda i: (natural_order(i), i))
        if not ids:
            raise DataError(f"{truth}: {frames.none_found()}")
        self.sample_ids: tuple[str, ...] = tuple(ids)
        self._truth = frames.names_for(ids, truth)
        self._predictions = maps.names_for(ids, truth)
        self._thermal: tuple[str, ...] | None = None
        if thermal is not None:
            pictures = _Folder.from_root(thermal, thermal_ending, PICTURE_SUFFIXES, "thermal")
            self._thermal = pictures.names_for(ids, truth)
        self._refuse_itself()
        self.notices = (
            *frames.left_out(self._truth, f"do not end in '{truth_ending}' and are no frames"),
            *maps.left_out(self._predictions, "belong to no frame of the truth and are not scored"),
        )

    def __len__(self) -> int:
        return len(self.sample_ids)

    def _refuse_itself(self) -> None:
        for prediction, measured in zip(self._predictions, self._truth, strict=True):
            if Path(prediction).samefile(measured):
                raise DataError(
                    f"{prediction}: would be scored against itself, being both truth and prediction"
                )

    @property
    def has_thermal(self) -> bool:
        """Whether samples hold a thermal picture, not zeros."""
        return self._thermal is not None

    def prediction(self, index: int) -> str:
        """The path of one frame's prediction."""
        return self._predictions[index]

    def truth_m(self, index: int) -> NDArray[np.float32]:
        """The truth of one frame [h w] in metres, NaN where there is none.

        Raises:
            DataError: naming the file that is broken or no depth map.
            DependencyError: for an EXR file without the package that decodes it.
        """
        return read_truth_m(Path(self._truth[index]), per_metre=self._truth_scale)

    def sample(self, index: int) -> Sample:
        """The truth of one frame, with its thermal picture and intrinsics where they are known.

        Without a thermal folder `thermal` is zeros; without intrinsics they are NaN.

        Raises:
            DataError: naming the file that is broken, not what it should be, or of another size.
            DependencyError: for an EXR file without the package that decodes it.
        """
        path = Path(self._truth[index])
        sample_id = self.sample_ids[index]
        depth_m = self.truth_m(index)
        thermal: NDArray[Any] = np.zeros(depth_m.shape, np.uint16)
        unit = ThermalUnit.COUNTS
        if self._thermal is not None:
            picture = Path(self._thermal[index])
            thermal, unit = read_thermal(picture)
            check_same_size(picture, thermal, path, depth_m)
        intrinsics = np.full((3, 3), np.nan, np.float32)
        if self._intrinsics_px is not None:
            fx, fy, cx, cy = self._intrinsics_px
            intrinsics = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float32)
            check_looks_into(intrinsics, depth_m, calibration="the intrinsics given", other=path)
        return Sample(
            sample_id=sample_id,
            thermal=thermal,
            has_thermal=self.has_thermal,
            thermal_unit=unit,
            intrinsics=intrinsics,
            depth_m=depth_m,
            sequence=sample_id.rpartition("/")[0],
        )

    def values(self, index: int) -> NDArray[np.float32]:
        """The prediction of one frame [h w] in `geometry`, NaN where its file says nothing.

        Raises:
            DataError: naming the file that is broken or no depth map.
            DependencyError: for an EXR file without the package that decodes it.
        """
        return read_depth_values(Path(self._predictions[index]), per_metre=self._png_scale)

    def pair(self, index: int) -> tuple[Sample, NDArray[np.float32]]:
        """`sample` and `values` of one frame, which show the same view: placed in it, or to be stretched.

        Raises:
            DataError: as they do, when the sizes have different aspects, or the placement is not for them.
            DependencyError: as they do.
        """
        sample, values = self.sample(index), self.values(index)
        (rows, columns), (height, width) = values.shape, sample.size
        if self.placement == WHOLE:
            if abs(rows * width / (columns * height) - 1) > ASPECT_TOLERANCE:
                raise DataError(
                    f"{self._predictions[index]}: {columns}x{rows}, but {self._truth[index]} is "
                    f"{width}x{height}: another aspect, so perhaps another crop. Place it by --placement "
                    f"({', '.join(NAMES[1:])} or TOP,LEFT), or save predictions of the whole view"
                )
            return sample, values
        try:
            return sample, self.placement.place(values, sample.size)
        except DataError as error:
            raise DataError(
                f"{self._predictions[index]}: --placement {self.placement.name}: {error}"
            ) from None

    def truth_fingerprint(self) -> str:
        """Changes with what is scored against: ids, contents and scale of the truth, thermal, intrinsics.

        Two tables may be compared when it is the same.
        """
        about = [self.sample_ids, self._truth_scale, self._intrinsics_px]
        return _fingerprint(about, (*self._truth, *(self._thermal or ())))

    def fingerprint(self) -> str:
        """Changes with everything that decides the scores but the protocol; names of roots do not."""
        about = [self.truth_fingerprint(), self.geometry.value, self._png_scale]
        if self.placement != WHOLE:
            about.append(self.placement.name)
        return _fingerprint(about, self._predictions)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folder:
    """The files of one root that may be maps."""

    root: Path
    kind: str  # prediction, truth, thermal: in messages, and before `-ending` in the options
    ending: str
    names: tuple[str, ...]  # below the root, with suffix, sorted
    by_id: dict[str, list[str]]  # those with the ending
    others: tuple[str, ...]  # suffixes of the files that are no maps

    @classmethod
    def from_root(cls, root: Path, ending: str, suffixes: Sequence[str], kind: str) -> Self:
        names, others = [], set()
        by_id: dict[str, list[str]] = {}
        for name in _files_below(root, suffixes):
            suffix = _split(name)[1]
            if suffix.lower() not in suffixes:
                others.add(suffix)
                continue
            names.append(name)
            if len(names) > MAX_FILES:
                raise DataError(f"{root}: more than {MAX_FILES} files")
            sample_id = _id_of(name, ending, suffixes)
            if sample_id is not None:
                by_id.setdefault(sample_id, []).append(name)
        return cls(
            root=root,
            kind=kind,
            ending=ending,
            names=tuple(sorted(names)),
            by_id=by_id,
            others=tuple(sorted(others)),
        )

    def none_found(self) -> str:
        """Why there are no frames."""
        if self.names:
            return f"none of its {len(self.names)} maps ends in '{self.ending}' ({_listed(self.names)})"
        beside = f"; it holds files of {', '.join(self.others)}" if self.others else ""
        return f"holds no depth maps ({', '.join(DEPTH_SUFFIXES)}){beside}"

    def names_for(self, ids: Sequence[str], truth: Path) -> tuple[str, ...]:
        """The path of each frame's one file.

        Raises:
            DataError: when frames have none, or two.
        """
        missing = [i for i in ids if i not in self.by_id]
        if missing:
            raise DataError(
                f"{self.root}: no {self.kind} for {len(missing)} of the {len(ids)} frames of {truth} "
                f"({_listed(missing)}){self._hint(missing[0])}"
            )
        for sample_id in ids:
            files = self.by_id[sample_id]
            if len(files) > 1:
                suffix = _split(files[0])[1]
                raise DataError(
                    f"{self.root}: {' and '.join(sorted(files))} are both the {self.kind} of frame "
                    f"'{sample_id}'; keep one, or say which kind is meant: --{self.kind}-ending "
                    f"{self.ending.removesuffix(suffix)}{suffix}"
                )
        return tuple(str(self.root / self.by_id[i][0]) for i in ids)

    def left_out(self, used: Sequence[str], reason: str) -> tuple[str, ...]:
        """A line about the maps that are not used, or nothing."""
        paths = set(used)
        unused = [name for name in self.names if str(self.root / name) not in paths]
        if not unused:
            return ()
        return (
            f"{self.root}: {len(unused)} of {len(self.names)} maps {reason} ({_listed(unused)})",
        )

    def _hint(self, sample_id: str) -> str:
        """What is there in place of the file that is not, and the option that would take it."""
        if not self.names:
            return f"; it {self.none_found()}"
        stems = sorted({_split(name)[0] for name in self.names})
        at = bisect_left(stems, sample_id)
        longer = [
            stem[len(sample_id) :]
            for stem in islice(stems, at, at + _NEIGHBOURS)
            if stem.startswith(sample_id) and not stem[len(sample_id) :][:1].isdigit()
        ]
        endings = [ending for ending in longer if ending and ending != self.ending]
        if endings:
            options = " or ".join(f"--{self.kind}-ending {e}" for e in endings[:SHOWN])
            return f"; {sample_id}{endings[0]} is there: if that is meant, say {options}"
        known = set(self.by_id)
        for cut in range(len(sample_id) - 1, 0, -1):
            if sample_id[:cut] in known and not sample_id[cut].isdigit():
                return (
                    f"; {sample_id[:cut]} is there: if '{sample_id[cut:]}' is no part of the frame's name, "
                    f"say --truth-ending {sample_id[cut:]}"
                )
        last = sample_id.rpartition("/")[2]
        elsewhere = [i for i in self.by_id if i.rpartition("/")[2] == last]
        if elsewhere:
            return f"; there is '{elsewhere[0]}', and folders count: they must be the same below both roots"
        near = stems[max(at - _NEIGHBOURS, 0) : at + _NEIGHBOURS]
        return nearest(sample_id, near) or f"; it holds {_listed(self.names)}"


def _files_below(root: Path, suffixes: Sequence[str]) -> Iterator[str]:
    """Paths below `root`, `/`-separated, of all files that are not hidden."""
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    inside = root.resolve()
    for parent, folders, files in os.walk(root, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if Path(parent, name).is_symlink():
                raise DataError(
                    f"{parent}/{name}: a link to a folder, which is not followed and would be missing "
                    "from the scores; give the folder itself, or copy it"
                )
        for name in sorted(files):
            path = Path(parent, name)
            if name.startswith("."):
                continue
            below = path.relative_to(root).as_posix()
            if path.suffix.lower() in suffixes:
                if not below.isprintable():
                    raise DataError(f"{below!r} in {root}: a name with characters that are no text")
                if path.is_symlink() and not path.resolve().is_relative_to(inside):
                    raise DataError(f"{path}: a link to {path.resolve()}, outside of {root}")
                if not path.is_file():
                    raise DataError(f"{path}: not a file that can be read")
            yield below


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename}: cannot be read ({error.strerror})")


def _split(name: str) -> tuple[str, str]:
    """A file name without its suffix, and the suffix."""
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix), suffix


def _id_of(name: str, ending: str, suffixes: Sequence[str]) -> str | None:
    """The id of a file name, or None where it does not have the ending."""
    with_suffix = _split(f"x{ending}")[1].lower() in suffixes
    whole = name if with_suffix else _split(name)[0]
    sample_id = whole.removesuffix(ending)
    if not whole.endswith(ending) or not sample_id or sample_id.endswith("/"):
        return None
    return sample_id


def _checked(
    intrinsics: tuple[float, float, float, float] | None,
) -> tuple[float, float, float, float] | None:
    if intrinsics is None:
        return None
    if not all(map(math.isfinite, intrinsics)) or min(intrinsics[:2]) <= 0:
        raise SettingsError(
            f"intrinsics {intrinsics}: expected fx, fy, cx, cy in pixels of the truth, fx and fy above 0"
        )
    return intrinsics


def _fingerprint(about: Sequence[object], paths: Sequence[str]) -> str:
    digest = hashlib.sha256(repr(about).encode())
    for path in paths:
        digest.update(bytes.fromhex(file_sha256(Path(path))))
    return digest.hexdigest()[:16]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
