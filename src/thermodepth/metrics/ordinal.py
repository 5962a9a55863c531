"""The ordinal family: which of two pixels is nearer. It needs no dense truth and no scale.

    r(i, j) = +1 where d_i > (1 + tau) d_j, -1 where d_j > (1 + tau) d_i, else 0        tau = 0.03

The error is the share of pairs on whose r prediction and truth disagree (Chen et al. 2016, "Depth in the
Wild", arXiv 1604.03901, with the truth's own ratio in place of a person's judgement). About 20 000 different
pairs are drawn for each frame, a third of them for each class of distance: below 16 pixels, 16 to 64, and
from 64 on. Within a class every pair of scored pixels is equally likely.

The whole is the mean over the classes that could be measured, not over all pairs: sparse truth has few
near pairs, and its error must not become one of far pairs for that.
"""

from __future__ import annotations

import math
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thermodepth.metrics.arrays import Map
from thermodepth.metrics.row import MapFamily, Measured, MetricRow
from thermodepth.metrics.truth_map import TruthMap

_TAU = 0.03
_PAIRS_PER_CLASS = 6667
_LEAST_PAIRS = 50
# Work is bounded: what 24 rounds of proposals have not found is too rare to be looked for.
_PROPOSALS = 16384
_ROUNDS = 24

#: Class of distance -> its bounds in pixels, `low <= distance < high`.
_CLASSES = {"near": (1.0, 16.0), "middle": (16.0, 64.0), "far": (64.0, math.inf)}

_Index = NDArray[np.intp]  # [m] into the flattened map


class _Pairs(NamedTuple):
    first: _Index
    second: _Index
    relation: NDArray[np.int8]  # [m] r of the truth


def _relation(first_m: NDArray[np.float64], second_m: NDArray[np.float64]) -> NDArray[np.int8]:
    # Products, not a quotient: the two sides of a pair are then treated alike to the last bit.
    farther = first_m > (1.0 + _TAU) * second_m
    nearer = second_m > (1.0 + _TAU) * first_m
    return farther.astype(np.int8) - nearer.astype(np.int8)


def _pairs(truth: TruthMap) -> dict[str, _Pairs]:
    """The pairs of each class that has enough of them; the same in every process."""
    generator = np.random.default_rng(zlib.crc32(truth.sample_id.encode()))
    depth = truth.depth_m.ravel()
    pairs = {}
    for name, (low, high) in _CLASSES.items():
        first, second = _draw_pairs(truth.valid, low, high, generator)
        if first.size >= _LEAST_PAIRS:
            pairs[name] = _Pairs(first, second, _relation(depth[first], depth[second]))
    return pairs


def _draw_pairs(
    valid: NDArray[np.bool_], low_px: float, high_px: float, generator: np.random.Generator
) -> tuple[_Index, _Index]:
    """Different pairs of valid pixels at this distance, each as likely as any other."""
    height, width = valid.shape
    pixels = np.flatnonzero(valid)
    if pixels.size < 2 or math.hypot(height - 1, width - 1) < low_px:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    steps = _steps(low_px, high_px, height, width)
    # Any two valid pixels may be too far apart or too near, a pixel and a step may end where there is no
    # truth. Both give the same distribution; sparse truth is found sooner by the first.
    by_step = pixels.size > 2 * len(steps) > 0
    codes = np.empty(0, np.int64)
    for _ in range(_ROUNDS):
        first = generator.choice(pixels, _PROPOSALS)
        y, x = np.divmod(first, width)
        if by_step:
            step = generator.choice(steps, _PROPOSALS)
            v, u = y + step[:, 0], x + step[:, 1]
            inside = (v < height) & (u >= 0) & (u < width)
            first, second = first[inside], (v * width + u)[inside]
            good = valid.ravel()[second]
        else:
            second = generator.choice(pixels, _PROPOSALS)
            first, second = np.minimum(first, second), np.maximum(first, second)
            v, u = np.divmod(second, width)
            y, x = np.divmod(first, width)
            square = np.square(v - y) + np.square(u - x)
            good = (square >= low_px**2) & (square < high_px**2)
        before = codes.size
        codes = np.append(codes, first[good] * valid.size + second[good])
        # In the order drawn: cut off in sorted order, the bottom of the picture would be lost.
        codes = codes[np.sort(np.unique(codes, return_index=True)[1])]
        if codes.size >= _PAIRS_PER_CLASS or codes.size == before:
            break
    codes = np.sort(codes[:_PAIRS_PER_CLASS])
    return codes // valid.size, codes % valid.size


def _steps(low_px: float, high_px: float, height: int, width: int) -> NDArray[np.intp]:
    """[k 2] (dy, dx) from the first pixel of a pair, in reading order, to the second."""
    if math.isinf(high_px):
        return np.empty((0, 2), np.intp)
    down, aside = min(int(high_px), height - 1), min(int(high_px), width - 1)
    y, x = np.mgrid[0 : down + 1, -aside : aside + 1]
    square = y * y + x * x
    later = (y > 0) | (x > 0)
    return np.argwhere(later & (square >= low_px**2) & (square < high_px**2)) - (0, aside)


def _measure(prediction_m: Map, truth: TruthMap) -> dict[str, Measured]:
    predicted = prediction_m.ravel()
    parts = {}
    for name, pairs in truth.once(_pairs).items():
        relation = _relation(predicted[pairs.first], predicted[pairs.second])
        wrong = int(np.count_nonzero(relation != pairs.relation))
        parts[f"ordinal_error_{name}"] = Measured(wrong / relation.size, relation.size)
    if not parts:
        return {}
    mean = math.fsum(part.value for part in parts.values()) / len(parts)
    return {"ordinal_error": Measured(mean, sum(p.count for p in parts.values())), **parts}


def _row(name: str, label: str, pairs: str) -> MetricRow:
    return MetricRow(
        name=name,
        unit="",
        better="lower",
        label=label,
        digits=4,
        definition=f"share of {pairs} on whose order, nearer, farther or within 3 %, p and d disagree",
        source="after Chen et al. 2016 (Depth in the Wild), arXiv 1604.03901",
        optimum=0.0,
        scale_invariant=True,
        least_pixels=_LEAST_PAIRS,
        differs="pairs drawn from the truth, none judged by people",
    )


ORDINAL = MapFamily(
    name="ordinal",
    rows=(
        _row("ordinal_error", "ordinal error", "pairs, mean of near, middle and far,"),
        _row("ordinal_error_near", "ordinal error near", "pairs less than 16 px apart"),
        _row("ordinal_error_middle", "ordinal error middle", "pairs 16 to 64 px apart"),
        _row("ordinal_error_far", "ordinal error far", "pairs 64 px or more apart"),
    ),
    measure=_measure,
)
