"""A mean that one wrong sample cannot carry away, and its interval over frames and samples.

Values are ln(measured / predicted). A value further than c s from the centre is moved to that distance, s
being the median absolute deviation, and the mean of what results is the centre again:

    centre = mean of clip(x, centre - c s, centre + c s)

Huber's location estimate (Huber 1964, Robust Estimation of a Location Parameter). Its limited values then
stand for the samples. What samples of one frame share makes them less than independent, so the variance of
the mean is that of one-way random effects, by the method of moments:

    within, between    mean squares of an analysis of variance over G frames with n_g samples
    sigma_b^2 = max(0, (between - within) / n_0),   n_0 = (n - sum n_g^2 / n) / (G - 1)
    variance  = sigma_b^2 sum (n_g / n)^2 + within / n

and its degrees of freedom are Satterthwaite's (1946), between G - 1 and n - 1. Where every frame has one
sample, or there is one frame, this is the t interval of a mean.

The factors on the deviation of few samples: Croux & Rousseeuw 1992, Time-Efficient Algorithms for Two Highly
Robust Estimators of Scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

#: c. Of five normal values hardly one is ever limited, so that the t interval still covers (94 %).
LIMIT = 4.0
#: With fewer samples nothing says which of them is wrong, and none is limited.
LEAST_FOR_LIMIT = 5
#: No tape and no pixel is surer than this share: samples that agree by chance do not condemn the next one.
SMALLEST_SPREAD = 0.02
LEVEL = 0.95
LEAST_FOR_INTERVAL = 3
_SMALL_SAMPLE = {2: 1.196, 3: 1.495, 4: 1.363, 5: 1.206, 6: 1.200, 7: 1.140, 8: 1.129, 9: 1.107}
_ROUNDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanEstimate:
    """A robust mean with what is known of its error."""

    value: float
    standard_error: float | None  # None: too few values for one
    df: float | None
    #: Whether frames were seen to differ by more than the samples within them.
    frames_differ: bool = False

    @property
    def half_width(self) -> float | None:
        """Of the 95 % interval."""
        if self.standard_error is None or self.df is None:
            return None
        from scipy.special import stdtrit

        return float(stdtrit(self.df, 0.5 + LEVEL / 2)) * self.standard_error


def deviation(values: Values) -> float:
    """The spread of values `[n]` about their median, as a standard deviation of normal ones."""
    count = values.size
    factor = _SMALL_SAMPLE.get(count, count / (count - 0.8))
    return 1.4826 * factor * float(np.median(np.abs(values - np.median(values))))


def limited(values: Values) -> Values:
    """`[n]` the values with those that are far off moved to the limit."""
    if values.size < LEAST_FOR_LIMIT:
        return values
    reach = LIMIT * max(deviation(values), SMALLEST_SPREAD)
    centre = float(np.median(values))
    for _ in range(_ROUNDS):
        inside = np.clip(values, centre - reach, centre + reach)
        if math.isclose(centre, centre := float(inside.mean()), abs_tol=1e-12):
            break
    return np.clip(values, centre - reach, centre + reach)


def robust_mean(values: Values, frames: Sequence[str]) -> MeanEstimate:
    """The centre of values `[n]` and its standard error, from three values on.

    Args:
        values: one a sample.
        frames: `[n]` name of the frame of each.
    """
    inside = limited(values)
    centre, count = float(inside.mean()), inside.size
    if count < LEAST_FOR_INTERVAL:
        return MeanEstimate(value=centre, standard_error=None, df=None)
    _, index, sizes = np.unique(np.asarray(frames), return_inverse=True, return_counts=True)
    groups = sizes.size
    total = float(((inside - centre) ** 2).sum())
    plain = total / (count - 1) / count
    if groups in (1, count):
        return MeanEstimate(value=centre, standard_error=math.sqrt(plain), df=count - 1)
    means = np.bincount(index, weights=inside) / sizes
    between = float((sizes * (means - centre) ** 2).sum()) / (groups - 1)
    within = float(((inside - means[index]) ** 2).sum()) / (count - groups)
    if between <= within:  # nothing that frames share is to be seen
        return MeanEstimate(value=centre, standard_error=math.sqrt(plain), df=count - 1)
    squares = float((sizes.astype(np.float64) ** 2).sum())
    on_between = squares / count**2 / ((count - squares / count) / (groups - 1))
    on_within = 1.0 / count - on_between
    variance = on_between * between + on_within * within
    df = variance**2 / (
        (on_between * between) ** 2 / (groups - 1) + (on_within * within) ** 2 / (count - groups)
    )
    return MeanEstimate(
        value=centre,
        standard_error=math.sqrt(variance),
        df=min(max(df, groups - 1.0), count - 1.0),
        frames_differ=True,
    )
