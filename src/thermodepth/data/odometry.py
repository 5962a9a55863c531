"""How a rig moved between two exposures, from the poses of its frames."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.data.listing import read_numbers
from thermodepth.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ORTHONORMAL = 1e-3


def read_pose(path: Path) -> NDArray[np.float64]:
    """A `[4 4]` pose from a text file of 16 numbers.

    Raises:
        DataError: naming the file, for anything else than a rotation and a translation.
    """
    pose = read_numbers(path, count=16).reshape(4, 4)
    turn = pose[:3, :3]
    rigid = np.abs(turn @ turn.T - np.eye(3)).max() < _ORTHONORMAL and np.linalg.det(turn) > 0
    if not rigid or pose[3].tolist() != [0, 0, 0, 1]:
        raise DataError(f"{path}: not a pose: expected a rotation and a translation, 4x4")
    return pose


def motion_after(
    later_s: float, number: int, *, poses: Path, times_s: Mapping[int, float]
) -> NDArray[np.float64] | None:
    """`[4 4]` moves points from the camera's axes at its frame `number` to its axes `later_s` later.

    The pose in between follows from this frame's and its neighbour's in that direction: the step between
    them, taken in part along one screw. None where the neighbour has no pose or no time, or lies nearer
    than `later_s`.

    Args:
        later_s: negative for earlier.
        number: of the frame.
        poses: folder of `000012.txt`, each from its frame to a fixed one.
        times_s: of the frames.

    Raises:
        DataError: naming a pose file that is broken.
    """
    if later_s == 0:
        return np.eye(4)
    neighbour = number + (1 if later_s > 0 else -1)
    paths = [poses / f"{n:06d}.txt" for n in (number, neighbour)]
    if neighbour not in times_s or number not in times_s or not all(p.is_file() for p in paths):
        return None
    span = times_s[neighbour] - times_s[number]
    share = later_s / span if span else np.inf
    if not 0 <= share <= 1:
        return None
    pose, neighbour_pose = (read_pose(path) for path in paths)
    return np.asarray(
        np.linalg.inv(part_of(np.linalg.inv(pose) @ neighbour_pose, share)), np.float64
    )


def part_of(step: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """`[4 4]` the first `share` of a rigid step."""
    from scipy.linalg import expm, logm

    twist = logm(step)
    return np.asarray(expm(share * np.real(twist)), np.float64)
