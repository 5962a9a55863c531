"""Any tree of thermal frames and depth, described by a short YAML file.

    root: .                                   # below it lie all files; from the description's own folder
    thermal: {files: "{sequence}/thermal/{frame}.png", unit: counts}
    depth: {files: "{sequence}/depth/{frame}.png", metres: 0.001}
    rgb: {files: "{sequence}/rgb/{frame}.jpg"}
    intrinsics: {fx: 410.2, fy: 410.9, cx: 319.8, cy: 255.1}
    near_m: 0.5
    far_m: 60
    splits: {train: ["yard*"], val: [street1], test: [street2]}

`FolderDescription` below is the whole list of keys. Frames are what `{sequence}` and `{frame}` tell apart,
and kinds of files are paired by both. Splits are cut by sequence and never by frame: by names, or by shares,
where the order of the hashes of the names decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from thermodepth.camera import focal_of_view, pinhole
from thermodepth.config import Settings
from thermodepth.data.decoding import read_depth_m
from thermodepth.data.frames import Dataset
from thermodepth.data.patterns import check_pattern, choose, find_files, inside_root
from thermodepth.data.recording import (
    Band,
    Lenses,
    RecordedFrames,
    Recording,
    calibrated,
    check_ids,
    safe_id,
    training_size_of,
)
from thermodepth.errors import DataError, SettingsError
from thermodepth.files import read_raster
from thermodepth.thermal import Margins, picture_of, read_radiometric, read_thermal, thermal_unit
from thermodepth.types import ThermalUnit
from thermodepth.yaml_files import read_yaml

DESCRIPTION = "thermodepth.yaml"  # what a folder that describes itself holds
MAX_DESCRIPTION_BYTES = 200_000
SPLITS = ("train", "val", "test")
ZERO_CELSIUS_K = 273.15


def _checked(pattern: str) -> str:
    check_pattern(pattern)
    return pattern


def _writable(metres: float) -> float:
    """Protocols are named by their range, so its ends must be short numbers."""
    if float(f"{metres:g}") != metres:
        raise ValueError("more than six digits")
    return metres


Pattern = Annotated[str, AfterValidator(_checked)]
Names = tuple[str, ...]
Metres = Annotated[float, Field(ge=0.001, le=10_000), AfterValidator(_writable)]


class ThermalFiles(Settings):
    """`unit` of what stands in the files; kelvin and celsius are `scale * value + offset`.

    `drop` cuts off rows and columns that are no picture, such as telemetry: `drop: {bottom: 2}`. What else
    describes the frames (depth, intrinsics, a calibration) is about what is left of them.
    """

    later: ClassVar[frozenset[str]] = frozenset({"drop"})

    files: Pattern
    unit: Literal["counts", "kelvin", "celsius", "display"]
    scale: float = Field(1.0, gt=0)
    offset: float = 0.0
    drop: Margins | None = None  # {}: nothing, and rows that look like telemetry are picture

    @model_validator(mode="after")
    def _scaled_in_vain(self) -> Self:
        if self.unit in ("counts", "display") and (self.scale, self.offset) != (1.0, 0.0):
            raise ValueError(f"scale and offset lead to kelvin or celsius, and unit is {self.unit}")
        return self


class DepthFiles(Settings):
    """Depth along the optical axis, on the pixel grid of the thermal frames."""

    files: Pattern
    metres: float = Field(gt=0, le=1000)  # that a value of 1 stands for
    no_value: float = 0.0  # beside what is not finite or not positive


class RgbFiles(Settings):
    """RGB pictures. With a `calibration` they have a view of their own, else they lie on the thermal grid."""

    files: Pattern
    depth: Pattern | None = None  # truth in the RGB view, stored like `depth`


class Intrinsics(Settings):
    """A pinhole matrix in pixels of the thermal frames."""

    fx: float = Field(gt=0)
    fy: float = Field(gt=0)
    cx: float
    cy: float
    first_pixel: float = 0.0  # where its centre lies: 0 for OpenCV, Kalibr and ROS, else 0.5

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.first_pixel not in (0.0, 0.5):
            raise ValueError(f"first_pixel {self.first_pixel:g}: its centre lies at 0 or at 0.5")
        return self

    def matrix(self) -> NDArray[np.float32]:
        moved = 0.5 - self.first_pixel
        return np.array(
            [[self.fx, 0, self.cx + moved], [0, self.fy, self.cy + moved], [0, 0, 1]], np.float32
        )


class FolderDescription(Settings):
    """Every key of a description."""

    name: str = Field("folder", pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,30}$")  # begins every id
    root: str = "."
    thermal: ThermalFiles
    depth: DepthFiles
    rgb: RgbFiles | None = None
    #: At most one of these four. Without any the lens is not known: nothing that needs it can be trained or
    #: scored, and metres of a model that is told the lens are those of its training's lens.
    intrinsics: Intrinsics | None = None
    calibration: str | None = None
    focal_px: float | None = Field(None, gt=0)  # in pixels of the thermal frames
    field_of_view_deg: float | None = Field(None, gt=1, lt=170)  # across
    near_m: Metres
    far_m: Metres
    splits: dict[Literal["train", "val", "test"], Names] | None = (
        None  # names of sequences, or yard*
    )
    shares: dict[Literal["train", "val", "test"], Annotated[float, Field(ge=0)]] | None = None
    #: Frames that stay together: longer recordings are cut into blocks, which are sequences then. For one
    #: long recording; frames on both sides of a cut are nearly one picture.
    block: int | None = Field(None, ge=2)
    conditions: dict[str, Names] = Field({})  # condition: names of sequences, or *night*
    licence: str = "as you say: the description names none"

    later: ClassVar[frozenset[str]] = frozenset({"focal_px"})

    @property
    def lens_is_known(self) -> bool:
        """Whether anything says what the frames see."""
        lenses = (self.intrinsics, self.calibration, self.focal_px, self.field_of_view_deg)
        return any(one is not None for one in lenses)

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        lenses = ("intrinsics", "calibration", "focal_px", "field_of_view_deg")
        if sum(getattr(self, name) is not None for name in lenses) > 1:
            raise ValueError(f"give at most one of {', '.join(lenses)}")
        if self.splits is not None and self.shares is not None:
            raise ValueError("give splits or shares, not both")
        if self.shares is not None and sum(self.shares.values()) == 0:
            raise ValueError("shares: all are 0")
        if self.near_m >= self.far_m:
            raise ValueError(f"near_m {self.near_m:g} must be below far_m {self.far_m:g}")
        if self.rgb is not None and self.rgb.depth is not None and self.calibration is None:
            raise ValueError("rgb.depth has no effect without a calibration: RGB lies on the grid")
        return self


def open_folder(path: Path | None) -> Dataset:
    """Open what a description describes: the file, or a folder that holds `thermodepth.yaml`.

    Raises:
        SettingsError: naming the file and key of a description that cannot be.
        DataError: for files that are missing or do not pair up.
    """
    if path is None:
        raise DataError(f"folder needs a description: --data folder:FILE.yaml (see {__name__})")
    file = path / DESCRIPTION if path.is_dir() else path
    if not file.is_file():
        raise DataError(
            f"{file}: no such file. It says where the frames lie and what their values mean: root, "
            "thermal, depth, intrinsics, near_m, far_m, splits"
        )
    tree = read_yaml(file, limit=MAX_DESCRIPTION_BYTES)
    if not isinstance(tree, dict):
        raise SettingsError(f"{file}: expected keys such as thermal and depth, each with its value")
    about = FolderDescription.parse(tree, where=str(file))
    root = (file.parent / Path(about.root).expanduser()).resolve()
    if not root.is_dir():
        raise SettingsError(f"{file}: root = '{about.root}': {root} is no folder")
    recordings, unpaired = _recordings(about, root, file)
    check_ids(recordings.values(), str(file))
    split_of = _splits(about, list(recordings), str(file))
    splits = {
        name: RecordedFrames([r for r in recordings.values() if split_of.get(r.name) == name])
        for name in SPLITS
    }
    frames = sum(len(one.sample_ids) for one in recordings.values())
    note = f"{about.name}: {frames} frames of {len(recordings)} sequences"
    if unused := sum(name not in split_of for name in recordings):
        note += f", {unused} in no split"
    if not about.lens_is_known:
        note += "; its lens is not known"
    if unpaired:
        note += f"; {unpaired} without depth or thermal left out"
    return Dataset(
        name="folder",
        spec=f"folder:{path}",
        splits=splits,
        protocol=f"range:{about.near_m:g}-{about.far_m:g}",
        depth_range_m=(about.near_m, about.far_m),
        training_size=training_size_of(splits),
        licence=about.licence,
        note=note,
    )


def _recordings(
    about: FolderDescription, root: Path, file: Path
) -> tuple[dict[str, Recording], int]:
    """By sequence, and how many frames lack thermal or depth."""
    thermal = _files(root, about.thermal.files, f"{file}: thermal.files")
    depth = _files(root, about.depth.files, f"{file}: depth.files")
    paired_keys = [key for key in thermal if key in depth]
    if not paired_keys:
        (thermal_key, depth_key) = next(iter(thermal)), next(iter(depth))
        raise DataError(
            f"{file}: no frame has both: thermal.files finds {len(thermal)}, the first "
            f"{thermal_key} at '{thermal[thermal_key]}', depth.files {len(depth)}, the first {depth_key} at "
            f"'{depth[depth_key]}'; sequence and frame must be the same"
        )
    rgb = _files(root, about.rgb.files, f"{file}: rgb.files") if about.rgb else None
    rgb_depth = None
    if about.rgb and about.rgb.depth:
        rgb_depth = _files(root, about.rgb.depth, f"{file}: rgb.depth")
    by_sequence: dict[str, list[tuple[str, str]]] = {}
    for key in paired_keys:
        by_sequence.setdefault(key[0] or about.name, []).append(key)
    if about.block is not None:
        by_sequence = _blocks(by_sequence, about.block)
    lenses, calibration = _lenses(about, root, file)

    def band(files: Mapping[tuple[str, str], str], keys: Sequence[tuple[str, str]]) -> Band:
        return Band(folder=root, names=[files.get(key) for key in keys])

    recordings = {}
    for name, keys in by_sequence.items():
        recordings[name] = Recording(
            name=name,
            condition=_condition(about, name),
            sample_ids=[safe_id("-".join([about.name, *filter(None, key)])) for key in keys],
            root=root,
            thermal=band(thermal, keys),
            depth=band(depth, keys),
            rgb=None if rgb is None else band(rgb, keys),
            rgb_depth=None if rgb_depth is None else band(rgb_depth, keys),
            read_thermal=partial(read_described, about=about.thermal),
            read_depth=partial(
                read_depth_m, metres=about.depth.metres, no_value=about.depth.no_value
            ),
            lenses=lenses,
            about=calibration,
            decoding=about.fingerprint(),
        )
    return recordings, len(thermal.keys() | depth.keys()) - len(paired_keys)


def _blocks(
    by_sequence: Mapping[str, list[tuple[str, str]]], size: int
) -> dict[str, list[tuple[str, str]]]:
    """Sequences cut into runs of `size` frames: `yard-000`, `yard-001`, ..."""
    return {
        f"{name}-{start // size:03d}": keys[start : start + size]
        for name, keys in by_sequence.items()
        for start in range(0, len(keys), size)
    }


def _files(root: Path, pattern: str, where: str) -> dict[tuple[str, str], str]:
    files = find_files(root, pattern, where=where)
    if not files:
        raise DataError(f"{where} = '{pattern}': no file fits below {root}")
    return files


def _lenses(about: FolderDescription, root: Path, file: Path) -> tuple[Any, tuple[Path, ...]]:
    """What gives the cameras of a frame's size, and the files that decide it."""
    if about.calibration is not None:
        path = inside_root(root, about.calibration, where=f"{file}: calibration")
        if not path.is_file():
            raise SettingsError(f"{file}: calibration = '{about.calibration}': {path} is no file")
        return partial(calibrated, path=path, with_rgb=about.rgb is not None), (path,)
    if about.intrinsics is not None:
        return partial(_fixed_lenses, matrix=about.intrinsics.matrix(), source=str(file)), ()
    if about.focal_px is not None:
        return partial(_focal_lenses, focal_px=about.focal_px, source=str(file)), ()
    if about.field_of_view_deg is not None:
        return partial(_assumed_lenses, degrees=about.field_of_view_deg, source=str(file)), ()
    return partial(_fixed_lenses, matrix=np.full((3, 3), np.nan, np.float32), source=str(file)), ()


def _fixed_lenses(size: tuple[int, int], *, matrix: NDArray[np.float32], source: str) -> Lenses:
    del size
    return Lenses(source=source, thermal=matrix)


def _assumed_lenses(size: tuple[int, int], *, degrees: float, source: str) -> Lenses:
    return _focal_lenses(size, focal_px=focal_of_view(degrees, size[1]), source=source)


def _focal_lenses(size: tuple[int, int], *, focal_px: float, source: str) -> Lenses:
    return Lenses(source=source, thermal=pinhole(focal_px, size[1], size[0]))


def read_described(path: Path, *, about: ThermalFiles) -> tuple[NDArray[Any], ThermalUnit]:
    """A thermal frame [h w] in the unit that the description gives its files.

    Raises:
        DataError: naming the file when it is broken, or its values cannot be of that unit.
    """
    if about.unit in ("counts", "display"):
        return read_thermal(path, expect=ThermalUnit(about.unit), drop=about.drop)
    frame = read_radiometric(path)
    if frame is not None and frame.unit is ThermalUnit.KELVIN:  # whatever unit its picture has
        return read_thermal(path, expect=ThermalUnit.KELVIN, drop=about.drop)
    values = read_raster(path) if frame is None else frame.values
    if values.ndim == 3 and (values == values[..., :1]).all():
        values = values[..., 0]
    if values.ndim != 2:
        raise DataError(
            f"{path}: a colour picture, expected one channel that leads to {about.unit}"
        )
    values = picture_of(values, about.drop, str(path))
    kelvin = values.astype(np.float64) * about.scale + about.offset
    if about.unit == "celsius":
        kelvin += ZERO_CELSIUS_K
    try:
        return kelvin.astype(np.float32), thermal_unit(kelvin, str(path))
    except DataError as error:
        raise DataError(
            f"{path}: values {values.min():g}..{values.max():g} become {kelvin.min():.0f}.."
            f"{kelvin.max():.0f} K by thermal.unit = {about.unit}, scale = {about.scale:g}, offset = "
            f"{about.offset:g}: {str(error).removeprefix(f'{path}: ').partition(';')[0]}"
        ) from None


def _condition(about: FolderDescription, name: str) -> str:
    return next((c for c, names in about.conditions.items() if choose(name, names)), "")


def _splits(about: FolderDescription, names: Sequence[str], where: str) -> dict[str, str]:
    """`{sequence: split}`.

    Raises:
        SettingsError: for a sequence in two splits, a name that fits none, or too few sequences to share.
    """
    if about.splits is None:
        return _shared_out(about.shares or {"train": 0.8, "val": 0.1, "test": 0.1}, names, where)
    split_of: dict[str, str] = {}
    for split, patterns in about.splits.items():
        for pattern in patterns:
            fitting = [name for name in names if choose(name, [pattern])]
            if not fitting:
                listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
                raise SettingsError(
                    f"{where}: splits.{split}: '{pattern}' fits no sequence (there are: {listed})"
                )
            for name in fitting:
                if (earlier_split := split_of.setdefault(name, split)) != split:
                    raise SettingsError(
                        f"{where}: splits: sequence '{name}' is in {earlier_split} and in {split}; a "
                        "recording belongs to one"
                    )
    return split_of


def _shared_out(shares: Mapping[Any, float], names: Sequence[str], where: str) -> dict[str, str]:
    """Sequences in the order of their hashes, cut by the shares; every share gets at least one."""
    positive_shares = {split: share for split, share in shares.items() if share > 0}
    if len(names) < len(positive_shares):
        raise SettingsError(
            f"{where}: {len(names)} sequences cannot be shared out over {', '.join(positive_shares)}: a "
            "recording belongs to one split. Catch shorter recordings as {sequence}, name the splits, or "
            "cut long recordings with block: 50"
        )
    order = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    total, split_of, begin, cumulative = sum(positive_shares.values()), dict[str, str](), 0, 0.0
    for position, (split, share) in enumerate(positive_shares.items(), start=1):
        cumulative += share
        end = round(len(order) * cumulative / total)
        end = min(max(end, begin + 1), len(order) - (len(positive_shares) - position))
        split_of.update(dict.fromkeys(order[begin:end], split))
        begin = end
    return split_of
