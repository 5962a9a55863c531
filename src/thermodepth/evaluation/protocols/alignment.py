"""What a prediction may be told of the truth before it is scored.

An alignment fits one or two numbers per frame to the truth itself. What is left is the error that no
such fit removes; what it removed is said by `none`. Published tables differ in this more than in
anything else, so every map is scored under all alignments that its geometry allows, side by side:
metres may be taken as they are, an affine-invariant map only after the fit that gives it a scale.

    none            p
    median          p median(d) / median(p)                     monodepth2 (Godard et al. 2019)
    scale           s p         least squares in depth           Eigen et al. 2014
    affine_depth    s p + t     least squares in depth           Marigold (Ke et al. 2024)
    affine_inverse  1 / (s/p + t), least squares in 1/depth      MiDaS (Ranftl et al. 2020)
    affine_log      exp(s ln p + t), least squares in ln depth

The fits run over all scored pixels of the frame and see the map as it is: predictions are limited to the
range after them (`fit_values = "raw"`; "limited" is the order of some published code, limited before as
well). Least squares in depth take metres at or below 0 as any others; a median, a logarithm and an inverse
cannot, and find them at the near end of the range. No scale is negative: a map in which far is near would be
turned round by the truth and score as well as the right one, so the best fit of it is the flat one, s = 0.
An affine fit may leave the positive numbers, so what it gives is always limited to the protocol's range; 1/0
and below are the far end.

An even count has two middle values. numpy's median is their mean, torch's the lower one (`median = "lower"`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from thermodepth.metrics import Pixels
from thermodepth.types import Geometry

AlignmentName = Literal["none", "median", "scale", "affine_depth", "affine_inverse", "affine_log"]
#: Of an even count: the mean of the two middle values (numpy), or the lower one (torch).
MedianKind = Literal["middle", "lower"]


@dataclass(frozen=True, slots=True)
class Fit:
    """`scale x + shift` in one of three spaces, back to metres."""

    scale: float
    shift: float = 0.0
    space: Literal["depth", "inverse", "log"] = "depth"

    def apply(self, depth: NDArray[np.float64]) -> NDArray[np.float64]:
        """Metres of a depth-like array of any shape; infinite where the inverse is not positive."""
        if self.space == "depth":
            return depth * self.scale + self.shift
        if self.space == "log":
            return np.exp(np.log(depth) * self.scale + self.shift)
        return self.apply_inverse(1.0 / depth)

    def apply_inverse(self, inverse: NDArray[np.float64]) -> NDArray[np.float64]:
        """Metres of an inverse-depth-like array, fitted in inverse depth."""
        assert self.space == "inverse"
        fitted = inverse * self.scale + self.shift
        depth = np.full(fitted.shape, np.inf)
        np.divide(1.0, fitted, out=depth, where=fitted > 0.0)
        return depth


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentRow:
    """One line of the table of alignments."""

    name: AlignmentName
    label: str  # as printed
    numbers: int  # how many are fitted to the truth of each frame
    #: (prediction, truth) at the scored pixels; the prediction is depth, of an inverse map 1/depth.
    fit: Callable[[Pixels, Pixels], Fit]
    takes_any: bool = False  # metres at or below 0 as well


def least_squares(x: Pixels, target: Pixels) -> tuple[float, float]:
    """(s, t), s >= 0, with the least sum (s x + t - target)^2.

    A flat x, and one that falls where the target rises, gives s = 0 and the target's mean.

    In centred form: the textbook 2x2 equations cancel where the mean is large against the spread.
    """
    mean_x, mean_t = float(x.mean()), float(target.mean())
    centred = x - mean_x
    # Not np.dot: its last digits depend on how many threads the machine lends it.
    spread = float(np.square(centred).sum())
    # A flat map has no spread but rounding's; it is judged against the size of its own values.
    if spread <= x.size * (1e-12 * max(abs(mean_x), np.finfo(np.float64).tiny)) ** 2:
        return 0.0, mean_t
    scale = max(float((centred * (target - mean_t)).sum()) / spread, 0.0)
    return scale, mean_t - scale * mean_x


def _none(_p: Pixels, _d: Pixels) -> Fit:
    return Fit(1.0)


def median_of(values: Pixels, kind: MedianKind) -> float:
    """The median of [n] values."""
    if kind == "middle":
        return float(np.median(values))
    place = (values.size - 1) // 2
    return float(np.partition(values, place)[place])


def _median(p: Pixels, d: Pixels, kind: MedianKind = "middle") -> Fit:
    return Fit(median_of(d, kind) / median_of(p, kind))


def _scale(p: Pixels, d: Pixels) -> Fit:
    square = float(np.square(p).sum())
    return Fit(max(float((p * d).sum()) / square, 0.0) if square > 0.0 else 0.0)


ALIGNMENTS: dict[str, AlignmentRow] = {
    row.name: row
    for row in (
        AlignmentRow(name="none", label="none", numbers=0, fit=_none),
        AlignmentRow(name="median", label="median scale", numbers=1, fit=_median),
        AlignmentRow(
            name="scale", label="least-squares scale", numbers=1, fit=_scale, takes_any=True
        ),
        AlignmentRow(
            name="affine_depth",
            label="scale+shift, depth",
            numbers=2,
            fit=lambda p, d: Fit(*least_squares(p, d)),
            takes_any=True,
        ),
        AlignmentRow(
            name="affine_inverse",
            label="scale+shift, 1/depth",
            numbers=2,
            fit=lambda p, d: Fit(*least_squares(1.0 / p, 1.0 / d), space="inverse"),
        ),
        AlignmentRow(
            name="affine_log",
            label="scale+shift, log",
            numbers=2,
            fit=lambda p, d: Fit(*least_squares(np.log(p), np.log(d)), space="log"),
        ),
    )
}

#: Which alignments a map may be scored under; the first is its natural one: the least it needs.
_ALLOWED: dict[Geometry, tuple[str, ...]] = {
    Geometry.METRIC_DEPTH: tuple(ALIGNMENTS),
    Geometry.SCALE_DEPTH: tuple(name for name in ALIGNMENTS if name != "none"),
    Geometry.AFFINE_DEPTH: ("affine_depth",),
    Geometry.AFFINE_INVERSE: ("affine_inverse",),
}


def alignments_of(geometry: Geometry) -> tuple[AlignmentRow, ...]:
    """The alignments that a map of this geometry may be scored under, its natural one first."""
    return tuple(ALIGNMENTS[name] for name in _ALLOWED[geometry])


def fit_map(
    row: AlignmentRow,
    geometry: Geometry,
    values: Pixels,
    truth_m: Pixels,
    *,
    median: MedianKind = "middle",
) -> Fit:
    """The fit of a map's scored values [n], as they are, to the truth [n] in metres.

    Raises:
        ValueError: for values that this alignment cannot take, such as a depth of 0 in a logarithm.
    """
    if geometry is Geometry.AFFINE_INVERSE:
        return Fit(*least_squares(values, 1.0 / truth_m), space="inverse")
    any_will_do = geometry is Geometry.AFFINE_DEPTH or row.takes_any
    if not any_will_do and not values.min() > 0.0:
        bad = int(np.count_nonzero(~(values > 0.0)))
        raise ValueError(f"{bad} of {values.size} scored pixels of the prediction are not positive")
    if row.name == "median":
        return _median(values, truth_m, median)
    return row.fit(values, truth_m)


def apply_fit(fit: Fit, geometry: Geometry, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres of a map's values of any shape, as yet unlimited."""
    if geometry is Geometry.AFFINE_INVERSE:
        return fit.apply_inverse(values)
    return fit.apply(values)
