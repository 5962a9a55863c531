"""What a calibration says: the cameras of a rig and where they sit.

Pixels: the centre of the first one lies at (0.5, 0.5). Camera axes are right, down, ahead, lengths are
metres, and `a_from_b` moves a point from b's axes to a's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import DataError, unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

#: The two cameras that everything here is about; others keep the name that the file gives them.
THERMAL, RGB = "thermal", "rgb"


def inverse(moved: Matrix) -> Matrix:
    """`b_from_a` of `a_from_b`, also where the rotation is not quite one."""
    return np.linalg.inv(moved).astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distortion:
    """What the lens does beyond a pinhole, as the file gives it. Nothing here applies it."""

    model: str  # radtan, rational, equidistant, fov
    coefficients: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Camera:
    """One camera of a calibration."""

    name: str
    width: int | None  # None: the file does not say
    height: int | None
    intrinsics: Matrix  # [3 3] pixels
    distortion: Distortion | None = None

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height), where both are known."""
        if self.width is None or self.height is None:
            return None
        return self.width, self.height


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """Cameras by name, and what brings points of one common frame into the axes of each.

    A camera without an entry in `from_reference` has intrinsics only.
    """

    cameras: Mapping[str, Camera]
    from_reference: Mapping[str, Matrix]  # name -> [4 4] metres
    source: str  # what messages call it: mostly the path
    notes: tuple[str, ...] = ()  # what the reader had to take from elsewhere
    #: What it could not make sense of, a sentence each: keys that look like ours and were not taken, numbers
    #: that contradict each other.
    doubts: tuple[str, ...] = ()

    def camera(self, name: str) -> Camera:
        """A camera by its name.

        Raises:
            DataError: where there is none.
        """
        if name not in self.cameras:
            raise DataError(f"{self.source}: {unknown('camera', name, self.cameras)}")
        return self.cameras[name]

    def relative(self, to: str, from_: str) -> Matrix:
        """`[4 4]` metres: moves a point from the axes of `from_` to those of `to`.

        Raises:
            DataError: for a camera that is not there, or whose place the file does not give.
        """
        for name in (to, from_):
            self.camera(name)
            if name not in self.from_reference:
                raise DataError(
                    f"{self.source}: has intrinsics of '{name}' but not where it sits; a rig needs a "
                    "rotation and a translation between its cameras"
                )
        return self.from_reference[to] @ inverse(self.from_reference[from_])

    @property
    def thermal(self) -> Camera:
        """The thermal camera; `DataError` where there is none."""
        return self.camera(THERMAL)

    @property
    def rgb(self) -> Camera:
        """The RGB camera; `DataError` where there is none."""
        return self.camera(RGB)

    @property
    def rgb_from_thermal(self) -> Matrix:
        """`[4 4]` metres; `DataError` where the file does not tie the two together."""
        return self.relative(RGB, THERMAL)
