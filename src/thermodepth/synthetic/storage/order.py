"""What is to be rendered: everything that decides the bytes, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from thermodepth.errors import SettingsError, unknown
from thermodepth.synthetic.cameras.lidar import MOST_CHANNELS
from thermodepth.synthetic.cameras.rig import Rig, rig_facts
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings
from thermodepth.synthetic.storage.header import FORMAT_VERSION, OWN_LENSES, Header, RgbCamera
from thermodepth.synthetic.weather.conditions import choose
from thermodepth.synthetic.worlds.world import LONGEST_SEQUENCE

CAMERAS = ("one", *OWN_LENSES)
CHUNK = 8  # frames of a sequence that are rendered in one go
_RANGES = {
    "frames": (1, LONGEST_SEQUENCE),
    "rate_hz": (0.01, 1000.0),
    "lidar_channels": (0, MOST_CHANNELS),
    "samples": (1, 16),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderOrder:
    """Scenes, cameras and sensor of a rendering. How many processes work on it does not matter.

    Raises:
        SettingsError: for no scenes, a scene in two splits, or a number that is out of range.
    """

    scenes: Mapping[str, Sequence[int]]  # split -> seeds
    rig: Rig
    frames: int = 1  # of each scene, at rate_hz
    rate_hz: float = 10.0
    lidar_channels: int = 0  # 0: no lidar
    samples: int = 2  # rays a pixel along each side
    condition: str | None = None  # None: drawn from each seed
    cameras: str = (
        "one"  # a name of CAMERAS; but for "one" the rig says how many pixels a frame has
    )
    sensor: MicrobolometerSettings = field(default_factory=MicrobolometerSettings)

    def __post_init__(self) -> None:
        if not any(self.scenes.values()):
            raise SettingsError("a rendering needs at least one scene in at least one split")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"{name} {value}: expected {low} to {high}")
        self._check_cameras()
        choose(np.random.default_rng(0), None, self.condition)  # refuses an unknown one
        split_of: dict[int, str] = {}
        for split, seeds in self.scenes.items():
            for seed in seeds:
                if not 0 <= seed < 10**18:
                    raise SettingsError(f"seed {seed}: must be 0 or more, of at most 18 digits")
                if (other := split_of.setdefault(seed, split)) != split:
                    raise SettingsError(f"seed {seed} is in both '{other}' and '{split}'")

    def _check_cameras(self) -> None:
        if self.cameras not in CAMERAS:
            raise SettingsError(unknown("cameras", self.cameras, CAMERAS))
        if self.cameras in OWN_LENSES:
            if self.frames > 1:
                raise SettingsError(
                    f"{self.frames} frames of each scene: of {self.cameras} cameras there are stills only"
                )
            if self.rig.name != "coaxial":
                raise SettingsError(
                    f"rig '{self.rig.name}': {self.cameras} cameras have lenses of their own"
                )

    @property
    def total(self) -> int:
        """Frames in all."""
        return self.frames * sum(len(seeds) for seeds in self.scenes.values())

    def chunks(self) -> Iterator[tuple[str, int, range]]:
        """(split, seed, frames of the sequence) of each piece of work, in the order of the index."""
        for split, seeds in self.scenes.items():
            for seed in seeds:
                for first in range(0, self.frames, CHUNK):
                    yield split, seed, range(first, min(first + CHUNK, self.frames))

    def header(self, generator_version: int) -> Header:
        """`pack.json` of what is rendered."""
        thermal, rgb = self.rig.thermal, self.rig.rgb
        own_view = None
        if not self.rig.coaxial:
            own_view = RgbCamera(
                width=rgb.width,
                height=rgb.height,
                intrinsics=rgb.intrinsics.astype(np.float32),
                rgb_from_thermal=self.rig.rgb_from_thermal,
            )
        return Header(
            width=thermal.width,
            height=thermal.height,
            intrinsics=thermal.intrinsics.astype(np.float32),
            rig=self.rig.name,
            generator_version=generator_version,
            sensor=self.sensor,
            rgb=own_view,
            lidar=self.lidar_channels > 0,
            cameras=self.cameras,
        )

    def facts(self, generator_version: int) -> dict[str, Any]:
        """As plain numbers, for comparing one order with another."""
        # Only what differs is added: an order for one camera reads as it always did.
        many = {"cameras": self.cameras} if self.cameras != "one" else {}
        return {
            **many,
            "format_version": FORMAT_VERSION,
            "generator_version": generator_version,
            "scenes": {split: _ranges(seeds) for split, seeds in self.scenes.items() if seeds},
            "rig": rig_facts(self.rig),
            "frames": self.frames,
            "rate_hz": self.rate_hz,
            "lidar_channels": self.lidar_channels,
            "samples": self.samples,
            "condition": self.condition,
            "sensor": asdict(self.sensor),
        }


def _ranges(seeds: Sequence[int]) -> str:
    """[0, 1, 2, 7] -> "0-2,7"."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and seed == runs[-1][1] + 1:
            runs[-1][1] = seed
        else:
            runs.append([seed, seed])
    return ",".join(f"{a}-{b}" if b > a else str(a) for a, b in runs)
