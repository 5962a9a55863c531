"""A plain classifier and how well it does on recordings that it has not seen.

Logistic regression with a small ridge on standardised statistics, fitted by Newton's method; the area under
the curve of its held-out scores (Mann-Whitney: the chance that a patch of the one set scores above one of the
other). Folds and the interval go by recording, for patches of one frame are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS = 5
_RIDGE = 1.0
_ROUNDS = 30
_RESAMPLES = 400


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Separation:
    """How well two sets are told apart: .5 not at all, 1 always."""

    auc: float
    low: float  # 95 % by resampling recordings
    high: float
    scores: NDArray[np.float64]  # [n] held out, of the first set's patches, then of the second's


def separation(
    first: NDArray[np.float64],
    first_group: NDArray[np.intp],
    second: NDArray[np.float64],
    second_group: NDArray[np.intp],
    *,
    seed: int = 0,
) -> Separation:
    """Cross-validated over recordings.

    Args:
        first: [n f] statistics of the first set's patches.
        first_group: [n] their recordings.
        second: [m f] of the second set.
        second_group: [m].
        seed: of the folds and the resampling.

    Raises:
        DataError: for a set with fewer than two recordings, which leaves nothing to hold out.
    """
    rng = np.random.default_rng(seed)
    sides = [
        _folds(rng, group, name)
        for name, group in (("first", first_group), ("second", second_group))
    ]
    features, label = (
        np.concatenate([first, second]),
        np.repeat([0.0, 1.0], [len(first), len(second)]),
    )
    fold = np.concatenate(sides)
    scores = np.zeros(len(label))
    for number in np.unique(fold).tolist():
        held_out = fold == number
        if held_out.all() or len(np.unique(label[~held_out])) < 2:
            raise DataError("too few recordings to hold some out of both sets")
        weights, centre, scale = _fit(features[~held_out], label[~held_out])
        scores[held_out] = (
            np.c_[np.ones(held_out.sum()), (features[held_out] - centre) / scale] @ weights
        )
    value = auc(scores[label == 0], scores[label == 1])
    low, high = _interval(rng, scores[label == 0], first_group, scores[label == 1], second_group)
    return Separation(auc=value, low=low, high=high, scores=scores)


def auc(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> float:
    """The chance that a value of `upper` is above one of `lower`; ties count half."""
    every = np.concatenate([lower, upper])
    _, inverse, counts = np.unique(every, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n, m = len(lower), len(upper)
    return float((rank[n:].sum() - m * (m + 1) / 2) / (n * m))


def _folds(rng: np.random.Generator, group: NDArray[np.intp], name: str) -> NDArray[np.intp]:
    """[n] fold of each patch; a recording is in one fold."""
    recordings = np.unique(group)
    if len(recordings) < 2:
        raise DataError(
            f"the {name} set is one recording: nothing can be held out (frames of a folder count as "
            "recordings each, unless --groups folder)"
        )
    recording_folds = rng.permutation(len(recordings)) % min(FOLDS, len(recordings))
    return recording_folds[np.searchsorted(recordings, group)].astype(np.intp)


def _fit(
    features: NDArray[np.float64], label: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Weights with the intercept first, and what to standardise by. Both sets weigh the same."""
    centre, scale = features.mean(0), features.std(0) + 1e-9
    design = np.c_[np.ones(len(label)), (features - centre) / scale]
    share = label.mean()
    weight = np.where(label == 1, 0.5 / share, 0.5 / (1 - share))
    ridge = np.diag([0.0, *np.full(features.shape[1], _RIDGE)])
    beta = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-(design @ beta).clip(-30, 30)))
        slope = design.T @ (weight * (label - chance)) - ridge @ beta
        bend = (design * (weight * chance * (1 - chance))[:, None]).T @ design + ridge
        bend[0, 0] += 1e-9
        step = np.linalg.solve(bend, slope)
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    return beta, centre, scale


def _interval(
    rng: np.random.Generator,
    lower: NDArray[np.float64],
    lower_group: NDArray[np.intp],
    upper: NDArray[np.float64],
    upper_group: NDArray[np.intp],
) -> tuple[float, float]:
    """95 % of the area when recordings are drawn again with replacement; scores stay as they are."""
    parts = [
        [scores[group == g] for g in np.unique(group)]
        for scores, group in ((lower, lower_group), (upper, upper_group))
    ]
    values = []
    for _ in range(_RESAMPLES):
        resampled = [
            np.concatenate([side[i] for i in rng.integers(0, len(side), len(side))])
            for side in parts
        ]
        values.append(auc(resampled[0], resampled[1]))
    low, high = np.percentile(values, (2.5, 97.5)).tolist()
    return float(low), float(high)
