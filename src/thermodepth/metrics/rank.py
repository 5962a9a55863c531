"""The rank family: do farther pixels come out farther, and is more seen than their place tells.

    rank correlation     correlation of the ranks of p and d over the scored pixels (Spearman)
    partial correlation  the same after both ranks were regressed, by least squares, on 1, x, y, x^2, y^2, xy

x and y are the column and row of a pixel. In most pictures what is lower is nearer, so a ramp over the rows
that never looks has a high rank correlation (.94 on real table tops, .86 on real streets). The regression
takes away what six terms of the place follow: a ramp has a partial correlation of 0. Pictures of one kind
have more in common than that: on real streets the mean map of other streets, which never looks either, has
.40. Where there are other frames, such a guess is a `prior`, and is regressed on as well.
Ranks ask for no scale and for no shape of the curve between p and d: any rising fit gives the same value.

Equal values share the mean of their ranks. A map in which nothing is left (a flat one, or a ramp) has 0;
truth in which nothing is left is not measured. Where truth has holes the ranks of a ramp bend with the number
of scored pixels in each row, which no polynomial follows to the end; so nothing is left of a map whose ranks
the six terms and the ranks of x and y together explain but for 1 % of their variance.

Source: Spearman 1904; partial correlation as in Kendall and Stuart, The Advanced Theory of Statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thermodepth.metrics.arrays import Map, Pixels
from thermodepth.metrics.row import MapFamily, Measured, MetricRow
from thermodepth.metrics.truth_map import TruthMap

_LEAST_PIXELS = 50
# What rounding leaves of ranks that are a polynomial of the place, as a share of their spread.
_NOTHING = 1e-9
# A tenth of the spread: 1 % of the variance. What is left of real maps is a quarter of it and more.
_LITTLE = 0.1

_PLAIN = MetricRow(
    name="rank_correlation",
    unit="",
    better="higher",
    label="rank correlation",
    digits=4,
    definition="correlation of the ranks of p and d",
    source="Spearman 1904",
    optimum=1.0,
    scale_invariant=True,
    least_pixels=_LEAST_PIXELS,
)
_PARTIAL = MetricRow(
    name="partial_correlation",
    unit="",
    better="higher",
    label="partial correlation",
    digits=4,
    definition="correlation of the ranks of p and d, both less their regression on 1, x, y, x^2, y^2, xy",
    source="Spearman 1904, partial; the layout prior is defined here",
    optimum=1.0,
    scale_invariant=True,
    least_pixels=_LEAST_PIXELS,
)


class _Ranks(NamedTuple):
    centred: Pixels  # [n] ranks less their mean
    beyond: Pixels  # [n] ranks less their regression on the place


class RankAgreement(NamedTuple):
    """How far two maps agree on what is nearer."""

    rank: float  # Spearman's
    partial: float  # the same, beyond what the place in the picture tells


class _Layout(NamedTuple):
    """Orthonormal [n] at the scored pixels."""

    terms: tuple[Pixels, ...]  # that span 1, x, y, x^2, y^2, xy, and the ranks of a guess
    ranks: tuple[Pixels, ...]  # that span the ranks of x and y besides


class _TruthRanks(NamedTuple):
    layout: _Layout
    ranks: _Ranks  # of the truth


def partial_correlation(a: Map, b: Map, *, valid: NDArray[np.bool_]) -> float:
    """Rank correlation of two maps [h w] at the `valid` pixels, beyond what their place tells.

    0 where either map has nothing beyond its layout.
    """
    layout = _layout(valid)
    first, second = (_ranks(values[valid], layout) for values in (a, b))
    return _correlation(first.beyond, second.beyond)


class RankReference:
    """A map that others of the same view are compared with by ranks; what is its own is worked out once."""

    def __init__(self, reference: Map, *, prior: Map | None = None) -> None:
        """
        Args:
            reference: `[h w]` in which larger means the same as in what is compared; NaN = none.
            prior: `[h w]` a guess that saw no picture, such as the mean of other frames: for the partial
                correlation the ranks are also regressed on its ranks. Streets have more layout than six
                terms follow, so such a guess has a partial correlation of .4 with them when it is left out.
        """
        self._size = reference.shape[1], reference.shape[0]
        self._valid = np.isfinite(reference)
        self._layout: _Layout | None = None
        if np.count_nonzero(self._valid) >= _LEAST_PIXELS:
            self._layout = _layout(self._valid, prior)
            self._ranks = _ranks(reference[self._valid], self._layout)

    def agreement(self, values: Map) -> RankAgreement:
        """Both correlations with a map `[h' w']`, brought to this size by the mean of the area of a pixel.

        Returns:
            NaN for both where the reference has fewer than 50 values; each NaN where nothing is left of the
            reference.
        """
        import cv2  # a large library

        if self._layout is None:
            return RankAgreement(float("nan"), float("nan"))
        if values.shape != self._valid.shape:
            area = cv2.INTER_AREA
            values = cv2.resize(np.asarray(values, np.float64), self._size, interpolation=area)
        reference, candidate = self._ranks, _ranks(values[self._valid], self._layout)
        return RankAgreement(
            _correlation(candidate.centred, reference.centred)
            if reference.centred.any()
            else float("nan"),
            _correlation(candidate.beyond, reference.beyond)
            if reference.beyond.any()
            else float("nan"),
        )


def rank_agreement(values: Map, reference: Map, *, prior: Map | None = None) -> RankAgreement:
    """As `RankReference` has it, once."""
    return RankReference(reference, prior=prior).agreement(values)


def _truth_ranks(truth: TruthMap) -> _TruthRanks:
    layout = _layout(truth.valid)
    return _TruthRanks(layout, _ranks(truth.depth_m[truth.valid], layout))


def _layout(valid: NDArray[np.bool_], prior: Map | None = None) -> _Layout:
    from scipy.stats import rankdata

    rows, columns = np.nonzero(valid)
    height, width = valid.shape
    y, x = (2.0 * rows + 1.0) / height - 1.0, (2.0 * columns + 1.0) / width - 1.0
    guess = () if prior is None else (rankdata(prior[valid]),)
    terms = _orthonormal((np.ones(x.size), x, y, x * x, y * y, x * y, *guess), [])
    ranks = _orthonormal((rankdata(rows), rankdata(columns)), terms)
    return _Layout(tuple(terms), tuple(ranks))


def _orthonormal(vectors: Sequence[Pixels], before: Sequence[Pixels]) -> list[Pixels]:
    """What each vector adds to those before it; one that adds nothing is left out."""
    basis: list[Pixels] = []
    for vector in vectors:
        residual = _without(
            _without(vector, [*before, *basis]), [*before, *basis]
        )  # twice is enough
        length = _length(residual)
        if length > _NOTHING * _length(vector):  # one row of pixels has no y beside the 1
            basis.append(residual / length)
    return basis


def _ranks(values: Pixels, layout: _Layout) -> _Ranks:
    from scipy.stats import rankdata

    ranks = rankdata(values)
    centred = ranks - ranks.mean()
    residual = _without(_without(ranks, layout.terms), layout.terms)
    threshold = max(
        _LITTLE * _length(centred), _NOTHING * _length(ranks)
    )  # a flat map has no spread
    nothing = _length(_without(residual, layout.ranks)) <= threshold
    return _Ranks(centred, np.zeros_like(residual) if nothing else residual)


def _without(values: Pixels, basis: Sequence[Pixels]) -> Pixels:
    # Not np.dot: its last digits depend on how many threads the machine lends it.
    for direction in basis:
        values = values - (direction * values).sum() * direction
    return values


def _length(values: Pixels) -> float:
    return float(np.sqrt(np.square(values).sum()))


def _correlation(a: Pixels, b: Pixels) -> float:
    # The root of the product, not the product of the roots: of a map with itself it is the square exactly.
    norm = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float(np.clip((a * b).sum() / norm, -1.0, 1.0)) if norm > 0.0 else 0.0


def _measure(prediction_m: Map, truth: TruthMap) -> dict[str, Measured]:
    count = int(np.count_nonzero(truth.valid))
    if count < _LEAST_PIXELS:
        return {}
    truth_ranks = truth.once(_truth_ranks)
    ranks = _ranks(prediction_m[truth.valid], truth_ranks.layout)
    measured = {}
    if truth_ranks.ranks.centred.any():
        plain = _correlation(ranks.centred, truth_ranks.ranks.centred)
        measured[_PLAIN.name] = Measured(plain, count)
    if truth_ranks.ranks.beyond.any():
        partial = _correlation(ranks.beyond, truth_ranks.ranks.beyond)
        measured[_PARTIAL.name] = Measured(partial, count)
    return measured


RANK = MapFamily(name="rank", rows=(_PLAIN, _PARTIAL), measure=_measure)
