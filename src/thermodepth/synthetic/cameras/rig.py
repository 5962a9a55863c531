"""Where the two cameras of a rig sit, and what they see.

Camera and body axes are right, down, ahead. The body is what a scene places; a still scene's camera pose
is its body pose. `coaxial` is the default: both bands through one lens, so that maps of one band are maps
of the other. A real rig has two lenses side by side, and nothing of the one fits the other without depth.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thermodepth.calibration import RGB, THERMAL, read_calibration, require_sound
from thermodepth.calibration.types import inverse
from thermodepth.camera import pinhole
from thermodepth.errors import SettingsError, unknown

FIELD_OF_VIEW_DEG = 60.0  # of the coaxial rig, across the width
DEFAULT_SIZE = (160, 128)
MIN_SIDE, MAX_SIDE = 32, 4096
_SAME_SHAPE = 0.02  # a size may differ this much from the rig's own aspect ratio


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RigCamera:
    """One camera of a rig."""

    width: int
    height: int
    intrinsics: NDArray[np.float64]  # [3 3] pixels, centre of the first pixel at (0.5, 0.5)
    body_from_camera: NDArray[np.float64]  # [4 4] metres


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rig:
    """A thermal and an RGB camera on one body."""

    name: str
    thermal: RigCamera
    rgb: RigCamera

    @property
    def rgb_from_thermal(self) -> NDArray[np.float64]:
        """[4 4] moves a point from thermal to RGB camera axes."""
        moved: NDArray[np.float64] = (
            np.linalg.inv(self.rgb.body_from_camera) @ self.thermal.body_from_camera
        )
        return moved

    @property
    def coaxial(self) -> bool:
        """Do both cameras share one pixel grid?"""
        a, b = self.thermal, self.rgb
        return (
            (a.width, a.height) == (b.width, b.height)
            and np.array_equal(a.intrinsics, b.intrinsics)
            and np.array_equal(a.body_from_camera, b.body_from_camera)
        )


def coaxial_rig(width: int, height: int) -> Rig:
    """Both bands through one lens of 60 degrees."""
    focal_px = width / 2 / math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)
    camera = RigCamera(
        width=width,
        height=height,
        intrinsics=pinhole(focal_px, width, height).astype(np.float64),
        body_from_camera=np.eye(4),
    )
    return Rig(name="coaxial", thermal=camera, rgb=camera)


#: MS2 ties its cameras to the left NIR camera: points from NIR axes to those of the others, metres.
MS2_FROM_NIR: dict[str, NDArray[np.float64]] = {
    "thermal": np.array(
        [
            [0.9999730578950035, 0.0053210199348064915, 0.005056701589926687, 0.06532481065667423],
            [-0.0044154107046164145, 0.9863290090929782, -0.1647288376999408, 0.3268561422208237],
            [-0.0058640968977101615, 0.1647020721439693, 0.9863259298016336, 0.5906938699678042],
            [0, 0, 0, 1],
        ]
    ),
    "rgb": np.array(
        [
            [0.9999629968713832, -0.004796518798754434, 0.007141309082734597, 0.05389841830406051],
            [0.004732837514323967, 0.9999491255761593, 0.008907665717645771, 0.001566374097284584],
            [-0.007183671558817264, -0.008873537450617388, 0.9999348254641743, 0.02251569932908944],
            [0, 0, 0, 1],
        ]
    ),
}


def ms2_rig() -> Rig:
    """The left thermal and RGB cameras of MS2 (Shin et al., CVPR 2023), from its published calibration.

    RGB 1224x384, thermal 640x256, 10.0 degrees and 0.66 m apart: the thermal camera sits 0.42 m above
    and 0.50 m behind the RGB camera and looks down. The body is the RGB camera.
    """
    return Rig(
        name="ms2",
        thermal=RigCamera(
            width=640,
            height=256,
            intrinsics=_centred(387.78695052, 300.82013702, 151.62576294),
            body_from_camera=MS2_FROM_NIR["rgb"] @ np.linalg.inv(MS2_FROM_NIR["thermal"]),
        ),
        rgb=RigCamera(
            width=1224,
            height=384,
            intrinsics=_centred(764.51387058, 579.54701233, 153.00541306),
            body_from_camera=np.eye(4),
        ),
    )


def _centred(focal_px: float, cx: float, cy: float) -> NDArray[np.float64]:
    """OpenCV counts from the centre of the first pixel, this project from its corner."""
    return np.array([[focal_px, 0, cx + 0.5], [0, focal_px, cy + 0.5], [0, 0, 1]], np.float64)


#: name -> how to make it, and its line in the help
RIGS: dict[str, tuple[Callable[[], Rig], str]] = {
    "coaxial": (lambda: coaxial_rig(*DEFAULT_SIZE), "both bands through one lens of 60 degrees"),
    "ms2": (ms2_rig, "MS2's left thermal and RGB cameras, 0.66 m and 10 degrees apart"),
}


def open_rig(name: str, size: tuple[int, int] | None = None) -> Rig:
    """A rig by its name in `RIGS`, or from a calibration file.

    Args:
        name: `coaxial`, `ms2` or the path of a calibration file.
        size: width and height of the thermal camera; the RGB camera is scaled alike. None: the rig's own.

    Raises:
        SettingsError: for an unknown name, or a size that is out of 32..4096 or changes the shape of
            the picture.
        DataError: for a broken file.
    """
    if size is not None and not MIN_SIDE <= min(size) <= max(size) <= MAX_SIDE:
        raise SettingsError(f"size {size[0]}x{size[1]}: expected {MIN_SIDE} to {MAX_SIDE} each")
    if name == "coaxial" and size is not None:
        return coaxial_rig(*size)
    if name in RIGS:
        rig = RIGS[name][0]()
    elif Path(name).suffix:
        rig = read_rig(Path(name).expanduser())
    else:
        raise SettingsError(unknown("rig", name, [*RIGS, "a calibration file"]))
    return rig if size is None else _scaled(rig, size)


def _scaled(rig: Rig, size: tuple[int, int]) -> Rig:
    width, height = size
    own = rig.thermal
    across, down = width / own.width, height / own.height
    if abs(across / down - 1) > _SAME_SHAPE:
        raise SettingsError(
            f"size {width}x{height}: the thermal camera of rig '{rig.name}' is "
            f"{own.width}x{own.height}; give a size of that shape, such as "
            f"{own.width // 2}x{own.height // 2}"
        )
    rgb_width, rgb_height = round(rig.rgb.width * across), round(rig.rgb.height * across)
    return replace(
        rig,
        thermal=_resized(own, width, height),
        rgb=_resized(rig.rgb, max(rgb_width, 1), max(rgb_height, 1)),
    )


def _resized(camera: RigCamera, width: int, height: int) -> RigCamera:
    factors = np.diag([width / camera.width, height / camera.height, 1.0])
    return replace(camera, width=width, height=height, intrinsics=factors @ camera.intrinsics)


def rig_facts(rig: Rig) -> dict[str, Any]:
    """The rig as plain numbers; as a JSON file it is a calibration that `read_rig` reads."""
    return {
        "name": rig.name,
        "axes": "right, down, ahead",
        "pixel_centre": 0.5,
        **{
            band: {
                "width": camera.width,
                "height": camera.height,
                "intrinsics": camera.intrinsics.tolist(),
                "body_from_camera": camera.body_from_camera.tolist(),
            }
            for band, camera in (("thermal", rig.thermal), ("rgb", rig.rgb))
        },
    }


def read_rig(path: Path) -> Rig:
    """A rig from a calibration file of any format that `thermodepth.calibration` reads.

    Raises:
        DataError: for a file that is no calibration, or one that nothing right can come of.
        SettingsError: for cameras that cannot be rendered: of unknown or odd size, or with a skew.
    """
    calibration = read_calibration(path)
    require_sound(calibration)
    cameras = {}
    for name in (THERMAL, RGB):
        camera = calibration.camera(name)
        calibration.relative(name, THERMAL)  # says so where the file does not tell where it sits
        width, height = camera.size or (0, 0)
        if not MIN_SIDE <= min(width, height) <= max(width, height) <= MAX_SIDE:
            size_text = f"{width}x{height}" if camera.size else "of unknown size"
            raise SettingsError(
                f"{path}: {name}: is {size_text}; expected {MIN_SIDE} to {MAX_SIDE} each"
            )
        if camera.intrinsics[0, 1] != 0:
            raise SettingsError(f"{path}: {name}: its pixels are skewed, which is not rendered")
        if camera.distortion is not None:
            warnings.warn(f"{path}: {name}: rendered without its lens distortion", stacklevel=2)
        cameras[name] = RigCamera(
            width=width,
            height=height,
            intrinsics=camera.intrinsics,
            body_from_camera=inverse(calibration.from_reference[name]),
        )
    # The file's whole name, so that no file passes for a preset.
    return Rig(name=path.name, thermal=cameras[THERMAL], rgb=cameras[RGB])
