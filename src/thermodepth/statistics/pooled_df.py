"""Several questions of one metric answered together.

Alone, a question must tell from its own few seeds how much of its noise is theirs; together they tell it
better (W of `crossed`). Differences of arms are one family, main effects and interactions another: sums of
alike over the same runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from thermodepth.statistics.comparison import SMALLEST_EFFECT, Better, Comparison, compare
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.questions import Question
from thermodepth.statistics.two_way import with_pooled_df


def compare_all(
    measurements: Measurements,
    questions: Sequence[Question],
    *,
    reference: str,
    better: Better | None,
    smallest_effect: float = SMALLEST_EFFECT,
    absolute: bool = False,
    level: float = 0.95,
) -> tuple[Comparison, ...]:
    """The comparisons in the order of the questions.

    Args and errors are those of `compare`.
    """
    comparisons = [
        compare(
            measurements,
            question,
            reference=reference,
            better=better,
            smallest_effect=smallest_effect,
            absolute=absolute,
            level=level,
        )
        for question in questions
    ]
    families: dict[str, list[int]] = {}
    for place, question in enumerate(questions):
        families.setdefault(_family(question), []).append(place)
    for places in families.values():
        shared = with_pooled_df([comparisons[place].estimate for place in places])
        for place, estimate in zip(places, shared, strict=True):
            comparison = comparisons[place]
            if estimate is not comparison.estimate:
                comparisons[place] = replace(
                    comparison,
                    estimate=estimate,
                    p=estimate.p_value(),
                    p_equivalence=estimate.p_equivalence(comparison.margin),
                )
    return tuple(comparisons)


def _family(question: Question) -> str:
    """A twin has none of the noise that differences have, so it is of a kind of its own."""
    return "effect" if question.kind in ("main effect", "interaction") else question.kind
