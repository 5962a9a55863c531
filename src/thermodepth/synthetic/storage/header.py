"""`pack.json`: what all frames of a pack have in common."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings

FORMAT_VERSION = 2
#: Of packs whose frames have a camera each: `cameras.csv` and `sky/` are there too.
MANY_FORMAT_VERSION = 3
OWN_LENSES = ("several", "many")  # kinds of cameras in packs of that format
OFFSET_K, STEP_K = 150.0, 0.05
STEP_M = 1 / 256
NO_DEPTH = 0
LARGEST_SIDE_PX = 8192


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RgbCamera:
    """The RGB camera where it is not the thermal camera's pixel grid."""

    width: int
    height: int
    intrinsics: NDArray[np.float32]  # [3 3] pixels
    rgb_from_thermal: NDArray[np.float64]  # [4 4] metres


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Header:
    """The checked content of `pack.json`."""

    width: int
    height: int
    intrinsics: NDArray[np.float32]  # [3 3] of the thermal camera, pixels
    rig: str
    generator_version: int
    sensor: MicrobolometerSettings
    rgb: RgbCamera | None = None
    lidar: bool = False
    #: `one`; of `several` and `many` each frame has its own lens (`cameras.csv`) and a sky map, and size
    #: and intrinsics above are those of the default camera with as many pixels. Of `many` the core is
    #: another in each frame, too.
    cameras: str = "one"
    offset_k: float = OFFSET_K
    step_k: float = STEP_K
    step_m: float = STEP_M

    @property
    def own_lenses(self) -> bool:
        """Does `cameras.csv` say the lens of each frame?"""
        return self.cameras != "one"

    @property
    def any_core(self) -> bool:
        """Is the core of each frame another, in place of the one of `sensor`?"""
        return self.cameras == "many"

    @property
    def folders(self) -> dict[str, str]:
        """{folder of a map that every frame has: suffix of its files}."""
        present = {"rgb": "jpg", "temperature": "png", "depth": "png"}
        if self.lidar:
            present["lidar"] = "png"
        if self.rgb is not None:
            present["rgb_depth"] = "png"
        if self.own_lenses:
            present["sky"] = "png"
        return present

    def size_of(self, folder: str) -> tuple[int, int]:
        """(width, height) of the pictures in a folder."""
        if self.rgb is not None and folder in ("rgb", "rgb_depth"):
            return self.rgb.width, self.rgb.height
        return self.width, self.height

    def same_cameras(self, other: Header) -> bool:
        """Do both describe the same maps of the same cameras?"""
        return _cameras(self) == _cameras(other)

    def text(self) -> str:
        """As the file's content."""
        facts = {
            "format": "thermodepth pack",
            "format_version": MANY_FORMAT_VERSION if self.own_lenses else FORMAT_VERSION,
            # Packs of many cameras came first and do not say so.
            **({"cameras": "several"} if self.cameras == "several" else {}),
            "generator_version": self.generator_version,
            "rig": self.rig,
            "width": self.width,
            "height": self.height,
            "intrinsics": _numbers(self.intrinsics),
            "pixel_centre": 0.5,
            "temperature": {"offset_k": self.offset_k, "step_k": self.step_k},
            "depth": {"step_m": self.step_m, "no_value": NO_DEPTH},
            "lidar": self.lidar,
            "rgb": None
            if self.rgb is None
            else {
                "width": self.rgb.width,
                "height": self.rgb.height,
                "intrinsics": _numbers(self.rgb.intrinsics),
                "rgb_from_thermal": self.rgb.rgb_from_thermal.tolist(),
            },
            "sensor": asdict(self.sensor),
        }
        return json.dumps(facts, indent=2, allow_nan=False) + "\n"


def _numbers(matrix: NDArray[np.float32]) -> list[list[float]]:
    # Six decimals give back every float32 below 8192 that a camera matrix holds, and stay readable.
    rounded: list[list[float]] = matrix.astype(float).round(6).tolist()
    return rounded


def _cameras(header: Header) -> tuple[Any, ...]:
    rgb = header.rgb
    if header.own_lenses:
        return (header.cameras, header.lidar)
    own = () if rgb is None else (rgb.width, rgb.height, *rgb.intrinsics.flat)
    moved = () if rgb is None else tuple(rgb.rgb_from_thermal.flat)
    return (header.width, header.height, *header.intrinsics.flat, header.lidar, own, moved)


def parse_header(where: str, text: str) -> Header:
    """Check and take over the content of `pack.json`; `where` names the pack in messages.

    Raises:
        DataError: for another format version, and for anything missing, mistyped or out of bounds.
    """
    try:
        facts = json.loads(text)
        version = facts["format_version"]
        if version not in (FORMAT_VERSION, MANY_FORMAT_VERSION):
            raise DataError(f"{where}: {_other_version(version)}")
        header = Header(
            width=int(facts["width"]),
            height=int(facts["height"]),
            intrinsics=_matrix(facts["intrinsics"], 3).astype(np.float32),
            rig=str(facts["rig"]),
            generator_version=int(facts["generator_version"]),
            sensor=_parse_sensor(facts["sensor"]),
            rgb=_parse_rgb(facts["rgb"]),
            lidar=bool(facts["lidar"]),
            cameras=_kind_of_cameras(where, version, facts),
            offset_k=float(facts["temperature"]["offset_k"]),
            step_k=float(facts["temperature"]["step_k"]),
            step_m=float(facts["depth"]["step_m"]),
        )
    except SettingsError as error:
        raise DataError(f"{where}: 'pack.json' has an impossible sensor: {error}") from error
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{where}: 'pack.json' is broken: {error!r}") from error
    for name in ("temperature", "rgb"):
        sides = header.size_of(name)
        if not all(1 <= side <= LARGEST_SIDE_PX for side in sides):
            raise DataError(
                f"{where}: {name} size {sides[0]}x{sides[1]} is not within 1..{LARGEST_SIDE_PX}"
            )
    numbers = [header.offset_k, header.step_k, header.step_m, *header.intrinsics.flat]
    if header.rgb is not None:
        numbers += [*header.rgb.intrinsics.flat, *header.rgb.rgb_from_thermal.flat]
    if not all(math.isfinite(number) for number in numbers):
        raise DataError(f"{where}: 'pack.json' has a number that is not finite")
    return header


def _kind_of_cameras(where: str, version: int, facts: Mapping[str, Any]) -> str:
    if version == FORMAT_VERSION:
        return "one"
    cameras = facts.get("cameras", "many")
    if cameras not in OWN_LENSES:
        raise DataError(f"{where}: 'pack.json': {unknown('cameras', str(cameras), OWN_LENSES)}")
    return str(cameras)


def _other_version(version: object) -> str:
    if version == 1:
        return (
            "pack format 1 is no longer read: it has no poses and no sensor; render the pack again "
            "with `thermodepth data render`"
        )
    return (
        f"pack format {version!r} is unknown; this version reads {FORMAT_VERSION} and "
        f"{MANY_FORMAT_VERSION}"
    )


def _matrix(rows: Any, side: int) -> NDArray[np.float64]:
    return np.array(rows, np.float64).reshape(side, side)


def _parse_rgb(facts: Any) -> RgbCamera | None:
    if facts is None:
        return None
    return RgbCamera(
        width=int(facts["width"]),
        height=int(facts["height"]),
        intrinsics=_matrix(facts["intrinsics"], 3).astype(np.float32),
        rgb_from_thermal=_matrix(facts["rgb_from_thermal"], 4),
    )


def _parse_sensor(facts: Any) -> MicrobolometerSettings:
    defaults = {field.name: field.default for field in fields(MicrobolometerSettings)}
    for name, value in facts.items():
        if name not in defaults:
            raise ValueError(f"unknown sensor setting '{name}'")
        kind = str if isinstance(defaults[name], str) else (int, float)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise TypeError(f"sensor setting '{name}' is {value!r}")
    return MicrobolometerSettings(**facts)
