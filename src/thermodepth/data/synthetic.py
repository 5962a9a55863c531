"""The synthetic set: a pack of rendered streets and rooms, with sensor noise drawn at reading.

A pack holds what the optics deliver: noise-free apparent temperature, RGB and exact depth. The camera
electronics (fixed pattern, temporal noise, drift, 14-bit counts) are a seeded model that runs here, with
the sensor that the pack names, so training sees fresh noise in every epoch while validation and test keep
one standing draw. While the shutter is closed the camera shows its last picture; depth goes on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np

from thermodepth.data.frames import Dataset
from thermodepth.errors import DataError
from thermodepth.synthetic.sensors.microbolometer import kelvin_of_counts
from thermodepth.synthetic.storage.pack import IndexRow, Pack
from thermodepth.synthetic.storage.thermal import frozen, raw_frame
from thermodepth.types import Sample, ThermalUnit

DEPTH_RANGE_M = (0.3, 80.0)
CACHE_BYTES = 1 << 30  # decoded maps of a split that stay in memory


class SyntheticFrames:
    """One split of a pack."""

    noise_is_drawn = True

    def __init__(self, pack: Pack, split: str, frozen_frames: Mapping[str, IndexRow]) -> None:
        self._pack = pack
        self._split = split
        self.sample_ids: Sequence[str] = [row.frame_id for row in pack.rows_of(split)]
        self._index_rows = [frozen_frames.get(name, pack.row(name)) for name in self.sample_ids]
        sensor = pack.header.sensor
        self._radiometric = sensor.mode == "radiometric"
        self._maps: dict[int, Sample] = {}  # thermal: noise-free kelvin
        height, width = pack.size
        self._most_cached = CACHE_BYTES // (8 * height * width)

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        sample = self._maps.get(index) or self._decoded(index)
        if with_rgb:
            sample = replace(
                sample,
                rgb=self._pack.rgb(sample.sample_id),
                rgb_view=self._pack.rgb_view(sample.sample_id),
            )
        sensor = self._pack.header.sensor
        counts = raw_frame(
            sample.thermal,
            self._index_rows[index],
            sensor,
            draw=draw,
            any_core=self._pack.header.any_core,
        )
        if self._radiometric:
            return replace(sample, thermal=kelvin_of_counts(counts, sensor))
        unit = ThermalUnit.DISPLAY if counts.dtype == np.uint8 else ThermalUnit.COUNTS
        return replace(sample, thermal=counts, thermal_unit=unit)

    def condition(self, index: int) -> str:
        row = self._pack.row(self.sample_ids[index])
        return f"{row.kind}-{row.condition}"

    def check_beside(self, index: int) -> None:
        self._pack.check_beside(self.sample_ids[index])

    def _decoded(self, index: int) -> Sample:
        name = self.sample_ids[index]
        row = self._pack.row(name)
        depth_m, sky = self._pack.depth_m(name), self._pack.sky(name)
        sample = Sample(
            sample_id=name,
            thermal=self._pack.kelvin(self._index_rows[index].frame_id),
            thermal_unit=ThermalUnit.KELVIN if self._radiometric else ThermalUnit.COUNTS,
            intrinsics=self._pack.intrinsics(name),
            depth_m=depth_m,
            # One camera's pack keeps no sky map: there nothing else has no depth, but for the field
            # beyond 256 m, which is thinner than a row.
            sky=np.isnan(depth_m) if sky is None else sky,
            # Further views of a scene end in -v1 and are not frames of one recording, yet one scene.
            sequence=row.sequence or re.sub(r"-v\d+$", "", name),
            condition=self.condition(index),
        )
        if len(self._maps) < self._most_cached:
            self._maps[index] = sample
        return sample

    def fingerprint(self) -> str:
        return f"{self._pack.fingerprint()}/{self._split}"


def shipped_pack() -> Path:
    """The pack inside the installed package."""
    return Path(str(files("thermodepth") / "assets" / "synthetic-pack.zip"))


def open_synthetic(path: Path | None) -> Dataset:
    """Open the shipped pack, or another one: a zip file or a folder.

    Raises:
        DataError: naming the file, when it is missing or not a pack.
    """
    pack_path = path or shipped_pack()
    if not pack_path.exists() or (pack_path.is_dir() and not any(pack_path.iterdir())):
        raise DataError(
            f"{pack_path}: no such pack. Leave the path out for the shipped one, or render one with "
            "`thermodepth data render --out DIR`"
        )
    pack = Pack.open(pack_path)
    try:
        frozen_frames = frozen(pack.rows, pack.header.sensor)
    except DataError as error:
        raise DataError(f"{pack_path}: 'index.csv': {error}") from None
    height, width = pack.size
    note = f"rendered streets and rooms, {len(pack.rows)} frames of {width}x{height}"
    if pack.header.cameras == "several":
        note += " through five lenses"
    elif pack.header.cameras == "many":
        note = (
            f"rendered scenes, {len(pack.rows)} frames of as many pixels as {width}x{height}, each by a "
            "camera of its own"
        )
    if pack.header.rgb is not None:
        note += "; RGB is another camera's view"
    return Dataset(
        name="synthetic",
        spec="synthetic" if path is None else f"synthetic:{path}",
        splits={split: SyntheticFrames(pack, split, frozen_frames) for split in pack.splits},
        protocol="synthetic",
        depth_range_m=DEPTH_RANGE_M,
        training_size=(height, width),
        licence="Apache-2.0",
        note=note,
    )
