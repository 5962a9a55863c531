"""What a study found: every question on every metric, verdicts, claims, what would settle the open ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain
from typing import TypedDict

from thermodepth.errors import SettingsError, unknown
from thermodepth.metrics import METRICS
from thermodepth.statistics.claims import Claim, Outcome, judge
from thermodepth.statistics.comparison import (
    SMALLEST_EFFECT,
    BestSet,
    Better,
    Comparison,
    TestedComparison,
    best_set,
    with_verdicts,
)
from thermodepth.statistics.default_questions import (
    ArmFactors,
    declared_kinds,
    factors_by_name,
    questions_of,
)
from thermodepth.statistics.designs import assumptions_of
from thermodepth.statistics.dose_response import DoseCurve, dose_curves
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.metric_names import direction_of
from thermodepth.statistics.paper_patterns import Pattern, patterns_of
from thermodepth.statistics.pooled_df import compare_all
from thermodepth.statistics.power import Plan, plan
from thermodepth.statistics.questions import Question, is_twin
from thermodepth.statistics.simple_effects import LevelCurve, level_curves
from thermodepth.statistics.switched import NOT_RECORDED, Switched


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything a report prints, and nothing that it must still compute."""

    reference: str
    arms: tuple[str, ...]
    primary: tuple[str, ...]  # metrics whose verdicts are adjusted for their number
    tested: tuple[TestedComparison, ...]  # questions in order, each on every metric
    best: Mapping[str, BestSet]  # by metric
    outcomes: tuple[Outcome, ...]  # of the claims
    plans: Mapping[tuple[str, str], Plan]  # (question, metric) of declared ones that are open
    doses: tuple[DoseCurve, ...]  # of weights that were varied
    levels: tuple[LevelCurve, ...]  # of switches at levels of something else, on primary metrics
    titles: Mapping[str, str]  # of the arms
    unanswered: tuple[str, ...]  # what failed cells leave no answer to, in words
    assumptions: tuple[str, ...]  # that effects and doses stand on, in words
    measurements: Mapping[str, Measurements]
    patterns: tuple[Pattern, ...] = ()  # of readings of the paper, beside its table
    #: By question: the reading of the loss that its verdict is about; empty where nobody knows the settings.
    switched: Mapping[str, Switched] = field(default_factory=dict)

    def switched_by(self, question: Question) -> Switched:
        """What a question switches, as far as anybody knows it."""
        return self.switched.get(question.name, NOT_RECORDED)

    def comparison_of(self, question: str, metric: str) -> TestedComparison:
        """One comparison by the names of its question and metric.

        Raises:
            SettingsError: when it was not made.
        """
        for each in self.tested:
            if (each.comparison.question.name, each.comparison.metric) == (question, metric):
                return each
        names = [f"{s.comparison.question.name}, {s.comparison.metric}" for s in self.tested]
        raise SettingsError(unknown("comparison", f"{question}, {metric}", names))

    def differences(self, metric: str, arms: Sequence[str]) -> dict[str, Comparison]:
        """The comparisons of these arms with the reference, as far as they were made."""
        return {
            each.comparison.question.name: each.comparison
            for each in self.tested
            if each.comparison.metric == metric
            and each.comparison.question.name in arms
            and each.comparison.question.kind in ("difference", "twin")
        }


def analyze(
    measurements: Mapping[str, Measurements],
    *,
    reference: str,
    titles: Mapping[str, str] | None = None,
    arm_factors: ArmFactors | None = None,
    questions: Sequence[Question] | None = None,
    primary: Sequence[str] | None = None,
    better: Mapping[str, Better] | None = None,
    claims: Sequence[Claim] = (),
    claimed: Mapping[str, Measurements] | None = None,
    switched: Mapping[str, Switched] | None = None,
    smallest_effect: float = SMALLEST_EFFECT,
    level: float = 0.95,
) -> Findings:
    """Answer every question on every metric.

    Args:
        measurements: by metric, or METRIC.FORM.
        reference: the arm that percentages are of.
        titles: what people call the arms; an arm without one goes by its name.
        arm_factors: design and doses of the arms; None reads them from their names, and says so.
        questions: None takes every arm's difference to the reference, and the effects of the design.
        primary: metrics whose verdicts count together for Holm, on simple effects and their trend, else on
            main effects and interactions of a factorial, else on differences to the reference; None takes all
            that have a direction.
        better: which way a metric runs, where its name does not tell it (`metric_names.direction_of`). One of
            which nobody knows is descriptive: it has intervals, no verdict and no best set.
        claims: to be judged, on `claimed` where they speak of other quantities than `measurements`.
        switched: by question, what it switches; to be told beside its verdict.
        smallest_effect: what is too small to matter, as a share of the reference's mean.
        level: of the intervals.

    Raises:
        SettingsError: for a reference or primary metric that is not measured, or one without direction.
    """
    blocks = _each_once(measurements)
    arms = _arms_with(reference, blocks)
    directions = {name: (better or {}).get(name) or direction_of(name) for name in blocks}
    directed = {name: way for name, way in directions.items() if way is not None}
    primary = _primary(primary, directions)
    factors = arm_factors or factors_by_name(arms, reference)
    defaults = questions_of(arms, reference, titles=titles, arm_factors=factors)
    every = defaults if questions is None else tuple(questions)
    size: _Size = {"reference": reference, "smallest_effect": smallest_effect, "level": level}
    comparisons = _comparisons(blocks, every, directions, size)
    tested = _tested(comparisons, every, {blocks[name].metric for name in primary})
    ranked = [arm for arm in arms if not is_twin(arm, reference)]
    dosed = {name: blocks[name] for name in directed}
    return Findings(
        reference=reference,
        arms=arms,
        primary=primary,
        tested=tested,
        best=_best_sets(blocks, directed, ranked),
        outcomes=judge(claims, claimed or measurements, known_comparisons=comparisons, **size),
        plans=_plans(tested),
        doses=dose_curves(dosed, tested, doses=factors.doses, better=directed),
        levels=level_curves(
            factors.simple_effects, tested, [blocks[name].metric for name in primary]
        ),
        measurements=blocks,
        titles={arm: (titles or {}).get(arm, arm) for arm in arms},
        unanswered=_unanswered(blocks, every, ranked, reference),
        assumptions=_assumptions(factors) if questions is None else (),
        patterns=patterns_of(factors.readings, blocks, tested),
        switched=switched or {},
    )


def _arms_with(reference: str, blocks: Mapping[str, Measurements]) -> tuple[str, ...]:
    arms = next(iter(blocks.values())).arms
    if reference not in arms:
        raise SettingsError(unknown("reference arm", reference, arms))
    return arms


class _Size(TypedDict):
    """What sizes are relative to, and how sure an interval is."""

    reference: str
    smallest_effect: float
    level: float


def _primary(
    names: Sequence[str] | None, directions: Mapping[str, Better | None]
) -> tuple[str, ...]:
    """The primary metrics: those named, else all that have a direction."""
    if names is None:
        return tuple(name for name, way in directions.items() if way is not None)
    for name in names:
        if name not in directions:
            raise SettingsError(unknown("primary metric", name, directions))
        if directions[name] is None:
            raise SettingsError(f"primary metric {name}: say which way is better, lower or higher")
    return tuple(names)


def _comparisons(
    blocks: Mapping[str, Measurements],
    questions: Sequence[Question],
    directions: Mapping[str, Better | None],
    size: _Size,
) -> list[Comparison]:
    """Every question that some seed can answer, in order, each on every metric."""
    by_metric = [
        compare_all(
            block,
            [q for q in questions if block.have_a_seed_in_common((*q.arms, size["reference"]))],
            better=directions[name],
            **size,
        )
        for name, block in blocks.items()
    ]
    order = {question.name: number for number, question in enumerate(questions)}
    return sorted(chain.from_iterable(by_metric), key=lambda each: order[each.question.name])


def _best_sets(
    blocks: Mapping[str, Measurements], directed: Mapping[str, Better], ranked: Sequence[str]
) -> dict[str, BestSet]:
    """Of each metric with a direction, where some seed has results of every arm."""
    return {
        name: best_set(blocks[name], better=way, arms=ranked)
        for name, way in directed.items()
        if _ranks_together(blocks[name], ranked)
    }


def _plans(tested: Sequence[TestedComparison]) -> dict[tuple[str, str], Plan]:
    """What would settle the declared comparisons that are open."""
    family = max((each.family for each in tested), default=1)
    return {
        (each.comparison.question.name, each.comparison.metric): plan(
            each.comparison, family=family
        )
        for each in tested
        if each.verdict == "cannot tell" and each.comparison.scope == "both"
    }


def _assumptions(factors: ArmFactors) -> tuple[str, ...]:
    """What effects and doses stand on, in words."""
    sentence = factors.sentence
    return (*assumptions_of(factors.design), *([sentence] if sentence else []))


def _unanswered(
    blocks: Mapping[str, Measurements],
    questions: Sequence[Question],
    ranked: Sequence[str],
    reference: str,
) -> tuple[str, ...]:
    """What failed cells leave no answer to, in words."""
    sentences: dict[str, None] = {}
    for block in blocks.values():
        lost = [q for q in questions if not block.have_a_seed_in_common((*q.arms, reference))]
        sentences |= dict.fromkeys(
            f"Not answered: {question.title}; no seed has results of all its arms."
            for question in lost
        )
        if not _ranks_together(block, ranked):
            sentences["No best set: no seed has results of every arm."] = None
    return tuple(sentences)


def _ranks_together(block: Measurements, arms: Sequence[str]) -> bool:
    """Whether some seed has results of every arm that has any."""
    with_results = [arm for arm in arms if block.present[block.place(arm)].any()]
    return block.have_a_seed_in_common(with_results)


def _tested(
    comparisons: Sequence[Comparison], questions: Sequence[Question], primary: Set[str]
) -> tuple[TestedComparison, ...]:
    """Verdicts for what is declared: on primary metrics, the effects of a factorial, else the differences.

    A factorial's main effects and interactions say all there is, and so do simple effects and their trend:
    differences of their arms, Shapley values and the like are the same numbers in other sums, and to count
    them too would only raise every p-value. A twin is no hypothesis, and a slope says again what the levels
    beside it say. What was declared and cannot be answered, for its cells failed, counts all the same.
    """
    chosen = declared_kinds(question.kind for question in questions)
    declared = [
        each for each in comparisons if each.metric in primary and each.question.kind in chosen
    ]
    others = [each for each in comparisons if each not in declared]
    count = len(primary) * sum(question.kind in chosen for question in questions)
    lost = count - len(declared)
    tested = {
        id(s.comparison): s
        for s in (*with_verdicts(declared, lost=lost), *with_verdicts(others, primary=()))
    }
    return tuple(tested[id(each)] for each in comparisons)


def _each_once(measurements: Mapping[str, Measurements]) -> dict[str, Measurements]:
    """As they are compared: a metric that should be close to a value by its distance from it.

    Of two names for one quantity, such as `log_bias` and `log_bias.distance`, the first is kept.
    """
    blocks: dict[str, Measurements] = {}
    for name, block in measurements.items():
        row = METRICS.get(name)
        closer = row is not None and row.better == "closer"
        compared = block.form("distance", optimum=row.optimum) if row and closer else block
        if compared.metric not in {other.metric for other in blocks.values()}:
            blocks[name] = compared
    return blocks
