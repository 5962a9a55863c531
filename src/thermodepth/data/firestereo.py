"""FIReStereo: thermal stereo with lidar depth from a drone's sensor rig, in forests and between houses.

Dhrafani, Liu, Jong, Shin et al., "FIReStereo: Forest InfraRed Stereo Dataset for UAS Depth Perception in
Visually Degraded Environments", 2024, arXiv 2409.07715. There is no RGB camera. Of each sequence the left
pictures are read:

    SEQ/img_left/*.png    uint16 counts, 640x512
    SEQ/DEPTH/*.png       uint16, metres*256, 0 = none, of the same file names

Only the first folder's name is published (in the browser of its repository); DEPTH is taken to be `depth` or
another folder beside `img_left` whose name begins so, and both may lie one folder deeper, as an unpacked
archive leaves them. The pictures are taken to be undistorted, with the published camera matrix (its
distortion belongs to the raw ones; the right camera, 0.246 m beside it, is not read). No split is published:
sequences are split here, or by {train,val,test}_list.txt with a sequence a line. The recordings in smoke and
fire (gascola, firesgl) come without depth and are not read.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from thermodepth.camera import resized
from thermodepth.data.decoding import read_depth_m
from thermodepth.data.frames import Dataset
from thermodepth.data.listing import (
    first_names,
    folder_of,
    margins_to_drop,
    read_sequence_list,
    split_options,
)
from thermodepth.data.recording import (
    Band,
    Lenses,
    RecordedFrames,
    Recording,
    check_ids,
    left_out,
    safe_id,
    training_size_of,
)
from thermodepth.errors import DataError
from thermodepth.files import natural_order
from thermodepth.thermal import Margins, read_thermal
from thermodepth.types import ThermalUnit

#: Ours. Both places are in training and in test; the two halves of hawkins_1 stay together.
LISTS = {
    "train": ("hawkins_1_1", "hawkins_1_2", "hawkins_2", "frick_1"),
    "val": ("hawkins_3",),
    "test": ("hawkins_4", "frick_2"),
}
CONDITION_OF_PLACE = {"hawkins": "day", "frick": "night-rain"}
METRES_PER_VALUE = 1 / 256
DEPTH_RANGE_M = (0.5, 80.0)

NATIVE_SIZE = (512, 640)
#: Of the published calibration, whose principal point counts from the centre of the first pixel.
INTRINSICS = np.array(
    [[406.33233, 0, 311.51175 + 0.5], [0, 406.95367, 241.75863 + 0.5], [0, 0, 1]], np.float32
)


def open_firestereo(path: Path | None) -> Dataset:
    """Open the sequences with depth that are there.

    Raises:
        DataError: for a folder that is not FIReStereo; the message says what was found.
    """
    folder, options = split_options(path, ("drop",)) if path is not None else (None, {})
    drop = margins_to_drop(options)
    root = folder_of(folder, "firestereo", "the unpacked sequences, such as hawkins_2")
    if not any((root / name).is_dir() for names in LISTS.values() for name in names):
        root = root / "stereo_thermal_depth" if (root / "stereo_thermal_depth").is_dir() else root
    lists = {title: _list(root, title) for title in LISTS}
    listed = [name for names in lists.values() for name in names]
    if twice := sorted({name for name in listed if listed.count(name) > 1}):
        raise DataError(f"{root}: sequence '{twice[0]}' stands in two lists")
    present = [name for name in listed if (root / name).is_dir()]
    if not present:
        raise DataError(
            f"{root}: none of the sequences {', '.join(listed)} is here (found: {_listing(root)}); give the "
            "folder that holds them unpacked"
        )
    recordings = {name: _recording(root, name, drop) for name in present}
    check_ids(recordings.values(), str(root))
    splits = {
        title: RecordedFrames([recordings[name] for name in names if name in recordings])
        for title, names in lists.items()
    }
    frames = sum(len(one.sample_ids) for one in recordings.values())
    note = f"FIReStereo: {frames} thermal frames of {len(present)}/{len(listed)} sequences, no RGB"
    if absent := [name for name in listed if name not in recordings]:
        note += f"; without {first_names(absent)}"
    note += left_out(recordings.values())
    return Dataset(
        name="firestereo",
        spec=f"firestereo:{path}",
        splits=splits,
        protocol="firestereo",
        depth_range_m=DEPTH_RANGE_M,
        training_size=training_size_of(splits),
        licence="the publisher's terms: firestereo.github.io",
        note=note,
    )


def _list(root: Path, title: str) -> tuple[str, ...]:
    path = root / f"{title}_list.txt"
    return read_sequence_list(path) if path.is_file() else LISTS[title]


def _recording(root: Path, name: str, drop: Margins | None) -> Recording:
    thermal, depth = _folders(root / name)
    pictures, maps = _pngs(thermal), _pngs(depth)
    names = [name for name in pictures if name in maps]
    if not names:
        raise DataError(
            f"{depth}: no file is called as one in {thermal} ({_listing(depth)} against {_listing(thermal)})"
        )
    return Recording(
        name=name,
        condition=next(
            (c for prefix, c in CONDITION_OF_PLACE.items() if name.startswith(prefix)), ""
        ),
        sample_ids=[safe_id(f"firestereo-{name}-{Path(file).stem}") for file in names],
        root=root,
        thermal=Band(folder=thermal, names=names),
        depth=Band(folder=depth, names=names),
        read_thermal=partial(read_thermal, expect=ThermalUnit.COUNTS, drop=drop),
        read_depth=partial(read_depth_m, metres=METRES_PER_VALUE, stored="16-bit"),
        lenses=partial(_lenses, folder=thermal),
        unpaired=len(pictures.keys() ^ maps.keys()),
        decoding="" if drop is None else f"drop {drop}",
    )


def _lenses(size: tuple[int, int], *, folder: Path) -> Lenses:
    """The published camera at the size of the pictures."""
    rows, columns = size
    if abs(rows * NATIVE_SIZE[1] - columns * NATIVE_SIZE[0]) > NATIVE_SIZE[1]:
        raise DataError(
            f"{folder}: pictures of {columns}x{rows} are cut from the camera's "
            f"{NATIVE_SIZE[1]}x{NATIVE_SIZE[0]}, so its calibration does not hold; describe them by folder:"
        )
    scale_y, scale_x = rows / NATIVE_SIZE[0], columns / NATIVE_SIZE[1]
    matrix = resized(INTRINSICS, scale_x=scale_x, scale_y=scale_y)
    return Lenses(source="the published calibration", thermal=matrix)


def _folders(sequence: Path) -> tuple[Path, Path]:
    """The left pictures and the depth maps."""
    for thermal in sorted([sequence / "img_left", *sequence.glob("*/img_left")]):
        for beside in (thermal.parent, sequence):
            maps = [
                p for p in sorted(beside.iterdir()) if p.name.startswith("depth") and p.is_dir()
            ]
            if thermal.is_dir() and maps:
                return thermal, maps[0]
    raise DataError(
        f"{sequence}: expected the folders img_left and depth (found: {_listing(sequence)}); name them so, "
        "or describe the set by folder:"
    )


def _pngs(folder: Path) -> dict[str, None]:
    """The names of the pictures, numbers as numbers."""
    names = (path.name for path in folder.iterdir() if path.suffix.lower() == ".png")
    return dict.fromkeys(sorted(names, key=lambda name: (natural_order(name), name)))


def _listing(folder: Path) -> str:
    """What lies in a folder, for messages."""
    names = sorted((p.name for p in folder.iterdir()), key=natural_order)
    return first_names(names, room=4) if names else "nothing"
