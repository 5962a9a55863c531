"""A forest plot: one line a question, its interval in percent, the band that is too small to matter."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from thermodepth.report.axes import Scale
from thermodepth.report.study.findings_tables import verdict_words
from thermodepth.statistics.comparison import TestedComparison

CAPTION = (
    "95 % intervals over seeds and scenes where both can be told; the band is what is too small to matter. "
    "Filled: a verdict."
)
_WIDTH, _LABELS, _VERDICTS, _LINE = 860.0, 300.0, 110.0, 22.0
_TOP, _BOTTOM = 8.0, 30.0


def forest_svg(settled: Sequence[TestedComparison], *, label: str) -> str:
    """The settled comparisons of one metric, in order, as an SVG whose colours come from the page.

    Filled points have a verdict of better or worse; hollow ones have none. Empty without any interval.
    """
    lines = [
        (s, s.comparison.percent, span)
        for s in settled
        if s.comparison.percent is not None
        and (span := s.comparison.printed_interval()) is not None
    ]
    if not lines:
        return ""
    comparison = lines[0][0].comparison
    margin = 100.0 * comparison.margin / abs(comparison.reference_value)
    low = min(-margin, *(span[0] for _, _, span in lines))
    high = max(margin, *(span[1] for _, _, span in lines))
    pad = 0.04 * (high - low)
    scale = Scale(low=low - pad, high=high + pad, logarithmic=False)
    height = _TOP + _LINE * len(lines) + _BOTTOM
    floor = height - _BOTTOM
    span_px = _WIDTH - _LABELS - _VERDICTS

    def x(value: float) -> float:
        return _LABELS + span_px * scale.place(value)

    parts = [
        f'<rect class="margin" x="{x(-margin):.1f}" y="{_TOP}" width="{x(margin) - x(-margin):.1f}" '
        f'height="{floor - _TOP}"/>',
        f'<path class="axis" d="M{_LABELS} {floor}H{_WIDTH - _VERDICTS}"/>',
    ]
    for tick in scale.ticks(apart=0.09):
        text = f"{tick:+g}".replace("-", "−").replace("+0", "0") if tick else "0"
        parts.append(
            f'<path class="grid" d="M{x(tick):.1f} {_TOP}V{floor}"/>'
            f'<text x="{x(tick):.1f}" y="{floor + 14}" text-anchor="middle">{text}</text>'
        )
    parts.append(f'<path class="zero" d="M{x(0):.1f} {_TOP}V{floor}"/>')
    for number, (s, percent, (a, b)) in enumerate(lines):
        y = _TOP + _LINE * (number + 0.5)
        kind = s.verdict if s.verdict in ("better", "worse") else "open"
        word = verdict_words(s)
        title = escape(s.sentence)
        parts.append(
            f'<g class="{kind}"><title>{title}</title>'
            f'<text x="{_LABELS - 10}" y="{y + 4:.1f}" text-anchor="end">'
            f"{escape(s.comparison.question.title)}</text>"
            f'<path class="span" d="M{x(a):.1f} {y:.1f}H{x(b):.1f}"/>'
            f'<circle cx="{x(percent):.1f}" cy="{y:.1f}" r="4"/>'
            f'<text class="verdict" x="{_WIDTH - _VERDICTS + 10}" y="{y + 4:.1f}">{word}</text></g>'
        )
    parts.append(
        f'<text x="{_LABELS + span_px / 2:.1f}" y="{height - 3}" text-anchor="middle">change of '
        f"{escape(label)} (%)</text>"
    )
    return (
        f'<svg class="forest" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" '
        f'aria-label="Changes of {escape(label)} with their intervals">{"".join(parts)}</svg>'
    )
