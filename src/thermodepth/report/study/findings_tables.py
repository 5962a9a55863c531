"""Findings as printed tables: effects, claims, what would settle the open ones, the best sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from thermodepth.metrics import METRICS
from thermodepth.report.evaluation.warnings import published_note
from thermodepth.report.study.readings import READING, WHAT, switched_notes
from thermodepth.report.table import Cell, Column, Interval, Table
from thermodepth.statistics.claims import RESULT_WORDS
from thermodepth.statistics.comparison import SCOPE_WORDS, Comparison, TestedComparison, share_of
from thermodepth.statistics.findings import Findings
from thermodepth.statistics.labels import digits_of, label_of, p_text
from thermodepth.statistics.questions import Kind
from thermodepth.statistics.two_way import Scope

_CLEAR_WORDS: Mapping[Kind, str] = {"interaction": "interact", "trend": "changes"}
#: Of intervals, in the order of their columns.
SCOPES_SHOWN: tuple[Scope, ...] = ("seeds", "scenes", "both")


def findings_tables(findings: Findings) -> dict[str, Table]:
    """Every table by the stem of its file; one without lines is left out."""
    tables = {
        "effects": effects_table(findings),
        "scopes": scopes_table(findings),
    }
    if findings.best:
        tables["best"] = best_table(findings)
    if findings.outcomes:
        tables["claims"] = claims_table(findings)
    if findings.plans:
        tables["planner"] = planner_table(findings)
    return tables


def effects_table(
    findings: Findings, *, metrics: Sequence[str] | None = None, readings_below: bool = False
) -> Table:
    """A line for each question and metric: the change, its interval, its p-value, the verdict.

    Where the study is known, the reading that a verdict is about stands beside it; with `readings_below` in
    a note for each question, as a terminal has room for it.
    """
    with_readings = bool(findings.switched) and not readings_below
    lines: list[tuple[Cell, ...]] = [
        (
            s.comparison.question.title,
            s.comparison.question.kind,
            *([findings.switched_by(s.comparison.question).text] if with_readings else []),
            label_of(s.comparison.metric),
            s.comparison.percent,
            interval_of(s.comparison),
            None if s.p_adjusted is None else p_text(s.p_adjusted),
            s.comparison.sign_flip,
            s.comparison.d_z,
            s.comparison.win_rate,
            verdict_words(s),
        )
        for s in findings.tested
        if metrics is None or s.comparison.metric in metrics
    ]
    family = max((s.family for s in findings.tested), default=0)
    notes = [
        f"Δ in percent of the mean of “{findings.titles[findings.reference]}”{_other_bases(findings)}; "
        f"{_scope_words(findings)}; "
        f"p after Holm over {family} declared comparisons; sign flip: exact over seeds"
        f"{_least_flip(findings)}; d_z: mean over standard deviation of the seeds' differences; wins: share "
        "of images, over seeds, on the better side. Effects are of switching on, differences of the arm "
        "named first.",
        *([f"{READING} {WHAT}"] if findings.switched else []),
        *(switched_notes(findings, metrics) if findings.switched and readings_below else []),
        *_reasons(findings.tested),
        *findings.assumptions,
        *findings.unanswered,
        *_published(s.comparison.metric for s in findings.tested),
    ]
    return Table(
        title="What each change does",
        columns=(
            Column(label="Question", align="left"),
            Column(label="Kind", align="left"),
            *([Column(label="This reading", align="left")] if with_readings else []),
            Column(label="Metric", align="left"),
            Column(label="Δ (%)", digits=1, signed=True),
            Column(label="95 %", signed=True),
            Column(label="p (Holm)"),
            Column(label="p (sign flip)", digits=3),
            Column(label="d_z", digits=1, signed=True),
            Column(label="wins", digits=2),
            Column(label="Verdict", align="left"),
        ),
        rows=tuple(lines),
        notes=tuple(notes),
    )


def _published(metrics: Iterable[str]) -> tuple[str, ...]:
    names = dict.fromkeys(metric.partition(".")[0] for metric in metrics)
    return published_note(METRICS[name] for name in names if name in METRICS)


def scopes_table(findings: Findings) -> Table:
    """The same differences in the three scopes, which must not be mixed."""
    lines: list[tuple[Cell, ...]] = []
    for s in findings.tested:
        comparison = s.comparison
        spans = [interval_of(comparison, scope=scope) for scope in SCOPES_SHOWN]
        lines.append(
            (comparison.question.title, label_of(comparison.metric), comparison.percent, *spans)
        )
    return Table(
        title="In three scopes",
        columns=(
            Column(label="Question", align="left"),
            Column(label="Metric", align="left"),
            Column(label="Δ (%)", digits=1, signed=True),
            *(Column(label=scope, signed=True) for scope in SCOPES_SHOWN),
        ),
        rows=tuple(lines),
        notes=(
            "95 % intervals in percent. "
            + "; ".join(f"{scope}: {words}" for scope, words in SCOPE_WORDS.items())
            + ".",
            *_reasons(findings.tested),
        ),
    )


def best_table(findings: Findings) -> Table:
    """Means per arm, bold the best and all that cannot be told from it, where that is not every arm."""
    metrics = list(findings.best)
    blocks = {name: findings.measurements[name] for name in metrics}
    # What marks every line marks nothing.
    best = {
        name: best_set.arms if len(best_set.arms) <= len(best_set.p_adjusted) else ()
        for name, best_set in findings.best.items()
    }
    lines: list[tuple[Cell, ...]] = []
    bold: set[tuple[int, int]] = set()
    for number, arm in enumerate(findings.arms):
        line: list[Cell] = [findings.titles[arm]]
        for place, name in enumerate(metrics, 1):
            block = blocks[name]
            seeds_measured = block.present[block.place(arm)]
            values = block.values[block.place(arm)][seeds_measured]
            line.append(float(values.mean()) if values.size else None)
            if arm in best[name]:
                bold.add((number, place))
        lines.append(tuple(line))
    notes = [
        "Bold: the best mean, and every arm whose difference from it is not significant (Holm over the "
        "other arms); nothing where that is every arm."
    ]
    notes += dict.fromkeys(note for best in findings.best.values() for note in best.notes)
    notes += _published(metrics)
    return Table(
        title="Means, and the set of best arms",
        columns=(
            Column(label="Arm", align="left"),
            *(Column(label=label_of(blocks[n].metric), digits=digits_of(n)) for n in metrics),
        ),
        rows=tuple(lines),
        notes=tuple(notes),
        bold=frozenset(bold),
    )


def claims_table(findings: Findings) -> Table:
    """A line a claim: what was said, in which reading of the loss, what became of it, why."""
    labels = ("Claim", "This reading", "Outcome", "Measured as", "Why")
    return Table(
        title="Claims, in this reading of the loss",
        columns=tuple(Column(label=label, align="left") for label in labels),
        rows=tuple(
            (
                each.claim.text,
                findings.switched_by(each.claim.question).text,
                RESULT_WORDS[each.result],
                each.claim.measured_as,
                each.sentence,
            )
            for each in findings.outcomes
        ),
        notes=(f"{READING} {WHAT}",),
    )


def planner_table(findings: Findings) -> Table:
    """What would settle the declared comparisons that are open."""
    lines: list[tuple[Cell, ...]] = []
    for (question, metric), plan in findings.plans.items():
        s = findings.comparison_of(question, metric)
        least = share_of(100 * plan.least_detectable, abs(s.comparison.reference_value))
        lines.append(
            (
                s.comparison.question.title,
                label_of(metric),
                s.comparison.percent,
                least,
                "as a difference" if plan.settles == "difference" else "as equivalent",
                plan.seeds if plan.seeds is not None else "> 100",
                plan.clusters if plan.clusters is not None else "> 10000",
            )
        )
    return Table(
        title="What would settle the open ones",
        columns=(
            Column(label="Question", align="left"),
            Column(label="Metric", align="left"),
            Column(label="Δ (%)", digits=1, signed=True),
            Column(label="least detectable (%)", digits=1),
            Column(label="would settle", align="left"),
            Column(label="seeds in all"),
            Column(label="or scenes in all"),
        ),
        rows=tuple(lines),
        notes=(
            "If the difference stays what it is. Variances of few seeds are themselves uncertain.",
        ),
    )


def interval_of(comparison: Comparison, *, scope: Scope | None = None) -> Interval | None:
    """In percent, in the printed scope or the one named; None where it cannot be told."""
    chosen = scope or comparison.printed_scope
    if chosen is None or chosen not in comparison.estimate.spreads:
        return None
    span = comparison.percent_interval(scope=chosen)
    return None if span is None else Interval(*span, 1)


def verdict_words(settled: TestedComparison) -> str:
    """The verdict; an interaction is neither better nor worse, it is there; and so is a trend of effects."""
    if settled.verdict is None:
        return "descriptive"
    if settled.verdict in ("better", "worse"):
        return _CLEAR_WORDS.get(settled.comparison.question.kind, settled.verdict)
    return settled.verdict


def _other_bases(findings: Findings) -> str:
    """Of questions that are about a level, what their percentages are of."""
    has_base = any(s.comparison.question.base for s in findings.tested)
    return ", of a simple effect of the same level's arm without the switch" if has_base else ""


def _least_flip(findings: Findings) -> str:
    seeds = {s.comparison.estimate.seeds: s.comparison.least_sign_flip for s in findings.tested}
    words = [f"at least {least:.3g} for {count}" for count, least in sorted(seeds.items())]
    return f", {', '.join(words)}" if words else ""


def _scope_words(findings: Findings) -> str:
    """`95 % interval for other seeds and scenes`; several where arms lack seeds, none of a single run."""
    scopes = dict.fromkeys(scope for s in findings.tested if (scope := s.comparison.printed_scope))
    if scopes:
        return "95 % interval for " + " or ".join(SCOPE_WORDS[scope] for scope in scopes)
    if any(s.comparison.scope for s in findings.tested):
        return "no interval of a single run (`scopes` has what other scenes would do to these very weights)"
    return "no interval"


def _reasons(settled: Sequence[TestedComparison]) -> list[str]:
    return list(dict.fromkeys(note for s in settled for note in s.comparison.notes))
