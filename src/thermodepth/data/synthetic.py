"""The synthetic set: a pack of rendered streets and rooms, with sensor noise drawn at reading.

A pack holds what the optics deliver: noise-free apparent temperature, RGB and exact depth. The camera
electronics (fixed pattern, temporal noise, drift, 14-bit counts) are a seeded model that runs here, so
training sees fresh noise in every epoch while validation and test keep one standing draw.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np

from thermodepth.data.frames import Dataset
from thermodepth.errors import DataError
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings, counts
from thermodepth.synthetic.storage.pack import Pack
from thermodepth.types import Sample, ThermalUnit

DEPTH_RANGE_M = (0.3, 80.0)
CACHE_BYTES = 1 << 30  # decoded maps of a split that stay in memory


class SyntheticFrames:
    """One split of a pack."""

    noise_is_drawn = True

    def __init__(self, pack: Pack, sample_ids: Sequence[str], fingerprint: str) -> None:
        self._pack = pack
        self._fingerprint = fingerprint
        self.sample_ids = list(sample_ids)
        self._sensor = MicrobolometerSettings()
        self._maps: dict[int, Sample] = {}
        height, width = pack.size
        self._most_kept = CACHE_BYTES // (8 * height * width)

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        sample_id = self.sample_ids[index]
        if with_rgb or index not in self._maps:
            frame = self._pack.read(sample_id)
            sample = Sample(
                sample_id=sample_id,
                thermal=frame.apparent_temperature_k,
                thermal_unit=ThermalUnit.COUNTS,
                intrinsics=frame.intrinsics,
                depth_m=frame.depth_m,
                sequence=re.sub(r"-v\d+$", "", sample_id),  # further views of a scene end in -v1
                condition=f"{frame.kind}-{frame.condition}",
            )
            if len(self._maps) < self._most_kept:
                self._maps[index] = sample
            if with_rgb:
                sample = replace(sample, rgb=frame.rgb)
        else:
            sample = self._maps[index]
        rng = np.random.default_rng([zlib.crc32(sample_id.encode()), draw])
        return replace(sample, thermal=counts(sample.thermal, rng, self._sensor))

    def fingerprint(self) -> str:
        return self._fingerprint


def shipped_pack() -> Path:
    """The pack inside the installed package."""
    return Path(str(files("thermodepth") / "assets" / "synthetic-pack.zip"))


def open_synthetic(path: Path | None) -> Dataset:
    """Open the shipped pack, or another one.

    Raises:
        DataError: naming the file, when it is missing or not a pack.
    """
    file = path or shipped_pack()
    if not file.is_file():
        raise DataError(
            f"{file}: no such pack. Leave the path out for the shipped one, or render one with "
            "`thermodepth data render --out FILE.zip`"
        )
    pack = Pack.open(file)
    with file.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    height, width = pack.size
    return Dataset(
        name="synthetic",
        spec="synthetic" if path is None else f"synthetic:{path}",
        splits={
            split: SyntheticFrames(
                pack, [row.frame_id for row in pack.of(split)], f"{content}/{split}"
            )
            for split in pack.splits
        },
        protocol="synthetic",
        depth_range_m=DEPTH_RANGE_M,
        training_size=(height, width),
        licence="Apache-2.0",
        note=f"rendered streets and rooms, {len(pack.rows)} frames of {width}x{height}",
    )
