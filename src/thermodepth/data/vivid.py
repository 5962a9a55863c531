"""ViViD: handheld indoor and outdoor recordings with thermal, RGB and depth, in light and in darkness.

Lee et al., "ViViD: Vision for Visibility Dataset", 2019, in the form that Shin et al. (RA-L 2022) made of it
for learning. Two layouts are read, sequence by sequence, frames paired by their number:

    SEQ/{RGB,Thermal}/000001.png  SEQ/{Depth_T,Depth_RGB}/000001.npy        as their preparation writes it:
    SEQ/cam_T.txt cam_RGB.txt Tr_T2RGB.txt                                  320x256, depth at the native size
    {train,val,test}_{indoor,outdoor}.txt                                   a sequence a line

    SEQ/{RGB,Thermal}/data/000001.png  SEQ/{RGB,Thermal}/timestamps.txt     as published, in or below the
    SEQ/Warped_Depth/{data_THERMAL,data_RGB}/000001.npy                     folder KAIST_VIVID
    SEQ/avg_velocity_thermal.txt  calibration/calib_ther_to_rgb.yaml

Thermal is uint16 counts, depth floating-point metres. Of the published layout those frames are kept that the
preparation keeps: each time the speeds since the last one add up to more than 0.15. The published lists
validate on sequences that are tested on as well; they are kept as they are, and it is said.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thermodepth.data.decoding import read_depth_m
from thermodepth.data.frames import Dataset
from thermodepth.data.listing import (
    first_names,
    folder_of,
    margins_to_drop,
    numbered,
    read_numbers,
    read_sequence_list,
    read_stamps_s,
    split_options,
)
from thermodepth.data.recording import (
    Band,
    Lenses,
    RecordedFrames,
    Recording,
    calibrated,
    check_ids,
    left_out,
    training_size_of,
)
from thermodepth.errors import DataError
from thermodepth.thermal import Margins, read_thermal
from thermodepth.types import ThermalUnit

#: The published split. `aggresive` is its spelling.
LISTS: dict[str, dict[str, tuple[str, ...]]] = {
    "indoor": {
        "train": (
            "indoor_aggresive_global",
            "indoor_unstable_local",
            "indoor_robust_global",
            "indoor_robust_local",
            "indoor_unstable_global",
        ),
        "val": ("indoor_robust_dark", "indoor_aggresive_local"),
        "test": (
            "indoor_robust_dark",
            "indoor_unstable_dark",
            "indoor_aggresive_dark",
            "indoor_aggresive_local",
            "indoor_robust_varying_well_lit",
        ),
    },
    "outdoor": {
        "train": ("outdoor_robust_day1", "outdoor_robust_day2"),
        "val": ("outdoor_robust_night1",),
        "test": ("outdoor_robust_night1", "outdoor_robust_night2"),
    },
}
#: What the metric head can say. Protocols reach down to 0.1 m indoors, to 1 mm outdoors.
DEPTH_RANGE_M = {"indoor": (0.1, 10.0), "outdoor": (0.5, 80.0)}
LEAST_SPEED_SUM = 0.15  # of accumulated speed, in the unit of avg_velocity_thermal.txt
#: (rows, columns) of the cameras, a FLIR A65 and a Flea3.
NATIVE_SIZE = {"thermal": (512, 640), "rgb": (1024, 1280)}
_NANOSECOND, _NANOSECONDS_FROM = Decimal("1e-9"), Decimal(10) ** 12  # seconds have ten digits

BANDS = {
    "prepared": ("Thermal", "Depth_T", "RGB", "Depth_RGB"),
    "published": (
        "Thermal/data",
        "Warped_Depth/data_THERMAL",
        "RGB/data",
        "Warped_Depth/data_RGB",
    ),
}


def open_vivid(path: Path | None, *, part: str) -> Dataset:
    """Open the indoor or the outdoor part (`part`) in either layout.

    Raises:
        DataError: for a folder that is not ViViD, or sequences that lack a part.
    """
    name = f"vivid_{part}"
    folder, options = split_options(path, ("drop",)) if path is not None else (None, {})
    drop = margins_to_drop(options)
    root = folder_of(folder, name, "the sequences, or KAIST_VIVID")
    if (root / "KAIST_VIVID").is_dir():
        root = root / "KAIST_VIVID"
    lists = {title: _list(root, title, part) for title in LISTS[part]}
    listed = list(dict.fromkeys(name for names in lists.values() for name in names))
    present = [one for one in listed if (root / one / "Thermal").is_dir()]
    if not present:
        raise DataError(
            f"{root}: none of the {len(listed)} {part} sequences of ViViD is here; looked for folders "
            f"such as {(listed or ['SEQUENCE'])[0]}/Thermal"
        )
    recordings = {one: _recording(root, one, drop) for one in present}
    check_ids(recordings.values(), str(root))
    splits = {
        title: RecordedFrames([recordings[one] for one in names if one in recordings])
        for title, names in lists.items()
    }
    frames = sum(len(one.sample_ids) for one in recordings.values())
    note = f"ViViD {part}: {frames} handheld frames of {len(present)}/{len(listed)} sequences"
    if absent := [one for one in listed if one not in recordings]:
        note += f", without {first_names(absent)}"
    note += left_out(recordings.values())
    if twice := [one for one in lists["val"] if one in lists["test"] and one in recordings]:
        note += f"; {len(twice)} in val and in test"
        warnings.warn(
            f"{root}: the published lists validate on {', '.join(twice)} and test on the same; a model "
            "chosen by its validation has seen the test",
            stacklevel=2,
        )
    return Dataset(
        name=name,
        spec=f"{name}:{path}",
        splits=splits,
        protocol=name,
        depth_range_m=DEPTH_RANGE_M[part],
        training_size=training_size_of(splits),
        licence="the publisher's terms: visibilitydataset.github.io",
        note=note,
    )


def _list(root: Path, title: str, part: str) -> tuple[str, ...]:
    path = root / f"{title}_{part}.txt"
    return read_sequence_list(path) if path.is_file() else LISTS[part][title]


def _recording(root: Path, name: str, drop: Margins | None) -> Recording:
    folder = root / name
    layout = "published" if (folder / "Thermal" / "data").is_dir() else "prepared"
    thermal, depth, rgb, rgb_depth = (folder / band for band in BANDS[layout])
    pictures, maps = numbered(thermal), numbered(depth, ".npy")
    numbers = [number for number in pictures if number in maps]
    if layout == "published" and numbers:
        numbers = _far_apart(folder / "avg_velocity_thermal.txt", numbers)
    if not numbers:
        raise DataError(
            f"{thermal}: no frame has the number of a map in {depth} ({len(pictures)} pictures, "
            f"{len(maps)} maps)"
        )
    later_s, stamps = None, [folder / band / "timestamps.txt" for band in ("RGB", "Thermal")]
    if layout == "prepared":
        # The preparation cuts `..._well_lit` out of its recording without the camera files.
        camera_folder = (
            folder if (folder / "cam_T.txt").is_file() else root / name.removesuffix("_well_lit")
        )
        calibration = [
            camera_folder / file for file in ("cam_T.txt", "cam_RGB.txt", "Tr_T2RGB.txt")
        ]
        lenses = partial(_prepared_lenses, folder=camera_folder)
    else:
        calibration = [root / "calibration" / "calib_ther_to_rgb.yaml"]
        lenses = partial(calibrated, path=calibration[0])
        if rgb.is_dir() and all(file.is_file() for file in stamps):
            later_s = partial(_later_s, *stamps, rgb=rgb, thermal=thermal, numbers=numbers)
    for file in calibration:
        if not file.is_file():
            raise DataError(f"{file}: no such file; it holds the calibration of {layout} sequences")
    return Recording(
        name=name,
        condition=_condition(name),
        sample_ids=[f"vivid-{name}-{number:06d}" for number in numbers],
        root=root,
        thermal=Band.for_frames(thermal, pictures, numbers),
        depth=Band.for_frames(depth, maps, numbers),
        rgb=Band.for_frames(rgb, numbered(rgb), numbers) if rgb.is_dir() else None,
        rgb_depth=Band.for_frames(rgb_depth, numbered(rgb_depth, ".npy"), numbers)
        if rgb_depth.is_dir()
        else None,
        read_thermal=partial(read_thermal, expect=ThermalUnit.COUNTS, drop=drop),
        read_depth=partial(read_depth_m, metres=1.0, stored="float"),
        lenses=lenses,
        finer_depth=layout == "prepared",
        later_s=later_s,
        unpaired=len(pictures.keys() ^ maps.keys()),
        decoding="" if drop is None else f"drop {drop}",
        about=[*calibration, *(stamps if later_s else ())],
    )


def _condition(name: str) -> str:
    """dark, global, local, varying (light) or well_lit indoors; day or night outdoors."""
    for condition in ("well_lit", "dark", "global", "local", "varying", "day", "night"):
        if condition in name:
            return condition
    return ""


def _far_apart(speeds: Path, numbers: Sequence[int]) -> list[int]:
    """Those frames at which the camera has moved far enough since the last one; line n is frame n."""
    if not speeds.is_file():
        return list(numbers)
    far_apart, moved = set(), 0.0
    for number, speed in enumerate(read_numbers(speeds).tolist(), start=1):
        moved += speed
        if abs(moved) > LEAST_SPEED_SUM:
            far_apart.add(number)
            moved = 0.0
    selected = [number for number in numbers if number in far_apart]
    if not selected:
        raise DataError(
            f"{speeds}: no frame is {LEAST_SPEED_SUM:g} of accumulated speed from the last one"
        )
    return selected


def _prepared_lenses(size: tuple[int, int], *, folder: Path) -> Lenses:
    """The preparation multiplies matrices that count from the centre of the first native pixel."""

    def matrix(name: str, native: tuple[int, int]) -> NDArray[np.float32]:
        path = folder / name
        values = read_numbers(path, count=9).reshape(3, 3)
        if not (values[0, 0] > 0 and values[1, 1] > 0 and values[2].tolist() == [0, 0, 1]):
            raise DataError(f"{path}: not a pinhole matrix: {values.tolist()}")
        values[0, 2] += 0.5 * size[1] / native[1]
        values[1, 2] += 0.5 * size[0] / native[0]
        return values.astype(np.float32)

    path = folder / "Tr_T2RGB.txt"
    moved = read_numbers(path, count=16).reshape(4, 4)
    turned = moved[:3, :3]
    if not np.allclose(turned @ turned.T, np.eye(3), atol=1e-2) or np.linalg.det(turned) < 0:
        raise DataError(f"{path}: its upper left part is not a rotation: {turned.tolist()}")
    return Lenses(
        source=folder / "cam_T.txt",
        thermal=matrix("cam_T.txt", NATIVE_SIZE["thermal"]),
        rgb=matrix("cam_RGB.txt", NATIVE_SIZE["rgb"]),
        rgb_from_thermal=moved,
    )


def _later_s(
    rgb_stamps: Path, stamps: Path, *, rgb: Path, thermal: Path, numbers: Sequence[int]
) -> list[float]:
    """By how much each RGB frame was taken after the thermal frame of its number.

    The files are taken to hold seconds, as ROS writes them, or whole nanoseconds.
    """
    later, base = (
        {
            number: stamp * _NANOSECOND if stamp > _NANOSECONDS_FROM else stamp
            for number, stamp in read_stamps_s(
                file, list(numbered(band)), unit_s=Decimal(1), first=1
            ).items()
        }
        for file, band in ((rgb_stamps, rgb), (stamps, thermal))
    )
    return [float(later[n] - base[n]) if n in later else 0.0 for n in numbers]
