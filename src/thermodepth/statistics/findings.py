"""What a study found: every question on every metric, verdicts, claims, what would settle the open ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain

from thermodepth.errors import SettingsError, unknown
from thermodepth.metrics import METRICS
from thermodepth.statistics.claims import Claim, Outcome, judge
from thermodepth.statistics.comparison import (
    SMALLEST_EFFECT,
    BestSet,
    Better,
    Comparison,
    Settled,
    best_set,
    settle,
)
from thermodepth.statistics.default_questions import (
    Asked,
    asked_by_name,
    declared_kinds,
    questions_of,
)
from thermodepth.statistics.designs import assumptions_of
from thermodepth.statistics.dose_response import DoseCurve, dose_curves
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.metric_names import direction_of
from thermodepth.statistics.pooled_df import compare_all
from thermodepth.statistics.power import Plan, plan
from thermodepth.statistics.questions import Question, is_twin


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
    assumptions: tuple[str, ...]  # that effects and doses stand on, in words
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

    def differences(self, metric: str, arms: Sequence[str]) -> dict[str, Comparison]:
        """The comparisons of these arms with the reference, as far as they were made."""
        return {
            each.comparison.question.name: each.comparison
            for each in self.settled
            if each.comparison.metric == metric
            and each.comparison.question.name in arms
            and each.comparison.question.kind in ("difference", "twin")
        }


def findings(
    measurements: Mapping[str, Measurements],
    *,
    reference: str,
    titles: Mapping[str, str] | None = None,
    asked: Asked | None = None,
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
        asked: design and doses of the arms; None reads them from their names, and says so.
        questions: None takes every arm's difference to the reference, and the effects of the design.
        primary: metrics whose verdicts count together for Holm; None takes all that have a direction. Of a
            factorial the main effects and interactions get verdicts, of another design the differences to the
            reference.
        better: which way a metric runs, where its name does not tell it (`metric_names.direction_of`). One of
            which nobody knows is descriptive: it has intervals, no verdict and no best set.
        claims: to be judged.
        claimed: the quantities that claims speak of, where they are others than `measurements`.
        smallest_effect: what is too small to matter, as a share of the reference's mean.
        level: of the intervals.

    Raises:
        SettingsError: for a reference or primary metric that is not measured, or a primary metric of which it
            is not known which way is better.
    """
    shown = _each_once(measurements)
    first = next(iter(shown.values()))
    if reference not in first.arms:
        raise SettingsError(unknown("reference arm", reference, first.arms))
    runs = {name: (better or {}).get(name) or direction_of(name) for name in shown}
    for name in primary or ():
        if name not in shown:
            raise SettingsError(unknown("primary metric", name, shown))
        if runs[name] is None:
            raise SettingsError(f"primary metric {name}: say which way is better, lower or higher")
    directed = {name: way for name, way in runs.items() if way is not None}
    primary = tuple(directed) if primary is None else tuple(primary)
    asked = asked or asked_by_name(first.arms, reference)
    every = (
        questions_of(first.arms, reference, titles=titles, asked=asked)
        if questions is None
        else tuple(questions)
    )
    by_metric = [
        compare_all(
            block,
            [q for q in every if block.have_a_seed_in_common((*q.arms, reference))],
            reference=reference,
            better=runs[name],
            smallest_effect=smallest_effect,
            level=level,
        )
        for name, block in shown.items()
    ]
    place = {question.name: number for number, question in enumerate(every)}
    made = sorted(chain.from_iterable(by_metric), key=lambda each: place[each.question.name])
    settled = _settled(made, every, {shown[name].metric for name in primary})
    ranked = [arm for arm in first.arms if not is_twin(arm, reference)]
    family = max((s.family for s in settled), default=1)
    return Findings(
        reference=reference,
        arms=first.arms,
        primary=primary,
        settled=settled,
        best={
            name: best_set(shown[name], better=way, arms=ranked)
            for name, way in directed.items()
            if _ranks_together(shown[name], ranked)
        },
        outcomes=judge(
            claims,
            claimed or measurements,
            answered=made,
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
        doses=dose_curves(
            {name: shown[name] for name in directed}, settled, doses=asked.doses, better=directed
        ),
        measurements=shown,
        titles={arm: (titles or {}).get(arm, arm) for arm in first.arms},
        unanswered=_unanswered(shown, every, ranked, reference),
        assumptions=(
            *(assumptions_of(asked.design) if questions is None else ()),
            *([asked.sentence] if asked.sentence and questions is None else []),
        ),
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
        if not _ranks_together(block, ranked):
            told["No best set: no seed has results of every arm."] = None
    return tuple(told)


def _ranks_together(block: Measurements, arms: Sequence[str]) -> bool:
    """Whether some seed has results of every arm that has any."""
    with_results = [arm for arm in arms if block.present[block.place(arm)].any()]
    return block.have_a_seed_in_common(with_results)


def _settled(
    made: Sequence[Comparison], asked: Sequence[Question], primary: Set[str]
) -> tuple[Settled, ...]:
    """Verdicts for what is declared: on primary metrics, the effects of a factorial, else the differences.

    A factorial's main effects and interactions say all there is; its arms' differences, Shapley values and
    the like are the same numbers in other sums, and to count them too would only raise every p-value. A twin
    is no hypothesis, and a slope says again what the levels beside it say. What was declared and cannot be
    answered, for its cells failed, counts all the same.
    """
    chosen = declared_kinds(question.kind for question in asked)
    declared = [each for each in made if each.metric in primary and each.question.kind in chosen]
    others = [each for each in made if each not in declared]
    count = len(primary) * sum(question.kind in chosen for question in asked)
    lost = count - len(declared)
    found = {
        id(s.comparison): s for s in (*settle(declared, lost=lost), *settle(others, primary=()))
    }
    return tuple(found[id(each)] for each in made)


def _each_once(measurements: Mapping[str, Measurements]) -> dict[str, Measurements]:
    """As they are compared: a metric that should be close to a value by its distance from it.

    Of two names for one quantity, such as `log_bias` and `log_bias.distance`, the first is kept.
    """
    shown: dict[str, Measurements] = {}
    for name, block in measurements.items():
        row = METRICS.get(name)
        closer = row is not None and row.better == "closer"
        made = block.form("distance", optimum=row.optimum) if row and closer else block
        if made.metric not in {other.metric for other in shown.values()}:
            shown[name] = made
    return shown
