"""How well a teacher's labels agree with ground truth, where a frame has both.

A relative label fixes inverse depth up to factor s and offset t, so these are fitted first, by least
squares in inverse depth, and the error is read in depth:

    min over s >= 0, t of  sum (s label + t - 1/D*)^2,    AbsRel = mean |D - D*| / D*,  D = 1/(s label + t)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One frame's label against its ground truth."""

    abs_rel: float  # NaN without common pixels
    correlation: float  # of label and inverse depth; negative = the label has the wrong sign
    pixels: int  # where both exist


def agreement(label: NDArray[Any], depth_m: NDArray[Any]) -> Agreement:
    """Compare a label with the truth after the best factor and offset.

    A label of the wrong sign cannot be mended by a negative factor: it is scored as the flat map that
    s = 0 gives. Fitted inverse depth is held above 1 / (the largest true depth), as MoGe's evaluation does.

    Args:
        label: `[h w]` affine-invariant inverse depth, larger = nearer, NaN = none.
        depth_m: `[h w]` metres, NaN = none.
    """
    with np.errstate(invalid="ignore"):
        valid = np.isfinite(label) & np.isfinite(depth_m) & (depth_m > 0)
    pixels = int(valid.sum())
    if pixels == 0:
        return Agreement(abs_rel=float("nan"), correlation=float("nan"), pixels=0)
    o = np.asarray(label, dtype=np.float64)[valid]
    true_m = np.asarray(depth_m, dtype=np.float64)[valid]
    inverse = 1 / true_m
    o_centred, inverse_centred = o - o.mean(), inverse - inverse.mean()
    o_square, inverse_square = (
        float(o_centred @ o_centred),
        float(inverse_centred @ inverse_centred),
    )
    product = float(o_centred @ inverse_centred)
    # A map that is flat up to rounding has no direction to fit.
    flat = o_square <= 1e-12 * pixels * max(float(np.square(o).max()), 1e-300)
    factor = 0.0 if flat else max(product / o_square, 0.0)
    fitted = np.maximum(factor * o_centred + inverse.mean(), inverse.min())
    norm_product = (o_square * inverse_square) ** 0.5
    return Agreement(
        abs_rel=float(np.mean(np.abs(1 / fitted - true_m) / true_m)),
        correlation=0.0 if flat or norm_product == 0 else product / norm_product,
        pixels=pixels,
    )
