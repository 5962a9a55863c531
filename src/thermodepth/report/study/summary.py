"""What a study found, in the two or three sentences that a person reads first."""

from __future__ import annotations

from collections import Counter

from thermodepth.statistics.claims import Result
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
        sentences = [*(curve.sentence for curve in findings.levels), *sentences]
    elif clear:
        rest = len(clear) - _NAMED
        named = "; ".join(_named(s) for s in clear[:_NAMED])
        sentences.append(f"{named}{f'; and {rest} more' if rest > 0 else ''}.")
    if findings.outcomes:
        results = Counter(each.result for each in findings.outcomes)
        parts = [f"{results[r]} {words}" for r, words in _RESULTS.items() if results[r]]
        sentences.append(f"Of {len(findings.outcomes)} claims {', '.join(parts)}.")
    return " ".join(sentences)


_OPEN: dict[Verdict, str] = {
    "equivalent": "equivalent to no change",
    "cannot tell": "cannot be told",
}
_RESULTS: dict[Result, str] = {
    "replicates": "replicate",
    "contradicts": "contradict",
    "equivalent": "are equivalent to no change",
    "cannot tell": "cannot be told",
}


def _named(settled: TestedComparison) -> str:
    """`Main effect of silog: RMSE −19.3 % [−22.7, −16.0]`."""
    comparison = settled.comparison
    what = f"{comparison.question.title}: {label_of(comparison.metric)}"
    span = comparison.percent_interval()
    if comparison.percent is None or span is None:  # of a reference that is 0
        return f"{what} {signed(comparison.value, 'g')}"
    return f"{what} {signed(comparison.percent)} % [{signed(span[0])}, {signed(span[1])}]"
