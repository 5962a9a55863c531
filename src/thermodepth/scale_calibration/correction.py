"""What turns a model's raw depth into the metres of one camera.

    scale     D' = k D                      one factor, which is what a wrong lens or another kind of scene
    makes offset    D' = k D + c                  metres on top
    slope     ln D' = ln k + b ln D         near and far by different factors

An offset and a slope were seen between the nearest and the furthest sample only. Beyond them the factor D'/D
stays what it is at that end, so that no depth is made negative and nothing is extended to where nobody
measured:  D' = f(clip(D, near, far)) D / clip(D, near, far).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from thermodepth.config import Settings
from thermodepth.scale_calibration.robust_mean import LIMIT, SMALLEST_SPREAD, limited

Form = Literal["scale", "offset", "slope"]
#: The simplest first.
FORMS: tuple[Form, ...] = ("scale", "offset", "slope")
#: A slope outside is no correction of a depth.
_LEAST_SLOPE, _MOST_SLOPE = 1 / 3, 3.0
_ROUNDS = 30

_Factor = Annotated[float, Field(gt=0, lt=1e6)]


class Correction(Settings):
    """D' of D; see the head of this file."""

    form: Form = "scale"
    factor: _Factor  # k
    offset_m: float = Field(default=0.0, gt=-1e6, lt=1e6)  # c
    slope: float = Field(default=1.0, ge=_LEAST_SLOPE, le=_MOST_SLOPE)  # b
    range_m: tuple[_Factor, _Factor]  # raw depths of the nearest and the furthest sample

    @model_validator(mode="after")
    def _keeps_depths_positive(self) -> Self:
        near, far = self.range_m
        if near > far:
            raise ValueError(f"range_m {[near, far]}: expected the nearest first")
        if self.form != "offset" and self.offset_m != 0.0:
            raise ValueError(f"offset_m {self.offset_m:g}: only the form 'offset' has one")
        if self.form != "slope" and self.slope != 1.0:
            raise ValueError(f"slope {self.slope:g}: only the form 'slope' has one")
        if self.factor * near + self.offset_m <= 0:
            raise ValueError(f"offset_m {self.offset_m:g}: makes the nearest depth negative")
        return self

    def corrected(self, depth_m: NDArray[np.floating]) -> NDArray[np.floating]:
        """Metres `[...]` of raw depths `[...]`, in their number type."""
        if self.form == "scale":
            scaled: NDArray[np.floating] = depth_m * depth_m.dtype.type(self.factor)
            return scaled
        near, far = self.range_m
        inside = np.clip(depth_m, depth_m.dtype.type(near), depth_m.dtype.type(far))
        value = self.factor * inside**self.slope + self.offset_m
        extended: NDArray[np.floating] = (value * (depth_m / inside)).astype(depth_m.dtype)
        return extended

    def __str__(self) -> str:
        """The formula with its numbers."""
        if self.form == "offset":
            sign = "+" if self.offset_m >= 0 else "-"
            return f"{self.factor:.4g} x depth {sign} {abs(self.offset_m):.3g} m"
        if self.form == "slope":
            return f"{self.factor:.4g} x depth^{self.slope:.3g}"
        return f"{self.factor:.4g} x depth"


def fitted(
    form: Form, predicted_m: NDArray[np.float64], measured_m: NDArray[np.float64]
) -> Correction | None:
    """The correction of a form for raw and measured depths `[n]`; None where it cannot be one."""
    near_m, far_m = float(predicted_m.min()), float(predicted_m.max())
    if form == "scale":
        log_factor = float(limited(np.log(measured_m / predicted_m)).mean())
        return Correction(factor=float(np.exp(log_factor)), range_m=(near_m, far_m))
    ones = np.ones(predicted_m.size)
    if form == "slope":
        log_factor, slope = _robust_line(
            np.stack([ones, np.log(predicted_m)], 1), np.log(measured_m)
        )
        if not _LEAST_SLOPE <= slope <= _MOST_SLOPE:
            return None
        return Correction(
            form="slope", factor=float(np.exp(log_factor)), slope=slope, range_m=(near_m, far_m)
        )
    # Divided by the measured metres, so that errors are shares, as everywhere else.
    factor, offset_m = _robust_line(np.stack([predicted_m, ones], 1) / measured_m[:, None], ones)
    if factor <= 0 or factor * near_m + offset_m <= 0:
        return None
    return Correction(form="offset", factor=factor, offset_m=offset_m, range_m=(near_m, far_m))


def _robust_line(basis: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float]:
    """Two coefficients by least squares, in which far residuals weigh less (Huber's weights)."""
    weights = np.ones(values.size)
    for _ in range(_ROUNDS):
        root = np.sqrt(weights)
        coefficients = np.linalg.lstsq(basis * root[:, None], values * root, rcond=None)[0]
        residual = np.abs(values - basis @ coefficients)
        reach = LIMIT * max(1.4826 * float(np.median(residual)), SMALLEST_SPREAD)
        update = np.minimum(1.0, reach / np.maximum(residual, 1e-12))
        if np.allclose(update, weights, atol=1e-6):
            break
        weights = update
    return float(coefficients[0]), float(coefficients[1])
