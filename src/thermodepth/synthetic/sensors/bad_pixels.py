"""Pixels of a focal plane array that do not answer to the scene: dead, hot and blinking ones.

They come in clusters of a few, as one flaw of the wafer takes its neighbours with it, and they belong to
the camera: the same ones in every frame, and a shutter event does not mend them.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

_LARGEST_CLUSTER = 4


class BadPixel(IntEnum):
    """What stands in the map of bad pixels."""

    GOOD = 0
    DEAD = 1  # reads 0
    HOT = 2  # reads full scale
    BLINKING = 3  # random telegraph noise: jumps by a fixed step, on or off in each frame


def draw_bad_pixels(
    shape: tuple[int, int], share: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """[h w] of `BadPixel`, of which exactly round(share h w) are not good.

    A cluster is a random walk of up to four pixels, all of one kind.
    """
    rows, columns = shape
    pixels = np.zeros(shape, np.uint8)
    missing = round(share * rows * columns)
    while missing > 0:
        row, column = int(rng.integers(rows)), int(rng.integers(columns))
        kind = rng.integers(BadPixel.DEAD, BadPixel.BLINKING + 1)
        size = min(int(rng.integers(1, _LARGEST_CLUSTER + 1)), missing)
        for down, right in rng.integers(-1, 2, (size, 2)).tolist():
            if pixels[row, column] == BadPixel.GOOD:
                pixels[row, column] = kind
                missing -= 1
            row, column = (
                min(max(row + down, 0), rows - 1),
                min(max(column + right, 0), columns - 1),
            )
    return pixels
