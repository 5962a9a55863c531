"""What turns the head `relative_error` into intervals that cover what they say.

The head's level k says ln |ln D - ln D*|, learnt on training frames. On frames kept from training it is
moved by a factor that hangs on the predicted depth D and is interpolated in ln D between knots:

    e_k = factor_k(D) exp(q_k)               ln D* lies within ln D -+ e_k for a share k of pixels
    relative_error_k = exp(e_k) - 1          D* lies within D / (1 + r) .. D (1 + r)

where a higher level takes the value of the lower one that is larger, of q and of e alike.

r bounds |D - D*| / D and |D - D*| / D* alike. How the factors are measured:
`thermodepth.inference.error_calibration`.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from thermodepth.config import Settings
from thermodepth.types import ERROR_LEVELS

_MOST_KNOTS = 64
_Factor = Annotated[float, Field(gt=0, le=1e6)]
_Metres = Annotated[float, Field(gt=0, lt=1e6)]


class ErrorCalibration(Settings):
    """Factors on the expected error, and what they were measured on."""

    levels: tuple[float, ...] = ERROR_LEVELS
    knots_m: Annotated[tuple[_Metres, ...], Field(min_length=1, max_length=_MOST_KNOTS)]
    factors: tuple[tuple[_Factor, ...], ...]  # [level][knot]
    #: What was taken for exchangeable: scenes, or the frames of too few of them.
    unit: Literal["scenes", "frames"]
    units: int = Field(ge=1)
    frames: int = Field(ge=1)
    data: str  # name of the data set, not its place: models are passed on
    data_fingerprint: str
    split: str

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.levels != ERROR_LEVELS:
            raise ValueError(f"levels {list(self.levels)}: expected {list(ERROR_LEVELS)}")
        if not all(low < high for low, high in pairwise(self.knots_m)):
            raise ValueError(f"knots_m must increase, got {list(self.knots_m)}")
        sizes = [len(row) for row in self.factors]
        if sizes != [len(self.knots_m)] * len(self.levels):
            raise ValueError(
                f"factors: expected {len(self.levels)} rows of {len(self.knots_m)} numbers, got {sizes}"
            )
        return self


def log_factors(
    depth_m: NDArray[np.floating], knots_m: tuple[float, ...], factors: tuple[float, ...]
) -> NDArray[np.floating]:
    """ln factor at every depth, a straight line in ln depth between knots and flat beyond them."""
    values: NDArray[np.floating] = np.interp(
        np.log(depth_m), np.log(knots_m), np.log(factors)
    ).astype(depth_m.dtype)
    return values


def relative_errors(
    log_error: NDArray[np.floating],
    depth_m: NDArray[np.floating],
    calibration: ErrorCalibration | None,
    *,
    log_range: float,
) -> NDArray[np.float32]:
    """Relative errors at each level.

    Args:
        log_error: `[levels h w]` as the head says it.
        depth_m: `[h w]` predicted.
        calibration: None takes the head as it is.
        log_range: ln far/near of what the model can say: no expected error is larger.

    Returns:
        `[levels h w]`, at a higher level never smaller than at a lower one.
    """
    relative = np.empty(log_error.shape, dtype=np.float32)
    head = calibrated = np.full(depth_m.shape, -np.inf, dtype=np.float32)
    for level, log in enumerate(log_error):
        # Quantiles that were learnt apart may cross, and so may their factors.
        head = log_e = np.maximum(head, log)
        if calibration is not None:
            log_e = head + log_factors(depth_m, calibration.knots_m, calibration.factors[level])
        calibrated = np.maximum(calibrated, log_e)
        relative[level] = np.expm1(np.exp(np.minimum(calibrated, math.log(log_range))))
    return relative
