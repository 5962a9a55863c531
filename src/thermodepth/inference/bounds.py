"""What a predictor takes and what it hands out, whoever asks: bounded in size, finite in value.

A strip of 1x128000 pixels, or a model file that was told to work at a million rows, would ask for gigabytes;
a weight that is not a number would give depth that is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import DataError, WeightsError
from thermodepth.files import MAX_PIXELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Beyond this a frame is a strip: the network's input grows with the long side.
LONGEST_TO_SHORTEST = 16
#: Of what the network sees in one pass. The small network takes about 210 bytes a pixel beside its weights.
MAX_NETWORK_PIXELS = 24_000_000


def check_frame_size(size: tuple[int, int], network_size: tuple[int, int]) -> None:
    """Refuse frames that no camera gives, or that the network would need gigabytes for.

    Args:
        size: (rows, columns) of the frame.
        network_size: of what the network would see of it.

    Raises:
        DataError: with the sizes and the bound.
    """
    rows, columns = size
    if min(size) < 1 or rows * columns > MAX_PIXELS:
        raise DataError(
            f"a frame of {columns}x{rows} pixels: expected 1 to {MAX_PIXELS // 10**6} million"
        )
    if max(size) > LONGEST_TO_SHORTEST * min(size):
        raise DataError(
            f"a frame of {columns}x{rows} pixels is a strip, not a camera's frame; at most "
            f"{LONGEST_TO_SHORTEST} times as long as wide is predicted"
        )
    pixels = network_size[0] * network_size[1]
    if pixels > MAX_NETWORK_PIXELS:
        raise DataError(
            f"a frame of {columns}x{rows} pixels would be {network_size[1]}x{network_size[0]} to the "
            f"network, more than its {MAX_NETWORK_PIXELS // 10**6} million pixels; give a smaller short side"
        )


def check_batch(count: int, network_size: tuple[int, int]) -> None:
    """Refuse so many frames at once that the network would need gigabytes for them.

    Args:
        count: of the frames.
        network_size: (rows, columns) of what the network would see of each.

    Raises:
        DataError: with the sizes and the bound.
    """
    rows, columns = network_size
    if count * rows * columns > MAX_NETWORK_PIXELS:
        raise DataError(
            f"{count} frames at once, each {columns}x{rows} to the network: expected at most "
            f"{max(MAX_NETWORK_PIXELS // (rows * columns), 1)} of them"
        )


def check_maps(depth_m: NDArray[np.float32], structure: NDArray[np.float32], model: str) -> None:
    """Refuse maps that are no numbers.

    Raises:
        WeightsError: naming the model.
    """
    for name, values in (("depth", depth_m), ("structure", structure)):
        check_finite(values, name, model)


def check_finite(values: NDArray[np.float32], name: str, model: str) -> None:
    """Refuse a map that holds what is no number.

    Raises:
        WeightsError: naming the map and the model.
    """
    broken = values.size - int(np.count_nonzero(np.isfinite(values)))
    if broken:
        raise WeightsError(
            f"model {model}: {broken} of {values.size} values of {name} are no finite numbers; its "
            "weights are damaged, or its training went astray"
        )
