"""Main effects and interactions of a factorial as one map for each metric.

Rows and columns are factors; a cell on the diagonal is a factor's main effect, one above it the interaction
of two. The map is symmetric, so what would stand below the diagonal is left out. Colours come from the page
and go by what is good: blue where the metric gets better, orange where it gets worse, stronger where the
change is larger, on one scale that is symmetric around no change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from thermodepth.report.study.findings_tables import verdict_words
from thermodepth.statistics.comparison import TestedComparison
from thermodepth.statistics.labels import signed

CAPTION = (
    "On the diagonal: what switching a term on changes, in percent of the reference's mean, averaged over "
    "all settings of the others; blue is better, orange worse. Above it another reading: what two terms "
    "together change beyond the sum of the two. Blue there means that each buys more beside the other, "
    "orange that each buys less, as two terms do that repair the same error. Small print: 95 % interval. "
    "●: a verdict; ≈: too small to matter; without a mark, and pale: cannot tell."
)

_CELL_W, _CELL_H, _HEAD, _LABEL_PX = 116.0, 58.0, 26.0, 6.4
_BAR_H, _BAR_ROOM, _STEPS = 9.0, 44.0, 24
_LEAST = 0.8  # of its width, on a narrow page; more than that scrolls
_LEAST_MARGINS = 3.0  # that the scale reaches to
_OPEN = 0.45  # of the tint, where nothing is clear
_STRONGEST = 0.62  # opacity of the largest change; the numbers must stay readable on it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effects:
    """The effects of one metric by their factors: one for a main effect, two for an interaction."""

    factors: tuple[str, ...]
    by_factors: Mapping[tuple[str, ...], TestedComparison]

    @classmethod
    def among(cls, settled: Sequence[TestedComparison]) -> _Effects:
        by_factors: dict[tuple[str, ...], TestedComparison] = {}
        for each in settled:
            question = each.comparison.question
            if question.kind in ("main effect", "interaction"):
                by_factors[tuple(question.name.partition(": ")[2].split(" x "))] = each
        return cls(
            factors=tuple(f for each in by_factors if len(each) == 1 for f in each),
            by_factors=by_factors,
        )

    def between(self, a: str, b: str) -> TestedComparison | None:
        """The effect of one factor, or of two in either order."""
        return self.by_factors.get((a,) if a == b else (a, b)) or self.by_factors.get((b, a))


def effects_map(settled: Sequence[TestedComparison], *, label: str) -> str:
    """The map of one metric as SVG; empty below two factors with a main effect, or without percentages.

    Args:
        settled: comparisons of one metric, of any kind.
        label: of the metric.
    """
    effects = _Effects.among(settled)
    names = effects.factors
    percents = [p for s in effects.by_factors.values() if (p := s.comparison.percent) is not None]
    if len(names) < 2 or not percents:
        return ""
    # Changes that are too small to matter must not fill the scale.
    most = max(max(abs(p) for p in percents), _LEAST_MARGINS * _margin_percent(effects)) or 1.0
    left = 14.0 + _LABEL_PX * max(map(len, names))
    width, floor = left + _CELL_W * len(names), _HEAD + _CELL_H * len(names)
    parts = []
    for n, name in enumerate(names):
        x, y = left + _CELL_W * (n + 0.5), _HEAD + _CELL_H * (n + 0.5)
        parts.append(
            f'<text class="factor" x="{x:g}" y="{_HEAD - 9:g}" text-anchor="middle">{escape(name)}</text>'
            f'<text class="factor" x="{left - 9:g}" y="{y + 4:g}" text-anchor="end">{escape(name)}</text>'
        )
    for row, a in enumerate(names):
        for column in range(row, len(names)):
            x, y = left + _CELL_W * column, _HEAD + _CELL_H * row
            parts.append(
                _cell(effects.between(a, names[column]), x, y, most=most, main=row == column)
            )
    parts.append(_bar(left, floor + 14, width - left, most=most, lower=_runs_low(effects)))
    height = floor + _BAR_ROOM
    return (
        f'<svg class="heat" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'style="min-width:{_LEAST * width:.0f}px" '
        f'role="img" aria-label="Main effects and interactions on {escape(label)}">{"".join(parts)}</svg>'
    )


def _margin_percent(effects: _Effects) -> float:
    comparison = next(iter(effects.by_factors.values())).comparison
    return (
        100.0 * comparison.margin / abs(comparison.reference_value)
        if comparison.reference_value
        else 0.0
    )


def _runs_low(effects: _Effects) -> bool:
    return next(iter(effects.by_factors.values())).comparison.better == "lower"


def _cell(settled: TestedComparison | None, x: float, y: float, *, most: float, main: bool) -> str:
    box = f'x="{x + 1:g}" y="{y + 1:g}" width="{_CELL_W - 2:g}" height="{_CELL_H - 2:g}" rx="3"'
    frame = f'<rect class="cell{" main" * main}" {box}/>'
    middle = x + _CELL_W / 2
    percent = None if settled is None else settled.comparison.percent
    if settled is None or percent is None:
        text = "not measured" if settled is not None else "cannot be told"
        return f'{frame}<text x="{middle:g}" y="{y + 33:g}" text-anchor="middle">{text}</text>'
    comparison = settled.comparison
    good = (percent < 0.0) == (comparison.better == "lower")
    span = comparison.printed_interval()
    interval = "no interval" if span is None else f"[{signed(span[0])}, {signed(span[1])}]"
    mark = {"better": "●", "worse": "●", "equivalent": "≈"}.get(settled.verdict or "", "")
    tint = _STRONGEST * abs(percent) / most * (1.0 if mark == "●" else _OPEN)
    return (
        f"<g><title>{escape(f'{settled.sentence} [{verdict_words(settled)}]')}</title>"
        f'<rect class="{"good" if good else "bad"}" fill-opacity="{tint:.3f}" {box}/>{frame}'
        f'<text class="change" x="{middle:g}" y="{y + 28:g}" text-anchor="middle">{signed(percent)} %</text>'
        f'<text x="{middle:g}" y="{y + 44:g}" text-anchor="middle">{interval}</text>'
        f'<text class="mark" x="{x + _CELL_W - 9:g}" y="{y + 16:g}" text-anchor="end">{mark}</text></g>'
    )


def _bar(x: float, y: float, width: float, *, most: float, lower: bool) -> str:
    """The colours from the largest change below 0 to the largest above."""
    step = width / _STEPS
    parts = []
    for n in range(_STEPS):
        place = (2 * n + 1) / _STEPS - 1.0
        kind = "good" if (place < 0.0) == lower else "bad"
        parts.append(
            f'<rect class="{kind}" fill-opacity="{_STRONGEST * abs(place):.3f}" x="{x + step * n:.2f}" '
            f'y="{y:g}" width="{step + 0.3:.2f}" height="{_BAR_H:g}"/>'
        )
    words = ("better", "worse") if lower else ("worse", "better")
    ends = (f"−{most:.1f} % {words[0]}", "0", f"+{most:.1f} % {words[1]}")
    anchors = ("start", "middle", "end")
    return "".join(parts) + "".join(
        f'<text x="{x + width * n / 2:g}" y="{y + _BAR_H + 14:g}" text-anchor="{anchor}">{text}</text>'
        for n, (text, anchor) in enumerate(zip(ends, anchors, strict=True))
    )
