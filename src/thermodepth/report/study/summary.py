"""What a study found, in the two or three sentences that a person reads first."""

from __future__ import annotations

from collections import Counter

from thermodepth.report.study.pattern_tables import pattern_sentences
from thermodepth.report.study.readings import level_readings
from thermodepth.statistics.claims import Outcome, Result
from thermodepth.statistics.comparison import TestedComparison, Verdict
from thermodepth.statistics.findings import Findings
from thermodepth.statistics.labels import label_of, signed

_NAMED = 4  # verdicts that are told with their numbers
_CLEAR = ("better", "worse")


def summary_of(findings: Findings) -> str:
    """Verdicts and claims, counted, levels or the largest changes named; empty where nothing can have one."""
    declared = [s for s in findings.tested if s.declared and s.verdict is not None]
    if not any(s.comparison.scope == "both" for s in declared):
        return ""
    clear = sorted(
        (s for s in declared if s.verdict in _CLEAR),
        key=lambda s: -abs(s.comparison.percent or 0.0),
    )
    counts = Counter(s.verdict for s in declared)
    counted = [f"{len(clear)} of {len(declared)} declared comparisons are clear"]
    counted += [f"{counts[v]} {words}" for v, words in _OPEN.items() if counts[v]]
    sentences = [f"{', '.join(counted)}."]
    if findings.levels:  # all that is declared, in the order of the levels
        of_levels = [curve.sentence for curve in findings.levels]
        sentences = [*of_levels, *level_readings(findings), *sentences]
    elif findings.patterns:
        sentences = [*pattern_sentences(findings), *sentences]
    elif clear:
        rest = len(clear) - _NAMED
        named = "; ".join(_named(s, findings) for s in clear[:_NAMED])
        sentences.append(f"{named}{f'; and {rest} more' if rest > 0 else ''}.")
    if findings.outcomes:
        results = Counter(each.result for each in findings.outcomes)
        parts = [f"{results[r]} {words}" for r, words in _RESULTS.items() if results[r]]
        sentences.append(f"Of {len(findings.outcomes)} claims {', '.join(parts)}.")
        sentences += contradicted_sentences(findings)
    return " ".join(sentences)


def contradicted_sentences(findings: Findings) -> list[str]:
    """One for each reading in which claims are contradicted: never without the reading and what it weighs."""
    by_reading: dict[str, list[Outcome]] = {}
    for outcome in findings.outcomes:
        if outcome.result == "contradicts":
            words = findings.switched_by(outcome.claim.question).words
            by_reading.setdefault(words, []).append(outcome)
    return [
        f"{words[0].upper()}{words[1:]}: contradicted in "
        f"{'; '.join(f'“{o.claim.text}” ({label_of(o.claim.metric)})' for o in outcomes)}."
        for words, outcomes in by_reading.items()
    ]


_OPEN: dict[Verdict, str] = {
    "equivalent": "equivalent to no change",
    "cannot tell": "cannot be told",
}
_RESULTS: dict[Result, str] = {
    "replicates": "are replicated",
    "contradicts": "are contradicted in the reading that was switched",
    "equivalent": "are equivalent to no change",
    "cannot tell": "cannot be told",
}


def _named(settled: TestedComparison, findings: Findings) -> str:
    """`Main effect of silog: RMSE −19.3 % [−22.7, −16.0], this reading (metric_silog, ...)`."""
    change = _change(settled)
    if not findings.switched:
        return change
    return f"{change}, {findings.switched_by(settled.comparison.question).words}"


def _change(settled: TestedComparison) -> str:
    comparison = settled.comparison
    what = f"{comparison.question.title}: {label_of(comparison.metric)}"
    span = comparison.percent_interval()
    if comparison.percent is None or span is None:  # of a reference that is 0
        return f"{what} {signed(comparison.value, 'g')}"
    return f"{what} {signed(comparison.percent)} % [{signed(span[0])}, {signed(span[1])}]"
