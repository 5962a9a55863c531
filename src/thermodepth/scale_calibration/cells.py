"""A measured depth map, dense or sparse, as a few samples: one for each cell of a grid over the frame.

The pixels of a frame are wrong together, so thousands of them are no thousands of samples. A cell's sample is
its median ln(measured / predicted), at the median of the predicted depth.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError
from thermodepth.scale_calibration.samples import DistanceSample, PredictedFrame, Source

GRID = (4, 6)  # rows, columns of cells
LEAST_PIXELS = 5  # of a cell


def cell_samples(
    frame: PredictedFrame, measured_m: NDArray[np.floating], *, source: Source
) -> list[DistanceSample]:
    """The samples of one frame.

    Args:
        frame: raw depth.
        measured_m: `[h w]` metres along the axis, NaN where there is none.
        source: who measured.

    Raises:
        DataError: for a map of another size, or one with no cell that has enough pixels.
    """
    if measured_m.shape != frame.depth_m.shape:
        rows, columns = frame.size
        raise DataError(
            f"{frame.name}: the measured map is {measured_m.shape[1]}x{measured_m.shape[0]}, and the frame "
            f"{columns}x{rows}; measured depth must lie on the frame's own pixels"
        )
    with np.errstate(invalid="ignore"):
        both = frame.usable & np.isfinite(measured_m) & (measured_m > 0)
    samples = []
    row_cuts, column_cuts = (
        np.linspace(0, side, cells + 1).astype(int).tolist()
        for side, cells in zip(frame.size, GRID, strict=True)
    )
    for top, bottom in pairwise(row_cuts):
        for left, right in pairwise(column_cuts):
            inside = both[top:bottom, left:right]
            if np.count_nonzero(inside) >= LEAST_PIXELS:
                at = np.argwhere(inside) + np.array([top, left])
                samples.append(_cell_sample(frame, measured_m, at, source))
    if not samples:
        raise DataError(
            f"{frame.name}: {np.count_nonzero(both)} pixels have a measured depth where the model has one, "
            f"too few for a sample, which takes {LEAST_PIXELS} near each other"
        )
    return samples


def _cell_sample(
    frame: PredictedFrame,
    measured_m: NDArray[np.floating],
    at: NDArray[np.intp],
    source: Source,
) -> DistanceSample:
    predicted = frame.depth_m[at[:, 0], at[:, 1]].astype(np.float64)
    ratio = np.median(np.log(measured_m[at[:, 0], at[:, 1]].astype(np.float64) / predicted))
    predicted_m = float(np.median(predicted))
    row, column = (int(index) for index in at[np.abs(at - np.median(at, axis=0)).sum(1).argmin()])
    depth_m = predicted_m * float(np.exp(ratio))
    return DistanceSample(
        frame=frame.name,
        x=float(column),
        y=float(row),
        source=source,
        kind="depth",
        distance_m=depth_m,
        depth_m=depth_m,
        predicted_m=predicted_m,
    )
