"""The A/A twin: the reference trained once more under the same seeds.

Whatever differs between the two is neither the recipe's nor the seed's doing. Where a machine repeats a
training bit for bit the difference is exactly nothing, so all noise in the study is that of seeds
and scenes; elsewhere (most GPUs) it is the floor below which no difference means anything.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from thermodepth.statistics.comparison import Comparison, TestedComparison
from thermodepth.statistics.labels import label_of


def twin_sentence(settled: Sequence[TestedComparison]) -> str:
    """What the twin says of the machine, from a study's comparisons; empty where there is none."""
    twins = [s.comparison for s in settled if s.comparison.question.kind == "twin"]
    if not twins:
        return ""
    what = f"A/A twin: trained again under the same seeds, {twins[0].reference}"
    sizes = [
        f"{label_of(each.metric)} {_largest(each)}"
        for each in twins
        if np.any(each.estimate.by_seed)
    ]
    if not sizes:
        return (
            f"{what} gives the same numbers to the last bit: all noise here is of seeds and scenes."
        )
    return (
        f"{what} differs from itself; by so much at most under one seed: {'; '.join(sizes)}. No smaller "
        "difference of two runs means anything on this machine."
    )


def _largest(comparison: Comparison) -> str:
    most = float(np.abs(comparison.estimate.by_seed).max())
    if not comparison.reference_value:
        return f"{most:.3g}"
    return f"{100.0 * most / abs(comparison.reference_value):.1f} %"
