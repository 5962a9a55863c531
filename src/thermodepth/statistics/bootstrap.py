"""Intervals for numbers that are no mean of values per image: pixel-pooled RMSE and its kind.

A pooled number is a function f of sums over images, T[a, s, i, k]: for RMSE over all pixels, of squared
errors and of pixels. Per arm it is f of a seed's sums, averaged over seeds; a contrast is their weighted sum.
Such a function has no exact interval. The pigeonhole bootstrap (Owen 2007) draws seeds and clusters anew,
independently and with replacement, S and G of them; with m_s and m_g how often each was drawn,

    y*_a = sum_s m_s / S f( sum_g m_g T[a, s, g, :] )

and the interval goes from one percentile of the drawn contrasts to the other. Every draw is the same for all
arms. With few seeds it is somewhat too narrow (docs/statistics.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError, SettingsError
from thermodepth.statistics.comparison import ONE_RECORDING, ONE_RUN
from thermodepth.statistics.two_way import Array, Clusters

DRAWS = 2000
_CHUNK = 64  # draws at a time: memory stays small, and sums do not depend on it

#: [... k] sums -> [...] the number.
OfSums = Callable[[Array], Array]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PooledEstimate:
    """A pooled contrast with its bootstrap interval."""

    value: float
    by_seed: Array  # [s]
    standard_error: float  # sd of the draws
    interval: tuple[float, float]
    level: float
    p: float  # two-sided: twice the smaller share of draws on one side of 0
    drawn: Array  # [draws] sorted
    seeds: int
    clusters: int
    notes: tuple[str, ...]  # what the interval does not know


def _two_sided_p(drawn: Array) -> float:
    """Of no difference, from draws of one; half of those at 0 are on each side."""
    signs = np.count_nonzero(drawn < 0.0) + 0.5 * np.count_nonzero(drawn == 0.0)
    below = (signs + 0.5) / (drawn.size + 1)
    return float(min(1.0, 2.0 * min(below, 1.0 - below)))


def pooled_contrast(
    sums: Array,
    clusters: Clusters,
    weights: Sequence[float],
    number_of: OfSums,
    *,
    draws: int = DRAWS,
    random_seed: int = 0,
    level: float = 0.95,
) -> PooledEstimate:
    """A contrast of pooled numbers.

    With one seed, or one cluster, only the other is drawn, and a note says so.

    Args:
        sums: [a s i k] what each image adds.
        clusters: of the images.
        weights: [a] of the arms.
        number_of: the number from the sums of many images, along the last axis.
        draws: of the bootstrap.
        random_seed: the same one gives the same digits.
        level: of the interval.

    Raises:
        DataError: for shapes that do not fit, values that are not finite, one seed on one cluster.
        SettingsError: for fewer than 100 draws.
    """
    _check_sums(sums, clusters, weights, draws)
    arm_weights = np.asarray(weights, dtype=np.float64)
    means = np.moveaxis(clusters.means(np.moveaxis(sums, 2, 3)), 3, 2)
    cells = means * clusters.sizes[:, None]  # [a s g k] sums over each cluster
    seeds, groups = cells.shape[1:3]
    if seeds == 1 and groups == 1:
        raise DataError("one seed on one cluster: nothing to draw from")

    def contrast(totals: Array) -> Array:  # [... a s k] -> [... s]
        return np.asarray((number_of(totals) * arm_weights[:, None]).sum(axis=-2))

    by_seed = contrast(cells.sum(axis=2))
    generator = np.random.default_rng(random_seed)
    m_s, m_g = (_drawn(generator, draws, count) for count in (seeds, groups))
    drawn = np.empty(draws)
    for start in range(0, draws, _CHUNK):
        inside = slice(start, start + _CHUNK)
        totals = np.einsum("bg,asgk->bask", m_g[inside], cells, optimize=False)
        drawn[inside] = (contrast(totals) * m_s[inside]).sum(axis=1) / seeds
    drawn.sort()
    low, high = np.quantile(drawn, [0.5 - level / 2.0, 0.5 + level / 2.0]).tolist()
    return PooledEstimate(
        value=float(by_seed.mean()),
        by_seed=by_seed,
        standard_error=float(drawn.std(ddof=1)),
        interval=(low, high),
        level=level,
        p=_two_sided_p(drawn),
        drawn=drawn,
        seeds=seeds,
        clusters=groups,
        notes=(*[ONE_RUN] * (seeds == 1), *[ONE_RECORDING] * (groups == 1)),
    )


def _check_sums(sums: Array, clusters: Clusters, weights: Sequence[float], draws: int) -> None:
    if draws < 100:
        raise SettingsError(f"{draws} draws, expected 100 or more")
    if sums.ndim != 4 or sums.shape[0] != len(weights) or sums.shape[2] != clusters.index.size:
        raise DataError(
            f"sums {sums.shape} with {len(weights)} weights and {clusters.index.size} images: expected "
            "[arms seeds images sums]"
        )
    if not np.isfinite(sums).all():
        raise DataError("some sums are not finite")


def ratio(sums: Array) -> Array:
    """First sum over second."""
    return np.asarray(sums[..., 0] / sums[..., 1])


def _drawn(generator: np.random.Generator, draws: int, count: int) -> NDArray[np.float64]:
    """[draws count] how often each of `count` is drawn, `count` of them at a time."""
    if count == 1:
        return np.ones((draws, 1))
    return generator.multinomial(count, np.full(count, 1.0 / count), size=draws).astype(np.float64)
