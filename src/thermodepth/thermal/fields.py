"""Local fields: each part of a frame is stretched between a low and a high of its own neighbourhood.

A global stretch spends its contrast on the one hot engine. Here the frame is cut into tiles, each tile
has a low and a high, tiles that stand out of their neighbours are brought back towards them, tiles listen
to their neighbours until the two fields are smooth, and both are interpolated over the pixels. The hot
engine then saturates, and the wall beside it keeps its contrast.

After the idea of Gil, Jeon and Kim, "Fieldscale: Locality-Aware Field-based Adaptive Rescaling for
Thermal Infrared Image", RA-L 2024. Theirs limits a tile in counts; here the limit is a multiple of the
median span of a tile, so that gain and offset of the camera change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def local_range(
    raw: NDArray[np.float32], *, tiles: int, passes: int, extremes: float, min_span: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The low and the high of every pixel's neighbourhood.

    Args:
        raw: a frame `[h w]`.
        tiles: to a side; at most one a pixel.
        passes: how often tiles that stand out are brought back, and how often tiles then listen.
        extremes: how far a tile may stand out, in median spans of a tile.
        min_span: the least that counts as a span, in the unit of the frame.

    Returns:
        Two fields `[h w]`, in the unit of the frame.
    """
    rows, columns = min(tiles, raw.shape[0]), min(tiles, raw.shape[1])
    low = _pooled(np.minimum, raw, rows, columns)
    high = _pooled(np.maximum, raw, rows, columns)
    room = extremes * max(float(np.median(high - low)), min_span)
    # Of a hot block of several tiles only the rim stands out: it is taken off from outside inwards, and
    # before the tiles listen to each other, or they would hear of it.
    for _ in range(passes):
        low, high = _suppressed(low, room), _suppressed(high, room)
    for _ in range(passes):
        low, high = _mean_of_nine(low), _mean_of_nine(high)
    return _enlarged(low, raw.shape), _enlarged(high, raw.shape)


def _pooled(
    extreme: np.ufunc, raw: NDArray[np.float32], rows: int, columns: int
) -> NDArray[np.float32]:
    """The extreme of every tile, `[rows columns]`."""
    top = np.arange(rows) * raw.shape[0] // rows
    left = np.arange(columns) * raw.shape[1] // columns
    pooled: NDArray[np.float32] = extreme.reduceat(extreme.reduceat(raw, top, axis=0), left, axis=1)
    return pooled


def _mean_of_nine(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every tile and its eight neighbours; beyond the border stands the border again."""
    wide = np.pad(grid, 1, mode="edge")
    across = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
    mean: NDArray[np.float32] = (across[:-2] + across[1:-1] + across[2:]) * np.float32(1 / 9)
    return mean


def _suppressed(grid: NDArray[np.float32], room: float) -> NDArray[np.float32]:
    """Tiles further than `room` from the mean of their eight neighbours are brought that near."""
    neighbours = (9 * _mean_of_nine(grid) - grid) * np.float32(1 / 8)
    suppressed: NDArray[np.float32] = np.clip(grid, neighbours - room, neighbours + room)
    return suppressed


def _enlarged(grid: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
    import cv2

    enlarged: NDArray[np.float32] = cv2.resize(
        grid, (size[1], size[0]), interpolation=cv2.INTER_LINEAR
    )
    return enlarged
