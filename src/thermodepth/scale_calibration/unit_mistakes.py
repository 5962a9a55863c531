"""Samples that are no metres: in another unit, or disparities.

A model is off by a factor, and the lens by another; together they are not off by a hundred. Samples that are,
all of them and by about the same factor, are in another unit. Samples that fall where predictions rise are
disparities or inverse depths (or lie at the wrong pixels), and no correction of a depth turns them round.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError

#: measured / predicted -> what the samples look like, and what to do.
_UNITS = {
    1000.0: ("millimetres", "divide them by 1000"),
    100.0: ("centimetres", "divide them by 100"),
    0.001: ("kilometres", "multiply them by 1000"),
}
_NEARLY = 3.0  # times
#: Neither a lens nor a scene makes a model wrong by more.
MOST_OFF = 250.0
LEAST_FOR_ORDER = 4
_LEAST_SPREAD = 0.1  # of ln measured and ln predicted, below which an order says nothing
#: (samples from here on, rank correlation below, spread of the sum over that of the difference below): of few
#: samples of a model that sees little, some run against it by chance.
_AGAINST = ((8, -0.6, 0.5), (LEAST_FOR_ORDER, -0.9, 0.35))
_OF_FILES = "; of a depth map of whole numbers, say what a metre is in it (--per-metre)"


def refuse_unit_mistakes(predicted_m: NDArray[np.float64], measured_m: NDArray[np.float64]) -> None:
    """Refuse samples `[n]` that cannot be metres.

    Raises:
        DataError: saying what they look like, and what to do.
    """
    _refuse_disparity(predicted_m, measured_m)
    ratio = float(np.median(measured_m / predicted_m))
    for factor, (unit, remedy) in _UNITS.items():
        if abs(math.log(ratio / factor)) < math.log(_NEARLY):
            raise DataError(
                f"the samples are {_times(ratio)} what the model predicts: these look like {unit}, and "
                f"metres are expected; {remedy}{_OF_FILES}"
            )
    if not 1 / MOST_OFF < ratio < MOST_OFF:
        raise DataError(
            f"the samples are {_times(ratio)} what the model predicts, more than any lens or scene makes it "
            f"wrong: are they metres, and at these pixels of these frames?{_OF_FILES}"
        )


def _refuse_disparity(predicted_m: NDArray[np.float64], measured_m: NDArray[np.float64]) -> None:
    if predicted_m.size < LEAST_FOR_ORDER:
        return
    predicted, measured = np.log(predicted_m), np.log(measured_m)
    if min(predicted.std(), measured.std()) < _LEAST_SPREAD:
        return
    ranks = np.corrcoef(_ranks(predicted), _ranks(measured))[0, 1]
    # Of depths the difference of the logarithms is constant, of inverse depths their sum.
    _, correlation, share = next(row for row in _AGAINST if predicted.size >= row[0])
    fits_inverse = (predicted + measured).std() < share * (predicted - measured).std()
    if ranks < correlation and fits_inverse:
        raise DataError(
            f"the samples fall where the predicted depth rises (rank correlation {ranks:.2f}): these look "
            "like disparities or inverse depths, and metres are expected (depth = focal length x baseline / "
            "disparity); or they lie at the pixels of another frame"
        )


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean ranks where values tie."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2.0)[index]
    return ranks


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times" if ratio >= 1 else f"one {1 / ratio:.3g}th of"


def likely_per_metre(scale: float) -> str:
    """A word on a factor that two common ways to store metres would make; empty otherwise."""
    for stored, read in ((1000.0, 256.0), (256.0, 1000.0)):
        if abs(math.log(scale / (stored / read))) < 0.1:
            return (
                f"the scale is near {stored:g}/{read:g}: is a metre {stored:g} in the depth map, and not "
                f"{read:g}? (--per-metre {stored:g})"
            )
    return ""
