"""The sets of real recordings: which files, through which lens, against which truth or reference.

    watch   road-watch/      streets; reference: inverse depth of another network from the RGB twin
    pairs   road-pairs/      more of them, for measuring at the end: never scored unless it is named
    mm5     mm5-half/        table tops with depth, by placement of the camera
    ms2     ms2/             one street by stereo of the RGB pair, moved into the thermal view
    drone   drone/           flat ground from above: depth from altitude, pitch and focal length
    video   video/           consecutive frames of a drive, without any truth

What each is, its units and its licence stand in the README of the folder of recordings.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from thermodepth.camera import focal_of_view, pinhole
from thermodepth.data import open_dataset
from thermodepth.data.reference_frames import read_reference_frames
from thermodepth.errors import DataError
from thermodepth.files import pictures_in
from thermodepth.thermal import read_thermal
from thermodepth.types import Sample

ROAD_VIEW_DEG = 45.0  # across the whole width of the FLIR and Fieldscale cameras
MS2_RANGE_M = (0.5, 80.0)  # beyond it stereo of that baseline is a guess
GROUND_RANGE_M = (1.0, 1500.0)
#: Of the drone's camera in pixels of 640 columns, by altitude: from the length of parked cars at nadir.
DRONE_FOCAL_PX, DRONE_HIGH_M = (1350.0, 2000.0), 80.0
_DRONE_NAME = re.compile(r"[01]_(?P<altitude>[0-9]{1,4})_(?P<pitch>[0-9]{1,2})_.*")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One frame and what it is compared with: `sample.depth_m`, `reference`, or nothing."""

    sample: Sample
    reference: NDArray[np.float64] | None = None  # [h' w'] inverse depth up to factor and offset

    @property
    def truth_m(self) -> NDArray[np.float32]:
        """`[h w]` metres, of a frame that is compared with truth."""
        assert self.sample.depth_m is not None
        return self.sample.depth_m

    @property
    def inverse(self) -> NDArray[np.float64]:
        """The reference, of a frame that is compared with one."""
        assert self.reference is not None
        return self.reference

    @property
    def recording(self) -> str:
        """Frames of one recording are not independent, and intervals take them together."""
        return self.sample.sequence or self.sample.sample_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Frames that make one table."""

    title: str
    frames: Sequence[Frame]
    range_m: tuple[float, float] = (0.0, 0.0)  # of the truth that counts


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSet:
    """A set by its name."""

    name: str
    folder: str  # in the folder of recordings
    compared_with: Literal["reference", "truth", "nothing"]
    read: Callable[[Path, int], Iterator[Part]]  # the set's folder; every how many-th frame of many
    has_rgb: bool = False  # on the thermal pixel grid
    only_when_named: bool = False


def _read_roads(folder: Path, every: int) -> Iterator[Part]:
    del every  # few frames
    spec = Path(f"{folder}?fov={ROAD_VIEW_DEG:g}")
    frames = [
        Frame(sample=each.sample, reference=each.reference)
        for each in read_reference_frames(spec, with_rgb=(folder / "rgb").is_dir())
    ]
    yield Part(title=folder.name, frames=frames)


def _read_mm5(folder: Path, every: int) -> Iterator[Part]:
    dataset = open_dataset(f"mm5:{folder}")
    for split, title in (("test", "1 to 106"), ("train", "107 to 261"), ("val", "262 to 324")):
        frames = dataset.split(split)
        places = range(0, len(frames.sample_ids), every)
        yield Part(
            title=f"mm5, placement of frames {title}",
            frames=[Frame(sample=frames.read(place)) for place in places],
            range_m=dataset.depth_range_m,
        )


def _read_ms2(folder: Path, every: int) -> Iterator[Part]:
    del every
    transfer_picture = _transfer_picture()
    frames = []
    for left in transfer_picture.left_pictures(folder):
        sample, transfer = transfer_picture.stereo_in_thermal_view(left)
        depth_m = within(1 / transfer.label, MS2_RANGE_M)
        frames.append(Frame(sample=with_truth(sample, depth_m)))
    if not frames:
        raise DataError(f"{folder}: no sync_data/SEQUENCE/rgb/img_left/FRAME.png")
    yield Part(title="ms2, stereo of the RGB pair", frames=frames, range_m=MS2_RANGE_M)


def _read_drone(folder: Path, every: int) -> Iterator[Part]:
    del every
    frames = []
    for path in pictures_in(folder):
        match = _DRONE_NAME.fullmatch(path.stem)
        if match is None:
            raise DataError(
                f"{path}: expected a name T_ALTITUDE_PITCH_W_N, such as 0_100_30_0_03284"
            )
        thermal, unit = read_thermal(path)
        altitude_m, pitch_deg = float(match["altitude"]), float(match["pitch"])
        height, width = thermal.shape
        focal_px = DRONE_FOCAL_PX[altitude_m >= DRONE_HIGH_M] * width / 640
        ground_m = ground_depth(
            (height, width), altitude_m=altitude_m, pitch_deg=pitch_deg, focal_px=focal_px
        )
        sample = Sample(
            sample_id=path.stem,
            thermal=thermal,
            thermal_unit=unit,
            intrinsics=pinhole(focal_px, width, height),
        )
        frames.append(Frame(sample=with_truth(sample, within(ground_m, GROUND_RANGE_M))))
    yield Part(title="drone, flat ground", frames=frames, range_m=GROUND_RANGE_M)


def _read_video(folder: Path, every: int) -> Iterator[Part]:
    del every  # neighbours are what is looked at
    frames = []
    for path in pictures_in(folder):
        thermal, unit = read_thermal(path)
        height, width = thermal.shape
        intrinsics = pinhole(focal_of_view(ROAD_VIEW_DEG, width), width, height)
        sample = Sample(
            sample_id=path.stem,
            thermal=thermal,
            thermal_unit=unit,
            intrinsics=intrinsics,
            sequence=folder.name,
        )
        frames.append(Frame(sample=sample))
    yield Part(title="video, consecutive frames", frames=frames)


SETS: dict[str, RecordedSet] = {
    row.name: row
    for row in (
        RecordedSet(
            name="watch",
            folder="road-watch",
            compared_with="reference",
            read=_read_roads,
            has_rgb=True,
        ),
        RecordedSet(
            name="pairs",
            folder="road-pairs",
            compared_with="reference",
            read=_read_roads,
            has_rgb=True,
            only_when_named=True,
        ),
        RecordedSet(
            name="mm5", folder="mm5-half", compared_with="truth", read=_read_mm5, has_rgb=True
        ),
        RecordedSet(name="ms2", folder="ms2", compared_with="truth", read=_read_ms2),
        RecordedSet(name="drone", folder="drone", compared_with="truth", read=_read_drone),
        RecordedSet(name="video", folder="video", compared_with="nothing", read=_read_video),
    )
}


def ground_depth(
    size: tuple[int, int], *, altitude_m: float, pitch_deg: float, focal_px: float
) -> NDArray[np.float32]:
    """`[h w]` metres along the axis of a camera above a flat ground; NaN at and above the horizon.

    A pixel in row y below the axis sees a point at depth z that lies z (sin p + y/f cos p) below the camera.

    Args:
        size: (rows, columns).
        altitude_m: of the camera above the ground.
        pitch_deg: of its axis below the horizon.
        focal_px: in pixels of the frame.
    """
    rows, columns = size
    pitch = math.radians(pitch_deg)
    below_axis = (np.arange(rows) + 0.5 - rows / 2) / focal_px
    fall = math.sin(pitch) + below_axis * math.cos(pitch)  # metres of height a metre of depth
    depth = np.full(rows, np.nan)
    np.divide(altitude_m, fall, out=depth, where=fall > 0)
    return np.repeat(depth[:, None], columns, axis=1).astype(np.float32)


def within(depth_m: NDArray[np.floating], range_m: tuple[float, float]) -> NDArray[np.float32]:
    """Metres, NaN outside of a range."""
    near_m, far_m = range_m
    with np.errstate(invalid="ignore"):
        inside = (depth_m > near_m) & (depth_m < far_m)
    return np.where(inside, depth_m, np.nan).astype(np.float32)


def with_truth(sample: Sample, depth_m: NDArray[np.float32]) -> Sample:
    """The thermal side of a sample, with this truth."""
    return Sample(
        sample_id=sample.sample_id,
        thermal=sample.thermal,
        thermal_unit=sample.thermal_unit,
        intrinsics=sample.intrinsics,
        depth_m=depth_m,
        sequence=sample.sequence,
    )


def _transfer_picture() -> ModuleType:
    """tools/transfer_picture.py, which draws the same truth."""
    tools = str(Path(__file__).resolve().parents[2] / "tools")
    if tools not in sys.path:
        sys.path.append(tools)
    import transfer_picture

    return transfer_picture
