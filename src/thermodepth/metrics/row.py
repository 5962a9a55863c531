"""What every metric says of itself, and the form in which a measurement comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thermodepth.metrics.arrays import Map
from thermodepth.metrics.pixels import PixelErrors
from thermodepth.metrics.truth_map import TruthMap

#: "closer": to the optimum, from either side.
Better = Literal["lower", "higher", "closer"]

#: How the values of many frames become one when pixels are pooled: weighted by their pixels, the mean of the
#: values, the root of the mean of their squares, or the spread about the common mean (SILog alone).
Pooling = Literal["mean", "square", "spread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """A metric: how it reads, and what is known about it."""

    name: str  # the key in settings, rows and files; never renamed
    unit: str  # of the value; empty for ratios and logarithms
    better: Better
    label: str  # as printed, without the arrow
    digits: int  # after the decimal point, as printed
    definition: str  # one line, d the truth and p the prediction
    source: str
    optimum: float  # the value of a perfect prediction
    scale_invariant: bool = False  # p -> c p changes nothing
    least_pixels: int = 1  # below this the value says nothing, so no row is written
    pooling: Pooling = "mean"
    #: How the definition differs from the published one of the same name, so that values under the two are
    #: not to be compared; empty where it does not.
    differs: str = ""

    @property
    def heading(self) -> str:
        """The label with its unit: `RMSE (m)`."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def distance(self, value: float) -> float:
        """How bad a value is: the larger, the worse, whichever way the metric runs."""
        if self.better == "closer":
            return abs(value - self.optimum)
        return value if self.better == "lower" else -value


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow(MetricRow):
    """A metric of the error family: pixels in any order, in groups."""

    #: `[k]` one value per group of pixels; NaN for an empty group.
    compute: Callable[[PixelErrors], NDArray[np.float64]]


class Measured(NamedTuple):
    """A value, and the number of pixels, pairs or edges that it is the mean of."""

    value: float
    count: int  # type: ignore[assignment]  # nobody counts in this tuple


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFamily:
    """Metrics that look at a map as a picture and share their work.

    `measure(prediction_m, truth)` takes a float64 map `[h w]` of finite positive metres of the truth's size
    and gives what could be measured by the row's name. It looks only at pixels that have truth. A name
    that is missing was not measurable: too little truth, no boundary in it, no camera known.

    `limited`: False where the prediction is wanted before it was limited to a protocol's range; it may then
    hold infinity and metres at or below 0.
    """

    name: str
    rows: tuple[MetricRow, ...]
    measure: Callable[[Map, TruthMap], dict[str, Measured]]
    limited: bool = True
