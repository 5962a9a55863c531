"""How predicted depth stands to true depth, counted: small enough to keep for any number of frames.

A grid of 96 x 96 bins in (ln d, ln p), d the truth and p the prediction. All bins have one width w, so
j - i of a bin (i, j) tells p/d whatever the distance. Within a bin both logarithms are taken as uniform:

    ln p/d = (j - i + t) w,    t triangular on -1..1

From that come the quantiles and means below. They are good to about half a bin and are said to be "from
bins" wherever they are printed; what a table holds is computed from the pixels. Pixels of all frames are
pooled here, while the protocols' means weigh frames alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from thermodepth.evaluation.protocols.protocol import Protocol

BINS = 96
QUANTILES = (0.10, 0.25, 0.50, 0.75, 0.90)
#: A range that starts far below any measurement, as published ones do (1 mm to 80 m), would spend half
#: its bins on nothing. What is nearer than this share of the far end is counted in the first bin.
_SPAN = 400.0
_NODES = 200  # of the means over t; even, so that t = 0, a kink of |p/d - 1|, is between two


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RangeErrors:
    """Error against range, from bins: `k` intervals of the true depth, equal in ln d, near to far."""

    edges_m: NDArray[np.float64]  # [k+1]
    pixels: NDArray[np.int64]  # [k]
    ratio: NDArray[np.float64]  # [k 5] the QUANTILES of p/d; NaN where there is no pixel
    abs_rel: NDArray[np.float64]  # [k] mean |p - d| / d; NaN where there is no pixel

    @property
    def centres_m(self) -> NDArray[np.float64]:
        """[k] the geometric middles."""
        return np.sqrt(self.edges_m[:-1] * self.edges_m[1:])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DepthDensity:
    """Counts of scored pixels by true and predicted depth. Those of several frames add up."""

    low_m: float
    high_m: float
    counts: NDArray[np.int64]  # [96 96] (true, predicted), near to far

    @classmethod
    def empty(cls, protocol: Protocol) -> Self:
        """No pixel yet: the start of a sum."""
        return cls(
            low_m=max(protocol.min_depth_m, protocol.max_depth_m / _SPAN),
            high_m=protocol.max_depth_m,
            counts=np.zeros((BINS, BINS), dtype=np.int64),
        )

    def __add__(self, other: DepthDensity) -> DepthDensity:
        """The pixels of both."""
        assert (self.low_m, self.high_m) == (other.low_m, other.high_m), "densities of two ranges"
        return DepthDensity(low_m=self.low_m, high_m=self.high_m, counts=self.counts + other.counts)

    @property
    def edges_m(self) -> NDArray[np.float64]:
        """[97] of the bins, the same along both axes."""
        return np.geomspace(self.low_m, self.high_m, BINS + 1)

    @property
    def width(self) -> float:
        """Of a bin, in ln metres."""
        return math.log(self.high_m / self.low_m) / BINS

    @property
    def pixels(self) -> int:
        """All of them."""
        return int(self.counts.sum())

    def share_within(self, factor: float) -> float:
        """The share of pixels with max(p/d, d/p) < factor, from bins; NaN without pixels."""
        inside = self._expected(lambda ratio: np.maximum(ratio, 1 / ratio) < factor)
        total = self.pixels
        return float(_by_offset(self.counts).sum(axis=0) @ inside) / total if total else math.nan

    def by_range(self, *, merged: int = 4) -> RangeErrors:
        """Error against range, `merged` neighbouring bins of true depth to an interval; 96 divide by it."""
        assert BINS % merged == 0, f"{BINS} bins cannot be merged by {merged}"
        offsets = _by_offset(self.counts).reshape(BINS // merged, merged, -1).sum(axis=1)
        pixels = offsets.sum(axis=1)
        known = pixels > 0
        ratio = np.full((len(pixels), len(QUANTILES)), np.nan)
        for k in np.flatnonzero(known):
            ratio[k] = np.exp(_quantiles(offsets[k]) * self.width)
        relative = offsets @ self._expected(lambda ratio: np.abs(ratio - 1.0))
        return RangeErrors(
            edges_m=self.edges_m[::merged],
            pixels=pixels,
            ratio=ratio,
            abs_rel=np.divide(relative, pixels, out=np.full(len(pixels), np.nan), where=known),
        )

    def _expected(
        self, function: Callable[[NDArray[np.float64]], NDArray[np.generic]]
    ) -> NDArray[np.float64]:
        """[191] the mean of a function of p/d over a bin, by its offset j - i from -95 to 95."""
        t = (np.arange(_NODES) + 0.5) / _NODES * 2 - 1
        weight = (1 - np.abs(t)) / np.sum(1 - np.abs(t))
        log_ratio = (np.arange(1 - BINS, BINS)[:, None] + t) * self.width
        return np.asarray(function(np.exp(log_ratio)) @ weight, dtype=np.float64)


def density_of(
    protocol: Protocol,
    prediction_m: NDArray[np.floating],
    truth_m: NDArray[np.floating],
) -> DepthDensity:
    """Count the scored pixels of a frame, `[n]` each, positive metres.

    A prediction beyond the range is counted in the bin at its end.
    """
    assert prediction_m.shape == truth_m.shape
    nothing = DepthDensity.empty(protocol)
    if truth_m.size == 0:
        return nothing
    assert float(np.min(prediction_m)) > 0.0, "a prediction that is not positive, or NaN"
    index = _bins(truth_m, nothing)
    index *= BINS
    index += _bins(prediction_m, nothing)
    counts = np.bincount(index, minlength=BINS * BINS).reshape(BINS, BINS)
    return DepthDensity(low_m=nothing.low_m, high_m=nothing.high_m, counts=counts.astype(np.int64))


def _bins(depth_m: NDArray[np.floating], grid: DepthDensity) -> NDArray[np.int64]:
    """[n] the bin of each depth."""
    position = np.log(depth_m, dtype=np.float64)
    position -= math.log(grid.low_m)
    position /= grid.width
    np.clip(position, 0.0, BINS - 1, out=position)
    index: NDArray[np.int64] = position.astype(
        np.int64
    )  # cut downwards: nothing is negative any more
    return index


def _by_offset(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """[96 191] the counts of each true bin by j - i instead of j."""
    shifted = np.zeros((BINS, 2 * BINS - 1), dtype=np.int64)
    for i in range(BINS):
        shifted[i, BINS - 1 - i : 2 * BINS - 1 - i] = counts[i]
    return shifted


def _quantiles(offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """[5] quantiles of (ln p/d) / w; the pixels of an offset are spread evenly over one bin's width."""
    below = np.concatenate([[0], np.cumsum(offsets)]) / offsets.sum()
    edges = np.arange(len(offsets) + 1, dtype=np.float64) - BINS + 0.5
    # Flat stretches, offsets without pixels, would make the inverse many-valued: keep where it rises.
    rises = np.flatnonzero(np.diff(below) > 0)
    return np.array([_inverse(level, below, edges, rises) for level in QUANTILES], dtype=np.float64)


def _inverse(
    level: float,
    below: NDArray[np.float64],
    edges: NDArray[np.float64],
    rises: NDArray[np.intp],
) -> float:
    """Where the cumulative share first reaches a level."""
    at = rises[np.searchsorted(below[rises + 1], level)]
    return float(edges[at] + (level - below[at]) / (below[at + 1] - below[at]))
