"""Many comparisons at once, and a test that assumes nothing of the noise but its symmetry.

Holm (1979): the smallest of m p-values times m, the next times m - 1, ... never decreasing; the chance of
one false finding among all declared comparisons stays below the level.

Sign flips: were an arm no better, the difference of each seed could as well have had the other sign. The
p-value is the share of the 2^S sign patterns whose mean is at least as far from 0. With S seeds it cannot
be smaller than 2^(1 - S): three seeds never reach .05, six do. It speaks of seeds on this test set.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_EXACT_SEEDS = 20  # half a million sign patterns
_DRAWN = 1 << 16


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def sign_flip_p(by_seed: NDArray[np.float64]) -> float:
    """Two-sided p-value of "no difference" from the difference of each seed [s]; 1 for one seed.

    Exact up to `MOST_EXACT_SEEDS` seeds. Beyond, 65 536 patterns are drawn with a fixed generator.
    """
    values = np.asarray(by_seed, dtype=np.float64)
    count = values.size
    # Equal up to rounding is "at least as far": the observed pattern and its mirror must count themselves.
    observed = abs(float(values.sum())) - 1e-12 * float(np.abs(values).sum())
    if count <= MOST_EXACT_SEEDS:
        sums = values[:1]  # a pattern and its mirror are equally far: the first sign stays
        for value in values[1:]:
            sums = np.concatenate([sums + value, sums - value])
        return float(np.mean(np.abs(sums) >= observed))
    generator = np.random.default_rng(0)
    sums = np.zeros(_DRAWN)
    for value in values:
        sums += value * (2.0 * generator.integers(0, 2, _DRAWN) - 1.0)
    hits = np.count_nonzero(np.abs(sums) >= observed)
    return float((hits + 1) / (_DRAWN + 1))


def least_sign_flip_p(seeds: int) -> float:
    """The smallest p-value that so many seeds can give."""
    if seeds <= MOST_EXACT_SEEDS:
        return float(2.0 ** (1 - seeds))
    return 1.0 / (_DRAWN + 1)
