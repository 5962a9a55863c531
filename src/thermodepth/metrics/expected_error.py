"""The expected-error family: whether a model knows how far off it is.

A model that tells its relative error says r_k(x) of every pixel: the truth lies within a factor 1 + r_k of
the prediction for a share k of the pixels, k = .68 and .90. Two questions, and one is worth nothing without
the other, for a model that says the same of every pixel can be right about the share:

    coverage        the share of the pixels with max(p/d, d/p) <= 1 + r_k; to be k
    sparsification  take the pixels away in the order of r_68, largest first. The mean error of those that
                    are left falls, as far as the order is right. With e = |p - d| / d in the order of r,

                        curve(i) = mean of the i least uncertain,     area = mean over i of curve(i)

                    AUSE is the area less that in the order of e itself, which nobody can beat; an order
                    that knows nothing leaves the mean where it is, at AbsRel.

Ilg et al. 2018 (arXiv 1802.07095); of depth Poggi et al. 2020 (arXiv 2005.06209), whose AURG, the gain over
the random order, is the difference of the last two rows of the table. Pixels of one r are taken as a block,
each at the block's mean: their order among each other was never said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thermodepth.metrics.arrays import Pixels
from thermodepth.metrics.pixels import PixelErrors
from thermodepth.metrics.row import MetricRow
from thermodepth.types import ERROR_LEVELS

#: [levels n] the relative error that is expected of each scored pixel.
Expected = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRow(MetricRow):
    """A metric of a prediction and of the errors that its model expects."""

    #: `[k]` one value per group of pixels; NaN for an empty group.
    compute: Callable[[PixelErrors, Expected], NDArray[np.float64]]
    sliced: bool = (
        False  # also taken of slices: a mean over pixels is, an order of all of them is not
    )


def checked_expected(expected: NDArray[np.floating], count: int) -> Expected:
    """The expected errors as float64.

    Raises:
        ValueError: for another shape than [levels n], or a value that is not a finite number of 0 or more.
    """
    values = np.asarray(expected, dtype=np.float64)
    if values.shape != (len(ERROR_LEVELS), count):
        raise ValueError(
            f"expected errors of {(len(ERROR_LEVELS), count)} are wanted, got {values.shape}"
        )
    bad = int(np.count_nonzero(~(np.isfinite(values) & (values >= 0.0))))
    if bad:
        raise ValueError(f"{bad} of {values.size} expected errors are not finite numbers from 0 on")
    return values


def area(error: Pixels, uncertainty: Pixels) -> float:
    """Under the mean error of what is left while the most uncertain pixels go, one after the other."""
    order = np.argsort(uncertainty, kind="stable")
    ordered, blocks = error[order], uncertainty[order]
    first = np.flatnonzero(np.diff(blocks, prepend=np.nan) != 0.0)
    sizes = np.diff(first, append=blocks.size)
    means = np.add.reduceat(ordered, first) / sizes
    curve = np.cumsum(np.repeat(means, sizes)) / np.arange(1, error.size + 1)
    return float(curve.mean())


def _ause(errors: PixelErrors, expected: Expected) -> NDArray[np.float64]:
    error = errors.relative
    return np.array([area(error, expected[0]) - area(error, error)])


def _ause_random(errors: PixelErrors, expected: Expected) -> NDArray[np.float64]:  # noqa: ARG001
    error = errors.relative
    return np.array([float(error.mean()) - area(error, error)])


def _coverage(level: int) -> ExpectedRow:
    share = ERROR_LEVELS[level]
    percent = round(100 * share)
    return ExpectedRow(
        name=f"error_coverage_{percent}",
        compute=lambda e, expected: e.mean(e.ratio <= 1.0 + expected[level]),
        unit="",
        better="closer",
        label=f"coverage of {percent} %",
        digits=3,
        definition=f"share of the pixels with max(p/d, d/p) <= 1 + r, r the relative error for {percent} %",
        source="defined here",
        optimum=share,
        sliced=True,
    )


_SPARSIFICATION = "Ilg et al. 2018, arXiv 1802.07095; Poggi et al. 2020, arXiv 2005.06209"

EXPECTED_ERROR = (
    _coverage(0),
    _coverage(1),
    ExpectedRow(
        name="error_expected",
        compute=lambda e, expected: e.mean(expected[0]),
        unit="",
        better="lower",
        label="expected error",
        digits=4,
        definition="mean of the relative error for 68 %",
        source="defined here",
        optimum=0.0,
        sliced=True,
    ),
    ExpectedRow(
        name="error_ause",
        compute=_ause,
        unit="",
        better="lower",
        label="AUSE",
        digits=4,
        definition="area between the mean |p - d| / d of what is left when the largest r go first, and when "
        "the largest errors do",
        source=_SPARSIFICATION,
        optimum=0.0,
        differs="over every pixel instead of 50 steps, and without their last one, which counts as no error",
    ),
    ExpectedRow(
        name="error_ause_random",
        compute=_ause_random,
        unit="",
        better="lower",
        label="AUSE, random order",
        digits=4,
        definition="AUSE of an order that knows nothing; AURG is this less AUSE",
        source=_SPARSIFICATION,
        optimum=0.0,
    ),
)
