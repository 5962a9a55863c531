"""What a study found: every question on every metric, verdicts, claims, what would settle the open ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain

from thermodepth.errors import SettingsError, unknown
from thermodepth.metrics import METRICS
from thermodepth.study.analysis.claims import Claim, Outcome, judge
from thermodepth.study.analysis.comparison import (
    SMALLEST_EFFECT,
    BestSet,
    Better,
    Comparison,
    Settled,
    best_set,
    settle,
)
from thermodepth.study.analysis.designs import FULL, Design, listed, recognised
from thermodepth.study.analysis.doses import DoseCurve, dose_curves, doses_of
from thermodepth.study.analysis.measurements import Measurements
from thermodepth.study.analysis.planner import Plan, plan
from thermodepth.study.analysis.questions import Kind, Question, against, is_twin
from thermodepth.study.analysis.shapley import Settings
from thermodepth.study.analysis.together import compare_all

_EFFECTS: frozenset[Kind] = frozenset({"main effect", "interaction"})
_NEVER_DECLARED: frozenset[Kind] = frozenset({"twin", "slope"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything a report prints, and nothing that it must still compute."""

    reference: str
    arms: tuple[str, ...]
    primary: tuple[str, ...]  # metrics whose verdicts are adjusted for their number
    settled: tuple[Settled, ...]  # questions in order, each on every metric
    best: Mapping[str, BestSet]  # by metric
    outcomes: tuple[Outcome, ...]  # of the claims
    plans: Mapping[tuple[str, str], Plan]  # (question, metric) of declared ones that are open
    doses: tuple[DoseCurve, ...]  # of weights that were varied
    titles: Mapping[str, str]  # of the arms
    unanswered: tuple[str, ...]  # what failed cells leave no answer to, in words
    measurements: Mapping[str, Measurements]

    def of(self, question: str, metric: str) -> Settled:
        """One comparison by the names of its question and metric.

        Raises:
            SettingsError: when it was not made.
        """
        for each in self.settled:
            if (each.comparison.question.name, each.comparison.metric) == (question, metric):
                return each
        names = [f"{s.comparison.question.name}, {s.comparison.metric}" for s in self.settled]
        raise SettingsError(unknown("comparison", f"{question}, {metric}", names))


def findings(
    measurements: Mapping[str, Measurements],
    *,
    reference: str,
    titles: Mapping[str, str] | None = None,
    questions: Sequence[Question] | None = None,
    primary: Sequence[str] | None = None,
    better: Mapping[str, Better] | None = None,
    claims: Sequence[Claim] = (),
    claimed: Mapping[str, Measurements] | None = None,
    smallest_effect: float = SMALLEST_EFFECT,
    level: float = 0.95,
) -> Findings:
    """Answer every question on every metric.

    Args:
        measurements: by metric, or METRIC.FORM.
        reference: the arm that percentages are of.
        titles: what people call the arms; an arm without one goes by its name.
        questions: None takes every arm's difference to the reference, and the effects that the arms'
            names allow (see `design_of`).
        primary: metrics whose verdicts count together for Holm; None takes all. Of a factorial the main
            effects and interactions get verdicts, of another design the differences to the reference.
        better: which way a metric runs, where `METRICS` does not know it; lower unless said.
        claims: to be judged.
        claimed: the quantities that claims speak of, where they are others than `measurements`.
        smallest_effect: what is too small to matter, as a share of the reference's mean.
        level: of the intervals.

    Raises:
        SettingsError: for a reference or primary metric that is not measured.
    """
    shown = {name: _to_the_optimum(name, block) for name, block in measurements.items()}
    first = next(iter(shown.values()))
    if reference not in first.arms:
        raise SettingsError(unknown("reference arm", reference, first.arms))
    for name in primary or ():
        if name not in shown:
            raise SettingsError(unknown("primary metric", name, shown))
    asked = list(questions_of(first.arms, reference, titles) if questions is None else questions)
    runs = {name: (better or {}).get(name, _runs(name)) for name in shown}
    by_metric = [
        compare_all(
            block,
            [q for q in asked if block.have_a_seed_in_common((*q.arms, reference))],
            reference=reference,
            better=runs[name],
            smallest_effect=smallest_effect,
            level=level,
        )
        for name, block in shown.items()
    ]
    place = {question.name: number for number, question in enumerate(asked)}
    made = sorted(chain.from_iterable(by_metric), key=lambda each: place[each.question.name])
    settled = _settled(made, {shown[name].metric for name in primary or shown})
    ranked = [arm for arm in first.arms if not is_twin(arm, reference)]
    family = max((s.family for s in settled), default=1)
    return Findings(
        reference=reference,
        arms=first.arms,
        primary=tuple(primary or shown),
        settled=settled,
        best={
            name: best_set(block, better=runs[name], arms=ranked)
            for name, block in shown.items()
            if block.have_a_seed_in_common([a for a in ranked if _has_results(block, a)])
        },
        outcomes=judge(
            claims,
            claimed or measurements,
            reference=reference,
            smallest_effect=smallest_effect,
            level=level,
        )
        if claims
        else (),
        plans={
            (s.comparison.question.name, s.comparison.metric): plan(s.comparison, family=family)
            for s in settled
            if s.verdict == "cannot tell" and s.comparison.scope == "both"
        },
        doses=dose_curves(shown, settled, arms=first.arms, better=runs),
        measurements=shown,
        titles={arm: (titles or {}).get(arm, arm) for arm in first.arms},
        unanswered=_unanswered(shown, asked, ranked, reference),
    )


def _unanswered(
    shown: Mapping[str, Measurements],
    asked: Sequence[Question],
    ranked: Sequence[str],
    reference: str,
) -> tuple[str, ...]:
    """What failed cells leave no answer to, in words."""
    told: dict[str, None] = {}
    for block in shown.values():
        lost = [q for q in asked if not block.have_a_seed_in_common((*q.arms, reference))]
        told |= dict.fromkeys(
            f"Not answered: {question.title}; no seed has results of all its arms."
            for question in lost
        )
        if not block.have_a_seed_in_common([a for a in ranked if _has_results(block, a)]):
            told["No best set: no seed has results of every arm."] = None
    return tuple(told)


def _has_results(block: Measurements, arm: str) -> bool:
    return bool(block.present[block.place(arm)].any())


def _settled(made: Sequence[Comparison], primary: Set[str]) -> tuple[Settled, ...]:
    """Verdicts for what is declared: on primary metrics, the effects of a factorial, else the differences.

    A twin is no hypothesis, and a slope says again what the levels beside it say.

    A factorial's main effects and interactions say all there is; its arms' differences, Shapley values and
    the like are the same numbers in other sums, and to count them too would only raise every p-value.
    """
    chosen = declared_kinds(each.question.kind for each in made)
    declared = [each for each in made if each.metric in primary and each.question.kind in chosen]
    others = [each for each in made if each not in declared]
    found = {id(s.comparison): s for s in (*settle(declared), *settle(others, primary=()))}
    return tuple(found[id(each)] for each in made)


def declared_kinds(kinds: Iterable[Kind]) -> frozenset[Kind]:
    """The kinds of questions that get verdicts, of those that are asked."""
    asked = frozenset(kinds)
    return _EFFECTS if asked & _EFFECTS else asked - _NEVER_DECLARED


def questions_of(
    arms: Sequence[str], reference: str, titles: Mapping[str, str] | None = None
) -> tuple[Question, ...]:
    """Each arm against the reference, then the effects that a design of these names can tell."""
    found = list(against(reference, arms, titles=titles))
    design = design_of(arms)
    if design is not None:
        names = {question.name for question in found}
        # Leaving one out is the difference to "full", turned round: asked once.
        found += [
            question
            for question in design.questions()
            if question.name not in names and question.kind != "leave one out"
        ]
    for dose in doses_of(arms):
        if reference == FULL and dose.has_slope:
            found.append(dose.slope())
    return tuple(found)


def design_of(arms: Sequence[str]) -> Design | None:
    """The design that arms named `full`, `no-A`, `no-A-no-B` make; None where a name says nothing.

    The factors come in the order in which the names first leave them out.
    """
    if FULL not in arms:
        return None
    off_of: dict[str, tuple[str, ...]] = {}
    for arm in arms:
        parts = () if arm == FULL else tuple(f"-{arm}".split("-no-"))
        if arm != FULL and (parts[0] or not all(parts[1:])):
            continue  # such as "full-twin"
        off_of[arm] = parts[1:]
    factors = tuple(dict.fromkeys(factor for off in off_of.values() for factor in off))
    if len(factors) < 2:  # one switch: its difference says it all
        return None
    settings: dict[str, Settings] = {
        arm: tuple(factor not in off for factor in factors) for arm, off in off_of.items()
    }
    return recognised(listed(factors, settings))


def _to_the_optimum(name: str, block: Measurements) -> Measurements:
    """A metric that should be close to a value is compared by its distance from it."""
    row = METRICS.get(name)
    return block.form("distance", optimum=row.optimum) if row and row.better == "closer" else block


def _runs(name: str) -> Better:
    row = METRICS.get(name.partition(".")[0])
    return "higher" if row is not None and row.better == "higher" else "lower"
