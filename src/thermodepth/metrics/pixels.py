"""The scored pixels of one frame, their errors computed once for all metrics, and groups of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thermodepth.metrics.arrays import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Which group each pixel is in, by the cell it is in: one pass over the pixels serves every group."""

    index: NDArray[np.intp]  # [n] the cell of each pixel
    cells: NDArray[np.int64]  # [c] pixels in each cell
    members: NDArray[np.bool_]  # [k c] which cells make up each group

    @classmethod
    def from_index(cls, index: NDArray[np.integer], count: int) -> Groups:
        """Groups 0..count-1 from one number per pixel; a pixel with any other number is in none."""
        inside = (index >= 0) & (index < count)
        cell_index = np.where(inside, index, count).astype(np.intp)
        cells = np.bincount(cell_index, minlength=count + 1)
        return cls(cell_index, cells, np.eye(count, count + 1, dtype=np.bool_))

    @classmethod
    def joined(cls, partitions: Sequence[Groups]) -> Groups:
        """The groups of several partitions of the same pixels, one after the other."""
        first, *others = partitions
        index, members = first.index, first.members
        for other in others:
            cells = other.cells.size
            index = index * cells + other.index
            members = np.concatenate(
                [np.repeat(members, cells, axis=1), np.tile(other.members, members.shape[1])]
            )
        return cls(index, np.bincount(index, minlength=members.shape[1]), members)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """[k] pixels in each group, 0 where it is empty."""
        return self.summed(self.cells)

    def summed(self, cell_values: NDArray[Any]) -> NDArray[Any]:
        """[k] the sum over the cells of each group."""
        sums: NDArray[Any] = np.where(self.members, cell_values, 0).sum(axis=1)
        return sums

    def cell_sums(self, term: NDArray[Any]) -> NDArray[np.float64]:
        """[c] the sum of a term [n] over each cell."""
        sums = np.bincount(self.index, weights=term, minlength=self.cells.size)
        return np.asarray(sums, dtype=np.float64)


class PixelErrors:
    """Errors of a prediction p at pixels of truth d, each computed when first asked for.

    Raises:
        ValueError: for shapes that are not one and the same [n], no pixel at all, or a value that is not a
            finite positive number of metres. A NaN that is averaged away or counted as wrong has given
            published methods the best score of a table.
    """

    def __init__(
        self,
        prediction_m: NDArray[np.floating],
        truth_m: NDArray[np.floating],
        *,
        log_truth: Pixels | None = None,  # ln of the truth, where it is at hand
        groups: Groups | None = None,  # None: all pixels are one group
    ) -> None:
        self.p, self.d = scored_pixels(prediction_m, truth_m)
        self._log_truth = log_truth
        self._groups = groups

    def regrouped(self, groups: Groups) -> PixelErrors:
        """The same pixels in other groups; what is computed already is kept."""
        copy = PixelErrors.__new__(PixelErrors)
        per_group = ("log_mean", "log_variance")
        copy.__dict__.update({k: v for k, v in self.__dict__.items() if k not in per_group})
        copy._groups = groups
        return copy

    def mean(self, term: NDArray[np.floating] | NDArray[np.bool_]) -> NDArray[np.float64]:
        """[k] the mean of a term [n] over each group; NaN where a group is empty."""
        if self._groups is None:
            if term.dtype == np.bool_:
                return np.array([np.count_nonzero(term) / term.size])
            return np.array([term.mean(dtype=np.float64)])
        groups = self._groups
        return _quotient(groups.summed(groups.cell_sums(term)), groups.sizes)

    def variance(self, term: Pixels) -> NDArray[np.float64]:
        """[k] the mean square about each group's own mean.

        The textbook difference of means loses every digit once the mean is large against the spread, and
        may even come out negative.
        """
        if self._groups is None:
            return self.mean(np.square(term - term.mean()))
        groups = self._groups
        sums = groups.cell_sums(term)
        cell_means = np.divide(sums, groups.cells, out=np.zeros_like(sums), where=groups.cells > 0)
        within = groups.cell_sums(np.square(term - cell_means[groups.index]))
        means = _quotient(groups.summed(sums), groups.sizes)
        apart = groups.cells * np.square(cell_means - means[:, None])
        between = np.where(groups.members, apart, 0.0).sum(axis=1)
        return _quotient(groups.summed(within) + between, groups.sizes)

    @cached_property
    def absolute(self) -> Pixels:
        """|p - d|, metres."""
        return np.abs(self.p - self.d)

    @cached_property
    def square(self) -> Pixels:
        """(p - d)^2, square metres."""
        return np.square(self.absolute)

    @cached_property
    def relative(self) -> Pixels:
        """|p - d| / d."""
        return self.absolute / self.d

    @cached_property
    def log_ratio(self) -> Pixels:
        """g = ln p - ln d."""
        log_truth = np.log(self.d) if self._log_truth is None else self._log_truth
        return np.log(self.p) - log_truth

    @cached_property
    def log_mean(self) -> NDArray[np.float64]:
        """[k] mean g of each group."""
        return self.mean(self.log_ratio)

    @cached_property
    def log_variance(self) -> NDArray[np.float64]:
        """[k] variance of g in each group."""
        return self.variance(self.log_ratio)

    @cached_property
    def ratio(self) -> Pixels:
        """max(p/d, d/p)."""
        return np.maximum(self.p / self.d, self.d / self.p)


def _quotient(sums: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    means = np.full(counts.size, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def scored_pixels(
    prediction_m: NDArray[np.floating], truth_m: NDArray[np.floating]
) -> tuple[Pixels, Pixels]:
    """The two arrays as float64, after refusing everything that must never become a score.

    Raises:
        ValueError: as `PixelErrors`.
    """
    prediction = np.asarray(prediction_m, dtype=np.float64)
    truth = np.asarray(truth_m, dtype=np.float64)
    if prediction.ndim != 1 or prediction.shape != truth.shape:
        raise ValueError(
            f"a metric takes two 1-D arrays of the same pixels, got {prediction.shape} and {truth.shape}"
        )
    if prediction.size < 1:
        raise ValueError("a metric needs at least 1 scored pixel, got 0")
    for name, values in (("prediction", prediction), ("truth", truth)):
        # NaN fails both comparisons, so these two reductions settle finiteness and sign together.
        if not (values.min() > 0.0 and values.max() < np.inf):
            bad = int(np.count_nonzero(~(np.isfinite(values) & (values > 0.0))))
            raise ValueError(
                f"{bad} of {values.size} scored pixels of the {name} are not finite positive metres"
            )
    return prediction, truth
