"""The A/A twin: the reference trained once more under the same seeds.

Whatever differs between the two is neither the recipe's nor the seed's doing. Where a machine repeats a
training bit for bit the difference is exactly nothing, so all noise in the study is that of seeds
and scenes; elsewhere (most GPUs) it is the floor below which no difference means anything.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from thermodepth.study.analysis.comparison import Settled, change_words
from thermodepth.study.analysis.labels import label_of


def twin_sentences(settled: Sequence[Settled]) -> tuple[str, ...]:
    """What the twin says of each metric among a study's comparisons; nothing where there is none."""
    twins = [s.comparison for s in settled if s.comparison.question.kind == "twin"]
    same = [each for each in twins if not np.any(each.estimate.by_seed)]
    told = []
    if same:
        names = ", ".join(label_of(each.metric) for each in same)
        told.append(
            f"A/A twin: trained again under the same seeds, {same[0].reference} gives the same {names} to "
            "the last bit; nothing but seeds and scenes makes noise here."
        )
    for each in twins:
        if each in same:
            continue
        most = float(np.abs(each.estimate.by_seed).max())
        share = 100.0 * most / abs(each.reference_value) if each.reference_value else None
        size = f"{most:.3g}" if share is None else f"{share:.1f} %"
        told.append(
            f"A/A twin: trained again under the same seeds, {each.reference} differs from itself in "
            f"{label_of(each.metric)} by {change_words(each)}, and by up to {size} under one "
            "seed. No smaller difference means anything on this machine."
        )
    return tuple(told)
