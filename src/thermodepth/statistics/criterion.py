"""Several metrics as one number, for a choice that must be made by one.

    J[a, s, i] = 1/M sum over metrics m of  y_m[a, s, i] / r_m        r_m the reference's mean of m

so J of the reference is 1 on average, and 100 (J[a] - J[reference]) is the mean of the arm's changes in
percent. J is linear in the metrics: seeds, clusters and intervals are those of any other quantity, with
r_m taken as known, as percentages take it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from thermodepth.errors import DataError
from thermodepth.statistics.labels import label_of
from thermodepth.statistics.measurements import Measurements


def criterion_name(metrics: Sequence[str]) -> str:
    """`mean change of AbsRel and RMSE`."""
    labels = [label_of(metric) for metric in metrics]
    if len(labels) == 1:
        return f"change of {labels[0]}"
    return f"mean change of {', '.join(labels[:-1])} and {labels[-1]}"


def mean_relative(blocks: Sequence[Measurements], *, reference: str) -> Measurements:
    """The criterion of these metrics.

    Args:
        blocks: one metric each, of the same arms, seeds and images.
        reference: the arm whose means are 1.

    Raises:
        DataError: for metrics of other images, cells with results of one metric alone, or a reference
            without results or with a mean of 0.
    """
    first = blocks[0]
    total = np.zeros_like(first.values)
    for block in blocks:
        if (block.arms, block.seeds, block.images, block.clusters) != (
            first.arms,
            first.seeds,
            first.images,
            first.clusters,
        ) or not np.array_equal(block.present, first.present):
            raise DataError(
                f"{block.metric} and {first.metric} are not of the same cells and images, so they make no "
                "criterion"
            )
        own = block.values[block.place(reference)][block.present[block.place(reference)]]
        mean = float(own.mean()) if own.size else 0.0
        if mean == 0.0:
            raise DataError(
                f"{block.metric}: the mean of {reference} is "
                f"{'0' if own.size else 'not known'}, so nothing is relative to it"
            )
        total += block.values / mean
    return replace(
        first,
        metric=criterion_name([block.metric for block in blocks]),
        values=total / len(blocks),
        pixels=None,
    )
