"""MS2: stereo driving recordings with thermal, RGB, NIR and lidar, by day, by night and in rain.

Shin, Park and Kweon, "Deep Depth Estimation from Thermal Image", CVPR 2023. The left views are read:

    sync_data/SEQ/{thr,rgb}/img_left/000000.png       thr uint16 counts 640x256, rgb 8 bit 1224x384
    sync_data/SEQ/{thr,rgb}/img_left_timestamp.txt    nanoseconds, a line a frame
    sync_data/SEQ/calib.npy, or calib.json            of both cameras
    proj_depth/SEQ/{thr,rgb}/depth_filtered|depth/    uint16, metres*256 along the axis, 0 = none
    odom/SEQ/thr/000000.txt                           4x4 from the frame to the first one; may be absent
    {train,val,test_day,test_night,test_rainy}_list.txt   a sequence a line; without them, the official ones

The RGB camera stands 0.66 m from the thermal one and looks 10 degrees down from it: its pictures have a
view of their own. Frames pair by number. `ms2:ROOT?truth=depth` scores against one lidar sweep instead of
the filtered map, `?every=10` keeps each tenth frame of every sequence, from its first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from thermodepth.data.decoding import read_depth_m
from thermodepth.data.frames import Dataset
from thermodepth.data.listing import (
    first_names,
    folder_of,
    margins_to_drop,
    numbered,
    read_sequence_list,
    read_stamps_s,
    split_options,
    whole_number,
)
from thermodepth.data.odometry import motion_after
from thermodepth.data.recording import (
    Band,
    RecordedFrames,
    Recording,
    calibrated,
    check_ids,
    left_out,
    training_size_of,
)
from thermodepth.errors import DataError, unknown
from thermodepth.thermal import Margins, read_thermal
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The official split of the authors' loader.
LISTS: dict[str, tuple[str, ...]] = {
    "train": (
        "_2021-08-06-10-59-33",
        "_2021-08-06-11-37-46",
        "_2021-08-06-17-21-04",
        "_2021-08-06-17-44-55",
        "_2021-08-13-16-50-57",
        "_2021-08-13-17-06-04",
        "_2021-08-13-21-36-10",
        "_2021-08-13-22-36-41",
    ),
    "val": ("_2021-08-13-16-08-46", "_2021-08-13-16-14-48", "_2021-08-13-21-58-13"),
    "test_day": ("_2021-08-06-11-23-45", "_2021-08-13-15-46-56", "_2021-08-13-16-31-10"),
    "test_night": ("_2021-08-13-21-18-04", "_2021-08-13-22-03-03", "_2021-08-13-22-16-02"),
    "test_rainy": ("_2021-08-06-16-19-00", "_2021-08-06-16-45-28", "_2021-08-06-16-59-13"),
}
CONDITION_OF_LIST = {"test_day": "day", "test_night": "night", "test_rainy": "rain"}
TRUTHS = ("depth_filtered", "depth", "depth_multi", "depth_filtered_myrefine")
#: Each product gives numbers of its own. Those that nobody publishes with are scored by their range.
PROTOCOL_OF_TRUTH = {"depth_filtered": "ms2_metric", "depth": "ms2_unfiltered"}
METRES_PER_VALUE = 1 / 256
STAMP_S = Decimal("1e-9")
#: Scored from 1 mm, as published. A driving lidar returns nothing so near, and a network that must be able
#: to say it spends half of its logarithmic range on it.
DEPTH_RANGE_M = (0.5, 80.0)


def open_ms2(path: Path | None) -> Dataset:
    """Open the sequences that are there, `ROOT` or `ROOT?truth=...&every=...&drop=...`.

    Raises:
        DataError: for a folder that is not MS2, sequences without truth, or lists that overlap.
    """
    folder, options = (
        split_options(path, ("truth", "every", "drop")) if path is not None else (None, {})
    )
    root = folder_of(folder, "ms2", "sync_data and proj_depth")
    lists = _lists(root)
    listed = [name for names in lists.values() for name in names]
    present = [name for name in listed if (_sync(root, name) / "thr" / "img_left").is_dir()]
    if not present:
        raise DataError(
            f"{root}: none of the {len(listed)} sequences of MS2 is here; looked for folders such as "
            f"sync_data/{(listed or ['SEQUENCE'])[0]}/thr/img_left"
        )
    truth = _truth(root, present, options.get("truth"))
    every = whole_number(options, "every", default=1)
    drop = margins_to_drop(options)
    recordings: dict[str, list[Recording]] = {}
    for title, names in lists.items():
        condition = CONDITION_OF_LIST.get(title, "")
        recordings[title] = [
            _recording(root, name, condition, truth, every, drop)
            for name in names
            if name in present
        ]
    check_ids([one for part in recordings.values() for one in part], str(root))
    tests = [one for title in CONDITION_OF_LIST for one in recordings[title]]
    splits = {
        "train": RecordedFrames(recordings["train"]),
        "val": RecordedFrames(recordings["val"]),
        "test": RecordedFrames(tests),
        **{title: RecordedFrames(recordings[title]) for title in CONDITION_OF_LIST},
    }
    frames = sum(len(splits[name].sample_ids) for name in ("train", "val", "test"))
    note = f"MS2: {frames} driving frames of {len(present)}/{len(listed)} sequences, truth {truth}"
    if absent := [name for name in listed if name not in present]:
        note += f"; without {first_names(absent)}"
    note += left_out(one for part in recordings.values() for one in part)
    return Dataset(
        name="ms2",
        spec=f"ms2:{path}",
        splits=splits,
        truth=truth,
        protocol=PROTOCOL_OF_TRUTH.get(truth, "range:{:g}-{:g}".format(*DEPTH_RANGE_M)),
        depth_range_m=DEPTH_RANGE_M,
        training_size=training_size_of(splits),
        licence="the publisher's terms: sites.google.com/view/multi-spectral-stereo-dataset",
        note=note,
    )


def _sync(root: Path, name: str) -> Path:
    return root / "sync_data" / name


def _lists(root: Path) -> dict[str, tuple[str, ...]]:
    """The list files of the folder, the official ones in place of those that are not there."""
    lists, owner = {}, dict[str, str]()
    for title, official in LISTS.items():
        path = root / f"{title}_list.txt"
        lists[title] = read_sequence_list(path) if path.is_file() else official
        for name in lists[title]:
            if (earlier_title := owner.setdefault(name, title)) != title:
                raise DataError(
                    f"{root}: sequence '{name}' stands in the lists '{earlier_title}' and '{title}'; a "
                    "recording belongs to one"
                )
    return lists


def _truth(root: Path, present: Sequence[str], requested: str | None) -> str:
    """The depth product to read: one for all sequences, because each gives numbers of its own."""
    if requested is not None and requested not in TRUTHS:
        raise DataError(f"{root}: {unknown('truth', requested, TRUTHS)}")

    def without(product: str) -> list[str]:
        folders = {name: root / "proj_depth" / name / "thr" / product for name in present}
        return [name for name, folder in folders.items() if not folder.is_dir()]

    for product in (requested,) if requested else TRUTHS[:2]:
        missing = without(product)
        if not missing:
            return product
        if requested or len(missing) < len(present):
            advice = (
                "" if requested else f", or ask for the other one: ms2:{root}?truth={TRUTHS[1]}"
            )
            raise DataError(
                f"{root / 'proj_depth' / missing[0] / 'thr' / product}: no such folder (nor in "
                f"{len(missing) - 1} more of {len(present)} sequences); unpack its proj_depth{advice}"
            )
    raise DataError(
        f"{root / 'proj_depth' / present[0] / 'thr'}: neither {TRUTHS[0]} nor {TRUTHS[1]} is there; "
        "unpack the archives of proj_depth beside sync_data"
    )


def _recording(
    root: Path, name: str, condition: str, truth: str, every: int, drop: Margins | None
) -> Recording:
    folder, depth = _sync(root, name), root / "proj_depth" / name
    pictures, maps = numbered(folder / "thr" / "img_left"), numbered(depth / "thr" / truth)
    both = [number for number in pictures if number in maps]
    if not both:
        raise DataError(
            f"{folder / 'thr' / 'img_left'}: no frame has the number of a map in {depth / 'thr' / truth} "
            f"({len(pictures)} pictures, {len(maps)} maps)"
        )
    calibration = next((p for p in _calibrations(folder) if p.is_file()), None)
    if calibration is None:
        raise DataError(f"{folder / 'calib.npy'}: no such file; it comes with each sequence")
    numbers = both[::every]
    rgb, rgb_depth = folder / "rgb" / "img_left", _rgb_truth(depth / "rgb", truth)
    stamps = [folder / band / "img_left_timestamp.txt" for band in ("rgb", "thr")]
    timed = all(path.is_file() for path in stamps)
    poses = root / "odom" / name / "thr"
    return Recording(
        name=name,
        condition=condition,
        sample_ids=[f"ms2{'' if name.startswith('_') else '_'}{name}-{n:06d}" for n in numbers],
        root=root,
        thermal=Band.for_frames(folder / "thr" / "img_left", pictures, numbers),
        depth=Band.for_frames(depth / "thr" / truth, maps, numbers),
        rgb=Band.for_frames(rgb, numbered(rgb), numbers) if rgb.is_dir() else None,
        rgb_depth=Band.for_frames(rgb_depth, numbered(rgb_depth), numbers) if rgb_depth else None,
        read_thermal=partial(read_thermal, expect=ThermalUnit.COUNTS, drop=drop),
        read_depth=partial(read_depth_m, metres=METRES_PER_VALUE, stored="16-bit"),
        lenses=partial(calibrated, path=calibration),
        later_s=partial(_later_s, *stamps, rgb=rgb, thermal=folder, numbers=numbers)
        if timed and rgb.is_dir()
        else None,
        motion=partial(_motion, poses=poses, stamps=stamps[1], pictures=pictures, numbers=numbers)
        if timed and poses.is_dir()
        else None,
        unpaired=len(pictures.keys() ^ maps.keys()),
        decoding="" if drop is None else f"drop {drop}",
        about=[
            calibration,
            *(stamps if timed else ()),
            *(sorted(poses.glob("*.txt")) if timed and poses.is_dir() else ()),
        ],
    )


def _calibrations(folder: Path) -> tuple[Path, Path]:
    return folder / "calib.npy", folder / "calib.json"


def _rgb_truth(folder: Path, truth: str) -> Path | None:
    """The same product in the RGB view, or the plain sweep."""
    return next((p for p in (folder / truth, folder / TRUTHS[1]) if p.is_dir()), None)


def _later_s(
    rgb_stamps: Path, stamps: Path, *, rgb: Path, thermal: Path, numbers: Sequence[int]
) -> list[float]:
    """By how much each RGB frame was taken after the thermal frame of its number."""
    later = read_stamps_s(rgb_stamps, list(numbered(rgb)), unit_s=STAMP_S)
    base = read_stamps_s(stamps, list(numbered(thermal / "thr" / "img_left")), unit_s=STAMP_S)
    return [float(later[n] - base[n]) if n in later else 0.0 for n in numbers]


def _motion(
    index: int,
    later_s: float,
    *,
    poses: Path,
    stamps: Path,
    pictures: Mapping[int, str],
    numbers: Sequence[int],
) -> NDArray[np.float64] | None:
    """How the rig moved between the two exposures of a frame, from the poses of the thermal camera."""
    return motion_after(
        later_s, numbers[index], poses=poses, times_s=_times_s(stamps, tuple(pictures))
    )


@lru_cache(maxsize=32)
def _times_s(stamps: Path, numbers: tuple[int, ...]) -> dict[int, float]:
    """Seconds since the first frame, so that nanoseconds of this century fit into a float."""
    times = read_stamps_s(stamps, list(numbers), unit_s=STAMP_S)
    first = min(times.values(), default=Decimal(0))
    return {number: float(time - first) for number, time in times.items()}
