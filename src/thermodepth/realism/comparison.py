"""Two sets of patches side by side: each statistic alone, the spectra, and all of it together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.realism.patches import BANDS, STATISTICS, PatchSet
from thermodepth.realism.separation import Separation, auc, separation

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One statistic in both sets."""

    name: str
    first: tuple[float, float, float]  # 10th, 50th, 90th percentile
    second: tuple[float, float, float]
    auc: float  # of it alone, .5 to 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """What tells two sets of thermal frames apart."""

    first: PatchSet
    second: PatchSet
    joint: Separation
    differences: tuple[Difference, ...]
    octave_ratio: NDArray[np.float64]  # [4] median variance in each octave, first over second


def compare(first: PatchSet, second: PatchSet, *, seed: int = 0) -> Comparison:
    """Raises `DataError` where a set is one recording."""
    joint = separation(first.statistics, first.group, second.statistics, second.group, seed=seed)
    differences = []
    for column, name in enumerate(STATISTICS):
        a, b = first.statistics[:, column], second.statistics[:, column]
        alone = auc(a, b)
        differences.append(
            Difference(name=name, first=_ends(a), second=_ends(b), auc=max(alone, 1 - alone))
        )
    return Comparison(
        first=first,
        second=second,
        joint=joint,
        differences=tuple(differences),
        octave_ratio=_octaves(first) / _octaves(second),
    )


def _ends(values: NDArray[np.float64]) -> tuple[float, float, float]:
    low, middle, high = np.percentile(values, (10, 50, 90)).tolist()
    return low, middle, high


def _octaves(patches: PatchSet) -> NDArray[np.float64]:
    sums = [patches.spectrum[:, low - 1 : high - 1].sum(1) for low, high in BANDS]
    return np.array([float(np.median(band)) for band in sums])
