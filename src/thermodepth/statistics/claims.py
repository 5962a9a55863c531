"""Claims as hypotheses: what somebody says of a question, and whether a study bears it out.

A claim says that a quantity rises, falls or stays when an arm is compared. With m the smallest effect, all
differences in the scope "other seeds and scenes" and p after Holm over all claims judged together:

    rises/falls   replicates    p <= .05 with that sign, not within m, and, where the claim gives a size, the
                                whole interval at least as large
                  contradicts   p <= .05 with the other sign, or the whole interval short of the size
                  equivalent    the 90 % interval lies within m: there is no change worth the name
    stays         replicates    the 90 % interval lies within the size, or m where none is given
                  contradicts   p <= .05 and the whole interval beyond it
    otherwise     cannot tell; also with one run, one recording, or no measurement

Intervals that are held against a size are those of 95 % for all claims together (Bonferroni).

A claim speaks of a loss, and a study computes one reading of it: a form at a weight. So an outcome is that of
this reading, and is printed with it and with what it weighs (`switched`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from thermodepth.errors import SettingsError
from thermodepth.statistics.comparison import (
    ONE_RECORDING,
    ONE_RUN,
    SMALLEST_EFFECT,
    Comparison,
    change_words,
)
from thermodepth.statistics.labels import label_of, p_words
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.multiple_testing import holm
from thermodepth.statistics.pooled_df import compare_all
from thermodepth.statistics.questions import Question

Says = Literal["rises", "falls", "stays"]
Result = Literal["replicates", "contradicts", "equivalent", "cannot tell"]
#: What became of a claim *in the reading that was switched*, which is printed beside it.
RESULT_WORDS: Mapping[Result, str] = {
    "replicates": "replicated",
    "contradicts": "contradicted",
    "equivalent": "equivalent to no change",
    "cannot tell": "cannot tell",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One testable sentence."""

    name: str
    text: str  # as the author put it
    question: Question
    metric: str  # a quantity: METRIC or METRIC.FORM
    says: Says
    #: As a share of the reference's mean: the least change that it speaks of; with "stays", the largest.
    at_least: float | None = None

    @property
    def measured_as(self) -> str:
        """Such as `Without smooth: RMSE rises by 5 % or more`."""
        share = f"{100 * (self.at_least or 0.0):g} %"
        size = f" within {share}" if self.says == "stays" else f" by {share} or more"
        words = f"{self.question.title}: {label_of(self.metric)} {self.says}"
        return words + (size if self.at_least else "")

    def __post_init__(self) -> None:
        if self.at_least is not None and not 0.0 < self.at_least < float("inf"):
            raise SettingsError(
                f"claim '{self.name}': a size of {self.at_least}, expected a share above 0"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What became of a claim."""

    claim: Claim
    result: Result
    sentence: str  # says why: numbers, scope, interval
    comparison: Comparison | None  # None when it was not measured
    p_adjusted: float | None


def judge(
    claims: Sequence[Claim],
    measurements: Mapping[str, Measurements],
    *,
    reference: str,
    known_comparisons: Sequence[Comparison] = (),
    smallest_effect: float = SMALLEST_EFFECT,
    level: float = 0.95,
) -> tuple[Outcome, ...]:
    """The outcome of each claim, in order.

    Args:
        claims: all that are judged together; one question of one metric counts once for Holm.
        measurements: quantity -> its block. A claim whose quantity, or one of whose arms, is not there is
            "not measured", which is said.
        reference: the arm that sizes are relative to.
        known_comparisons: those that a study has already: a claim about one of them is judged by it, so that
            no number stands in two forms.
        smallest_effect: what is too small to matter, as a share of the reference's mean.
        level: of the intervals.

    Raises:
        SettingsError: for settings that `compare` refuses.
    """
    comparisons: dict[tuple[str, str], Comparison] = {}
    for metric, block in measurements.items():
        questions = {
            claim.question.name: claim.question
            for claim in claims
            if claim.metric == metric and not _lacking(claim, block, reference)
        }
        known = {
            name: each
            for name, question in questions.items()
            for each in known_comparisons
            if each.metric == metric and each.question.weights == question.weights
        }
        computed = compare_all(
            block,
            [question for name, question in questions.items() if name not in known],
            reference=reference,
            better="lower",  # says nothing here: a claim is about the sign
            smallest_effect=smallest_effect,
            level=level,
        )
        known |= {each.question.name: each for each in computed}
        comparisons |= {(name, metric): each for name, each in known.items()}
    tested = {key: p for key, each in comparisons.items() if (p := each.p_of_verdict) is not None}
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    return tuple(
        _outcome(
            claim, comparisons.get(key), adjusted.get(key), measurements, reference, len(tested)
        )
        for claim in claims
        for key in [(claim.question.name, claim.metric)]
    )


def _lacking(claim: Claim, block: Measurements, reference: str) -> str:
    """What keeps a claim from being judged; empty when nothing does."""
    arms = tuple(dict.fromkeys([*claim.question.arms, reference]))
    without = [
        arm for arm in arms if arm not in block.arms or not block.present[block.place(arm)].any()
    ]
    if without:
        return ", ".join(without)
    return "" if block.have_a_seed_in_common(arms) else "no seed that all its arms have"


def _outcome(
    claim: Claim,
    comparison: Comparison | None,
    p: float | None,
    measurements: Mapping[str, Measurements],
    reference: str,
    family: int,
) -> Outcome:
    if comparison is None:
        block = measurements.get(claim.metric)
        what = claim.metric if block is None else _lacking(claim, block, reference)
        sentence = f"Not measured ({what})."
        return Outcome(
            claim=claim, result="cannot tell", sentence=sentence, comparison=None, p_adjusted=None
        )
    result, why = _judged(claim, comparison, p, family)
    numbers = f"{label_of(claim.metric)}: {change_words(comparison)}"
    if p is not None:
        numbers += f", {p_words(p)} after Holm over {family}"
    notes = [note for note in comparison.notes if note not in (ONE_RUN, ONE_RECORDING)]
    sentence = f"{why[0].upper()}{why[1:]}. {numbers}."
    return Outcome(
        claim=claim,
        result=result,
        sentence=" ".join([sentence, *(f"{note[0].upper()}{note[1:]}." for note in notes)]),
        comparison=comparison,
        p_adjusted=p,
    )


def _judged(
    claim: Claim, comparison: Comparison, p: float | None, family: int
) -> tuple[Result, str]:
    if comparison.scope != "both" or p is None:
        reasons = [note for note in comparison.notes if note in (ONE_RUN, ONE_RECORDING)]
        return "cannot tell", "; ".join(reasons)
    size = comparison.margin
    if claim.at_least is not None:
        size = claim.at_least * abs(comparison.reference_value)
    share = f"{100 * (claim.at_least or 0):g} %"
    if claim.says == "stays":
        words = share if claim.at_least else "the smallest effect"
        return _judged_stays(comparison, p, size, words, family)
    direction = comparison.finding(p)
    if direction == "equivalent":
        return "equivalent", "whatever change there is is smaller than the smallest effect"
    if direction != "cannot tell" and (direction == "up") != (claim.says == "rises"):
        return "contradicts", f"it {'rises' if direction == 'up' else 'falls'}"
    word = f"it {claim.says}"
    # That a size is reached or out of reach has no p-value of its own: its interval counts the claims.
    low, high = comparison.interval(level=1.0 - (1.0 - comparison.level) / family)
    if claim.at_least is not None:
        farthest = high if claim.says == "rises" else -low
        if farthest < size:
            why = f"{word}, but by less than {share}"
            return (
                "contradicts",
                f"no change of {share} or more" if direction == "cannot tell" else why,
            )
    if direction == "cannot tell":
        return "cannot tell", "the noise is as large as the change"
    if claim.at_least is None:
        return "replicates", word
    if (low if direction == "up" else -high) >= size:
        return "replicates", f"{word}, and by {share} or more"
    return "cannot tell", f"{word}, but whether by {share} is open"


def _judged_stays(
    comparison: Comparison, p: float, size: float, words: str, family: int
) -> tuple[Result, str]:
    low, high = comparison.interval(level=2.0 * comparison.level - 1.0)
    if -size <= low and high <= size:
        return "replicates", f"the change is within {words}"
    low, high = comparison.interval(level=1.0 - (1.0 - comparison.level) / family)
    if p <= 1.0 - comparison.level and (low > size or high < -size):
        return "contradicts", f"the change is beyond {words}"
    return "cannot tell", f"the interval is on both sides of {words}"


# --- the paper's -----------------------------------------------------------------------------------


def _without(*terms: str) -> Question:
    arm = "-".join(f"no-{term}" for term in terms)
    return Question(
        name=arm,
        title=f"Without {' and '.join(terms)}",
        weights={arm: 1.0, "full": -1.0},
        kind="difference",
    )


_CONSISTENCY, _SMOOTH, _SILOG = _without("consistency"), _without("smooth"), _without("silog")
_BOTH = _without("smooth", "consistency")
_I = "Without the consistency loss RMSE rises a lot"
_I_SCALE = "Without the consistency loss the metric scale becomes unstable"
_II = "Without the smoothness loss both figures improve slightly"
_III = "Without both everything degrades sharply"
_III_STRUCTURE = "Without both the structure collapses"
_IV = "The SiLog loss changes little"
_V = "The smoothness loss lowers the spatial variability of the map"

#: What the paper claims of its five configurations. It gives no sizes: "a lot" and "sharply" are taken as 5 %
#: or more, "little" as 2 % or less, which its own numbers satisfy. An unstable scale is the variance over
#: frames of the frame's log bias. Variability is that of the map against the truth's, raw: above and below
#: 1 alike, for the claim is that it is lower, not that it is right. Off edges alone it passes through 0,
#: where a share of it means nothing.
PAPER_CLAIMS: tuple[Claim, ...] = (
    Claim(
        name="i-rmse", text=_I, question=_CONSISTENCY, metric="rmse", says="rises", at_least=0.05
    ),
    Claim(
        name="i-scale",
        text=_I_SCALE,
        question=_CONSISTENCY,
        metric="log_bias.spread",
        says="rises",
    ),
    Claim(name="ii-abs-rel", text=_II, question=_SMOOTH, metric="abs_rel", says="falls"),
    Claim(name="ii-rmse", text=_II, question=_SMOOTH, metric="rmse", says="falls"),
    Claim(
        name="iii-abs-rel",
        text=_III,
        question=_BOTH,
        metric="abs_rel",
        says="rises",
        at_least=0.05,
    ),
    Claim(name="iii-rmse", text=_III, question=_BOTH, metric="rmse", says="rises", at_least=0.05),
    Claim(
        name="iii-ordinal",
        text=_III_STRUCTURE,
        question=_BOTH,
        metric="ordinal_error",
        says="rises",
    ),
    Claim(
        name="iii-boundaries",
        text=_III_STRUCTURE,
        question=_BOTH,
        metric="boundary_f1",
        says="falls",
    ),
    Claim(
        name="iv-abs-rel", text=_IV, question=_SILOG, metric="abs_rel", says="stays", at_least=0.02
    ),
    Claim(name="iv-rmse", text=_IV, question=_SILOG, metric="rmse", says="stays", at_least=0.02),
    Claim(
        name="v-variability",
        text=_V,
        question=_SMOOTH,
        metric="total_variation_ratio",
        says="rises",
    ),
)
