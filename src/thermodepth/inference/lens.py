"""What a person says of a camera's lens, as the focal length in pixels of a frame.

A focal length or a matrix counts pixels of the frame as it comes; a field of view is the angle across its
columns; a calibration file knows the size of its pictures, and frames of another size are taken as resized.
Whatever cannot be true of a frame is refused: a wrong lens makes every metre wrong by the same factor, and
nothing in the picture would show it.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from thermodepth.calibration import Distortion, find_calibration, read_calibration
from thermodepth.calibration.undistortion import applies, undistorted_rays
from thermodepth.camera import focal_of_view, pinhole, rays, view_of_focal
from thermodepth.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

NARROWEST_DEG, WIDEST_DEG = 1.0, 170.0  # of any pinhole; thermal cameras see 5 to 130
#: Of a focal length in pixels: beyond it millimetres are likelier, such as 35 for a frame of 640 columns.
WIDEST_BY_FOCAL_DEG = 150.0
_ASPECT = 0.01  # how much two sizes of one picture may differ in shape
_OTHER_WAYS = "give focal_px in pixels of the frame, or fov_deg"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lens:
    """A lens as a person knows it: one of `focal_px`, `fov_deg` and `intrinsics`."""

    focal_px: float | None = None  # in pixels of the frame
    fov_deg: float | None = None  # across the frame's columns
    intrinsics: NDArray[np.float64] | None = None  # [3 3]
    size: tuple[int, int] | None = (
        None  # (rows, columns) that `intrinsics` hold for; None: the frame's
    )
    source: str = ""  # the file that says so
    distortion: Distortion | None = None  # that rays follow; of a calibration

    @classmethod
    def from_options(
        cls,
        *,
        focal_px: float | None = None,
        fov_deg: float | None = None,
        intrinsics: Any = None,
        calibration: Path | str | None = None,
        cameras: Mapping[str, str] | None = None,
    ) -> Self | None:
        """The lens that was given, or None where nothing was.

        Args:
            focal_px: in pixels of the frame.
            fov_deg: across the frame's columns, degrees.
            intrinsics: `[3 3]`, or fx, fy, cx, cy, in pixels of the frame.
            calibration: a file of any format that is read here, or the folder of a data set that has one; its
                thermal camera counts.
            cameras: camera as that file names it -> `thermal`, where it does not say itself.

        Raises:
            SettingsError: for more than one of them, or one that cannot be.
            DataError: for a calibration that cannot be read.
        """
        ways = {
            "focal_px": focal_px,
            "fov_deg": fov_deg,
            "intrinsics": intrinsics,
            "calibration": calibration,
        }
        options = [name for name, value in ways.items() if value is not None]
        if len(options) > 1:
            raise SettingsError(f"{' and '.join(options)}: one of them says what the lens is")
        if cameras and calibration is None:
            raise SettingsError("cameras: names of cameras say nothing without a calibration")
        if focal_px is not None:
            _check(focal_px, "focal_px", above=0.0, below=float("inf"), unit="pixels")
            return cls(focal_px=float(focal_px))
        if fov_deg is not None:
            _check(fov_deg, "fov_deg", above=NARROWEST_DEG, below=WIDEST_DEG, unit="degrees across")
            return cls(fov_deg=float(fov_deg))
        if intrinsics is not None:
            return cls(intrinsics=_matrix(intrinsics))
        return None if calibration is None else cls._calibrated(Path(calibration), cameras or {})

    @classmethod
    def _calibrated(cls, path: Path, cameras: Mapping[str, str]) -> Self:
        calibration = read_calibration(find_calibration(path), cameras=cameras)
        camera = calibration.thermal
        for note in calibration.notes:
            warnings.warn(f"{calibration.source}: {note}", stacklevel=4)
        distortion = camera.distortion
        if distortion is not None:
            follow = "points follow it" if applies(distortion) else "points do not follow it"
            warnings.warn(
                f"{calibration.source}: {camera.name}: lens distortion ({distortion.model}) is not taken out "
                f"of the frames, so metres hold in their middle; {follow}",
                stacklevel=4,
            )
        return cls(
            intrinsics=camera.intrinsics,
            size=None if camera.size is None else camera.size[::-1],
            source=calibration.source,
            distortion=distortion if distortion is not None and applies(distortion) else None,
        )

    def focal_of(self, size: tuple[int, int]) -> float:
        """The focal length in pixels of a frame of (rows, columns), the geometric mean of both.

        Raises:
            SettingsError: for a lens that cannot be that of such a frame.
        """
        if self.fov_deg is not None:
            return focal_of_view(self.fov_deg, size[1])
        if self.focal_px is not None:
            return _plausible(self.focal_px, size, f"focal_px {self.focal_px:g}")
        assert self.intrinsics is not None
        where = self.source or "intrinsics"
        rows, columns = self.size or size
        scale_y, scale_x = size[0] / rows, size[1] / columns
        if abs(scale_x / scale_y - 1) > _ASPECT:
            raise SettingsError(
                f"{where}: calibrated at {columns}x{rows}, and the frame is {size[1]}x{size[0]}, another "
                f"shape: was it cut, or stretched? Its lens cannot be known from that; {_OTHER_WAYS}"
            )
        _check_principal_point(self.intrinsics, (rows, columns), where)
        focal_px = float(np.sqrt(self.intrinsics[0, 0] * self.intrinsics[1, 1] * scale_x * scale_y))
        return _plausible(focal_px, size, where)

    def intrinsics_of(self, size: tuple[int, int]) -> NDArray[np.float64]:
        """The matrix `[3 3]` in pixels of a frame of (rows, columns); its axis meets the middle where only an
        angle or a focal length is known.

        Raises:
            SettingsError: for a lens that cannot be that of such a frame.
        """
        focal_px = self.focal_of(size)
        if self.intrinsics is None:
            return np.asarray(pinhole(focal_px, size[1], size[0]), np.float64)
        rows, columns = self.size or size
        return np.diag([size[1] / columns, size[0] / rows, 1.0]) @ self.intrinsics

    def __str__(self) -> str:
        """Such as `lens 45 deg across`."""
        if self.fov_deg is not None:
            return f"lens {self.fov_deg:g} deg across"
        if self.focal_px is not None:
            return f"lens {self.focal_px:g} px"
        return f"lens of {Path(self.source).name}" if self.source else "lens by its intrinsics"

    def fingerprint(self) -> str:
        """Changes with the metres that it leads to."""
        matrix = None if self.intrinsics is None else self.intrinsics.tolist()
        parts = [self.focal_px, self.fov_deg, matrix, self.size]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def rescales(self, size: tuple[int, int]) -> str:
        """What is taken for granted where frames are not of the calibration's size; else an empty text."""
        if self.size is None or self.size == size:
            return ""
        return (
            f"{self.source}: calibrated at {self.size[1]}x{self.size[0]}, and frames are "
            f"{size[1]}x{size[0]}; they are taken as resized, not cut"
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameLens:
    """The lens that a prediction holds for."""

    intrinsics: NDArray[np.float64]  # [3 3] pixels of the frame, whose corner is at (0, 0)
    assumed: bool = False  # nobody stated it: it is the middle one of the model's training
    distortion: Distortion | None = None  # None: the rays of a pinhole

    @property
    def focal_px(self) -> float:
        """Focal length in pixels of the frame, the geometric mean of both."""
        return float(np.sqrt(self.intrinsics[0, 0] * self.intrinsics[1, 1]))

    def view_deg(self, columns: int) -> float:
        """What so many columns see, degrees."""
        return view_of_focal(float(self.intrinsics[0, 0]), columns)

    def rays(self, size: tuple[int, int]) -> NDArray[np.float32]:
        """`[3 h w]` the viewing ray of every pixel centre of (rows, columns), one metre ahead; NaN where the
        distortion of the lens lets none through. Read-only: the last ones are kept for the next frame.
        """
        matrix = np.ascontiguousarray(self.intrinsics, np.float64)
        return _rays(matrix.tobytes(), size, self.distortion)


@lru_cache(maxsize=2)
def _rays(
    intrinsics: bytes, size: tuple[int, int], distortion: Distortion | None
) -> NDArray[np.float32]:
    matrix = np.frombuffer(intrinsics, np.float64).reshape(3, 3)
    directions = (
        rays(matrix, size) if distortion is None else undistorted_rays(matrix, size, distortion)
    )
    directions.setflags(write=False)
    return directions


def network_focal(focal_px: float, size: tuple[int, int], inner: tuple[int, int]) -> float:
    """The focal length after a frame of `size` was resized to `inner`, both (rows, columns)."""
    return focal_px * float(np.sqrt((inner[0] / size[0]) * (inner[1] / size[1])))


def _check(value: Any, name: str, *, above: float, below: float, unit: str) -> None:
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(
        value, bool
    )
    if not number or not above < float(value) < below:
        limit = f"above {above:g}" if below == float("inf") else f"between {above:g} and {below:g}"
        raise SettingsError(f"{name} {value}: expected a number {limit}, in {unit}")


def _matrix(matrix: Any) -> NDArray[np.float64]:
    try:
        values = np.asarray(matrix, np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape == (4,):
        fx, fy, cx, cy = values
        values = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    is_camera = values.shape == (3, 3) and bool(np.isfinite(values).all())
    if not is_camera or values[2].tolist() != [0, 0, 1] or min(values[0, 0], values[1, 1]) <= 0:
        raise SettingsError(
            "intrinsics: expected a finite [3 3] pinhole matrix, or fx, fy, cx, cy, with positive focal "
            "lengths in pixels"
        )
    return values


def _check_principal_point(
    intrinsics: NDArray[np.float64], size: tuple[int, int], where: str
) -> None:
    """A matrix of a larger or smaller picture has its principal point far to one side, both ways alike."""
    cx, cy = float(intrinsics[0, 2]), float(intrinsics[1, 2])
    shares = cx / size[1], cy / size[0]
    if min(shares) <= 0 or max(shares) >= 1 or max(shares) < 0.3 or min(shares) > 0.7:
        raise SettingsError(
            f"{where}: the principal point ({cx:.0f}, {cy:.0f}) is not near the middle of a frame of "
            f"{size[1]}x{size[0]}; the matrix looks like one of pictures of about {2 * cx:.0f}x{2 * cy:.0f}. "
            f"Scale it with the picture; of a frame that was cut from a larger one {_OTHER_WAYS}"
        )


def _plausible(focal_px: float, size: tuple[int, int], where: str) -> float:
    view = view_of_focal(focal_px, size[1])
    if not NARROWEST_DEG < view < WIDEST_BY_FOCAL_DEG:
        raise SettingsError(
            f"{where}: with {focal_px:.4g} px a frame of {size[1]} columns would see {view:.3g} degrees "
            "across; is it in pixels of this frame, and not in millimetres?"
        )
    return focal_px
