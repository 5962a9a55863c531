"""One line of the metrics table, and the check that every metric makes before it computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float64]  # [n] the scored pixels of one frame or slice
Better = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """A metric: how it is computed, how it reads, and what is known about it.

    `function(prediction_m, truth_m)` takes two 1-D float64 arrays of metres, the same pixels in the same
    order, and gives one float. It raises `ValueError` for anything it cannot honestly score.
    """

    name: str  # the key in settings, rows and files; never renamed
    function: Callable[[Pixels, Pixels], float]
    unit: str  # of the value; empty for ratios and logarithms
    better: Better
    label: str  # as printed, without the arrow
    digits: int  # after the decimal point, as printed
    definition: str  # one line, d the truth and p the prediction
    source: str
    optimum: float  # the value of a perfect prediction
    scale_invariant: bool = False  # p -> c p changes nothing
    least_pixels: int = 1  # below this the value says nothing, so no row is written


def scored_pixels(
    prediction_m: Pixels, truth_m: Pixels, *, least: int = 1
) -> tuple[Pixels, Pixels]:
    """The two arrays as float64, after refusing everything that must never become a score.

    Raises:
        ValueError: for shapes that are not one and the same [n], fewer than `least` pixels, or a value
            that is not a finite positive number of metres. A NaN that is averaged away or counted as
            wrong has given published methods the best score of a table.
    """
    prediction = np.asarray(prediction_m, dtype=np.float64)
    truth = np.asarray(truth_m, dtype=np.float64)
    if prediction.ndim != 1 or prediction.shape != truth.shape:
        raise ValueError(
            f"a metric takes two 1-D arrays of the same pixels, got {prediction.shape} and {truth.shape}"
        )
    if prediction.size < least:
        raise ValueError(f"a metric needs at least {least} scored pixels, got {prediction.size}")
    for what, values in (("prediction", prediction), ("truth", truth)):
        # NaN fails both comparisons, so these two reductions settle finiteness and sign together.
        if not (values.min() > 0.0 and values.max() < np.inf):
            bad = int(np.count_nonzero(~(np.isfinite(values) & (values > 0.0))))
            raise ValueError(
                f"{bad} of {values.size} scored pixels of the {what} are not finite positive metres"
            )
    return prediction, truth
