"""One camera at one place: its pixels as rays.

Pixel convention: the centre of the first pixel is at (0.5, 0.5), so a pixel (row, column) of a camera with
focal length f and principal point (cx, cy) sees x = (column + 0.5 - cx) / f, y = (row + 0.5 - cy) / f.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from thermodepth.synthetic.cameras.rig import RigCamera, coaxial_rig
from thermodepth.synthetic.space.vectors import Array


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A pinhole camera in the world."""

    camera: RigCamera
    world_from_camera: NDArray[np.float64]  # [4 4], camera axes right, down, ahead

    @classmethod
    def ahead_of(cls, world_from_body: NDArray[np.float64]) -> Self:
        """A few coarse pixels of the default lens: enough to see whether something is in the way."""
        return cls(coaxial_rig(20, 16).thermal, world_from_body)

    @property
    def origin(self) -> Array:
        """[3] the centre of projection."""
        centre: Array = self.world_from_camera[:3, 3]
        return centre

    @property
    def focal_px(self) -> float:
        """Mean of the two focal lengths."""
        return float(self.camera.intrinsics[0, 0] + self.camera.intrinsics[1, 1]) / 2

    def rays(self, samples: int) -> tuple[Array, Array, Array]:
        """Origin [3], unit directions [n 3], and how far a ray runs per metre of depth [n].

        n = height * samples * width * samples, row by row; samples lie on an even grid inside each pixel.
        """
        (fx, _, cx), (_, fy, cy), _ = self.camera.intrinsics.tolist()
        x = ((np.arange(self.camera.width * samples) + 0.5) / samples - cx) / fx
        y = ((np.arange(self.camera.height * samples) + 0.5) / samples - cy) / fy
        across, down = np.meshgrid(x, y)
        right, below, ahead = self.world_from_camera[:3, :3].T
        rays = across[..., None] * right + down[..., None] * below + ahead
        stretch = np.linalg.norm(rays, axis=-1)
        directions = (rays / stretch[..., None]).reshape(-1, 3).astype(np.float32)
        return self.origin.astype(np.float32), directions, stretch.reshape(-1).astype(np.float32)
