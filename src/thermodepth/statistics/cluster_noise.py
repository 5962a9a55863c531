"""The noise of a mean over clusters of unequal size: its variance, and how well that is known.

The mean D^ = sum w_g c_g of G independent cluster means, of shares w_g, has the variance sum w_g^2 var(c_g).
A long recording draws the mean to itself: its distance c_g - D^ is smaller than its noise, so squares summed
as if sizes were equal come out far too small (a third of the truth for 400 to 3 frames, a ninth where one
recording holds 78 %). Here every recording is held against the mean of the others,
(c_g - D^) / (1 - w_g) = c_g - D^ without g, as in the jackknife:

    V = sum_g a_g (c_g - D^)^2      a_g = q_g / (1 + sum q - max q)      q_g = (w_g / (1 - w_g))^2

Its expectation is never below the variance, however unlike the noise of single clusters is: with noise v in
cluster g alone it is w_g^2 v (1 + sum_{h != g} q_h) / (1 + sum q - max q), and any noise is a sum of such.
For equal clusters it is the usual sum of squares / (G (G - 1)), which is unbiased.

Degrees of freedom of unequal clusters by moments (Bell & McCaffrey 2002) take D^ and V for independent. They
are not: where the long recording happens to lie near the others, V is small and so is D^. The degrees of
freedom here are those of the t distribution whose quantile is the exact one of |D^| / sqrt(V) for normal
cluster means of equal variance. D^2 - k^2 V is a quadratic form with a single positive eigenvalue l, so that
(by Craig's form of the normal tail, 1991)

    P(|D^| > k sqrt(V)) = 2/pi int_0^{pi/2} prod_j (1 + |l_j| / (l sin^2 t))^(-1/2) dt

over the negative eigenvalues l_j. For equal clusters this is t with G - 1.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Two-sided levels at which the degrees of freedom must do; the fewest are taken.
LEVELS = (0.1, 0.05, 0.01)
#: Of different cluster sizes; beyond it, when there are thousands of clusters, 1 / sum w^2 - 1 is taken.
MOST_SIZES = 200
_HALVINGS = 40
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(64)
_SQUARED_SINES = np.square(np.sin((_NODES + 1.0) * np.pi / 4.0))


def square_weights(weights: Array) -> Array:
    """a_g of this module: [g] what the squared distance of each cluster's mean from the whole mean counts.

    Args:
        weights: [g] shares of two or more clusters; they sum to 1.
    """
    odds = np.square(weights / (1.0 - weights))
    return np.asarray(odds / (1.0 + odds.sum() - odds.max()))


def scene_df(weights: Array) -> float:
    """Degrees of freedom of the mean over clusters with these shares [g]; at least 1, at most G - 1."""
    return _scene_freedom(np.asarray(weights, dtype=np.float64).tobytes())


@lru_cache(maxsize=256)
def _scene_freedom(shares: bytes) -> float:
    weights = np.frombuffer(shares, dtype=np.float64)
    most = weights.size - 1.0
    _, first, counts = np.unique(np.round(weights, 12), return_index=True, return_counts=True)
    if first.size == 1 or most <= 1.0:
        return max(most, 1.0)
    if first.size > MOST_SIZES:
        return max(float(1.0 / np.square(weights).sum()) - 1.0, 1.0)
    from scipy.special import stdtridf, stdtrit

    form = _Form(weights[first], square_weights(weights)[first], counts.astype(np.float64))
    fewest = most
    for level in LEVELS:
        quantile = form.quantile(level)
        if quantile > stdtrit(most, 1.0 - level / 2.0):
            fewest = min(fewest, float(stdtridf(1.0 - level / 2.0, quantile)))
    return max(fewest, 1.0)


class _Form:
    """D^2 - k^2 V, with clusters of one size taken together.

    Of m equal clusters m - 1 directions leave their mean alone: in these the form is -k^2 a. What is left has
    one direction for each size.
    """

    def __init__(self, weights: Array, squares: Array, counts: Array) -> None:
        root = np.sqrt(counts)
        mean = weights * root
        self.mean = np.outer(mean, mean)
        cross = np.outer(squares * root, mean)
        total = float((squares * counts).sum())
        self.variance = np.diag(squares) - cross - cross.T + total * self.mean
        self.squares, self.repeats = squares, counts - 1.0

    def tail(self, k: float) -> float:
        """P(|D^| > k sqrt(V))."""
        eigenvalues = np.linalg.eigvalsh(self.mean - k * k * self.variance)  # ascending
        negative = np.maximum(-eigenvalues[:-1], 0.0)
        scale = 1.0 / (eigenvalues[-1] * _SQUARED_SINES)[:, None]
        logs = np.log1p(scale * negative).sum(axis=1)
        logs += (self.repeats * np.log1p(scale * k * k * self.squares)).sum(axis=1)
        return float((_NODE_WEIGHTS * np.exp(-0.5 * logs)).sum() / 2.0)

    def quantile(self, level: float) -> float:
        """k with P(|D^| > k sqrt(V)) = level."""
        low, high = np.log(0.01), np.log(1e6)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2.0
            low, high = (middle, high) if self.tail(np.exp(middle)) > level else (low, middle)
        return float(np.exp(high))
