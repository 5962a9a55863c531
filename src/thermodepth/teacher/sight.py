"""Does a teacher look at the picture? A network that sees black still draws a scene.

Fed numbers of the wrong range, a depth model gives the layout that it knows by heart, near below and far
above, and that correlates with the truth of most scenes. What it cannot do is answer a picture. So it is
shown a frame and, of the same size, tiles that are no scene at all:

    response = mean |m - m'| / mean of the two mean deviations of m and m'

The built-in teacher responds by 1.8 to 3.4 on twenty frames, and fed a 255th of the contrast by .016 to .067.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.teacher.interface import Teacher, rgb_of
from thermodepth.types import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Below this the answer does not depend on the picture.
LEAST_RESPONSE = 0.15
_TILES = 5  # along the short side


def blindness(teacher: Teacher, sample: Sample) -> str:
    """What to warn of, when the teacher answers a frame and a pattern of tiles with one map; else "".

    Args:
        teacher: of pictures on their own grid.
        sample: any frame with RGB.

    Raises:
        TeacherError: as the teacher does.
    """
    picture = rgb_of(sample)
    tiles = replace(sample, rgb=_tiles((picture.shape[0], picture.shape[1])))
    response = map_response(*teacher.label([sample, tiles]))
    if response >= LEAST_RESPONSE:
        return ""
    return (
        f"{teacher.description}: gives nearly the same map for frame {sample.sample_id} and for a pattern of "
        f"tiles (they differ by {response:.1%} of their own spread): it does not see its pictures. "
        "Most often it is fed another range than it wants (0 to 1 for 0 to 255): see teacher.normalise. A "
        "good score against the truth is then the layout of the scenes, which any ramp over the rows gets too"
    )


def map_response(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """How far two maps `[h w]` differ, in units of their own mean deviation; 0 for two equal ones."""
    a, b = (np.asarray(values, np.float64) for values in (first, second))
    difference = float(np.nanmean(np.abs(a - b)))
    if difference == 0.0:
        return 0.0
    deviation = sum(float(np.nanmean(np.abs(m - np.nanmedian(m)))) for m in (a, b)) / 2
    return difference / deviation if deviation > 0 else float("inf")


def _tiles(size: tuple[int, int]) -> NDArray[np.uint8]:
    """`[h w 3]` tiles of fixed random colours: like no scene and no ramp."""
    side = max(min(size) // _TILES, 1)
    rows, columns = (np.arange(length) // side for length in size)
    pattern = np.random.default_rng(0).integers(0, 256, (97, 97, 3), dtype=np.uint8)
    tiles: NDArray[np.uint8] = pattern[np.ix_(rows % 97, columns % 97)]
    return tiles
