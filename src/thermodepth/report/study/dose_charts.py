"""Dose curves: what more or less of a weight changes, one small chart for each weight and metric.

The axis of levels is logarithmic; weight 0 has no place on it and stands apart, beyond a break.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from thermodepth.report.axes import Axes, Scale, svg
from thermodepth.statistics.comparison import change_words
from thermodepth.statistics.dose_response import DoseCurve
from thermodepth.statistics.labels import label_of, signed

CAPTION = (
    "Change against the recipe's own weight (dotted line, level 1) with 95 % intervals; the band is what is "
    "too small to matter. Levels are multiples of that weight on a logarithmic axis, 0 beyond the break. "
    "Filled points and the bar along the floor: levels that cannot be told from the best, which is ringed."
)

_WIDTH, _HEIGHT = 320.0, 210.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 12.0, 10.0, 40.0
_OFF = 24.0  # where weight 0 stands, right of the left axis
_BREAK = 60.0  # where the logarithmic part begins
_STRIP = 9.0  # of the floor, for the flat range


def dose_figure(curve: DoseCurve) -> str:
    """One curve with its heading and what it says in words; empty without any change in percent."""
    svg = dose_svg(curve)
    if not svg:
        return ""
    sentence = f"{label_of(curve.metric)} {curve.best_words}."
    if curve.slope is not None:
        sentence += f" Per tenfold weight, around 1: {change_words(curve.slope.comparison)}."
    return (
        f"<figure><figcaption>{escape(curve.factor)}: {escape(label_of(curve.metric))}</figcaption>{svg}"
        f'<p class="said">{escape(sentence)}</p></figure>'
    )


def dose_svg(curve: DoseCurve) -> str:
    """The chart, whose colours come from the page."""
    points = [
        (p.level, 0.0 if p.level == curve.recipe_level else p.percent, p.percent_interval)
        for p in curve.points
    ]
    known = [(level, percent, span) for level, percent, span in points if percent is not None]
    if len(known) < 2:
        return ""
    margin = curve.margin_percent or 0.0
    ends = [percent for _, percent, _ in known] + [end for *_, span in known for end in span or ()]
    low, high = min(-margin, *ends), max(margin, *ends)
    pad = 0.06 * (high - low) or 1.0
    x_of = _level_places([level for level, *_ in known])
    axes = Axes(
        left=_LEFT,
        right=_WIDTH - _RIGHT,
        top=_TOP,
        floor=_HEIGHT - _BOTTOM,
        x=Scale(low=0.0, high=1.0, logarithmic=False),  # levels have places of their own
        y=Scale(low=low - pad, high=high + pad, logarithmic=False),
        strip=_STRIP,
    )
    floor, right = axes.floor, axes.right
    parts = []
    if margin:
        parts.append(
            f'<rect class="margin" x="{_LEFT:g}" y="{axes.y_of(margin):.1f}" width="{right - _LEFT:g}" '
            f'height="{axes.y_of(-margin) - axes.y_of(margin):.1f}"/>'
        )
    ticks = axes.y.ticks(apart=0.13)
    parts += axes.y_marks((tick, signed(tick, "g") if tick else "0") for tick in ticks)
    if curve.recipe_level is not None:
        at = x_of(curve.recipe_level)
        parts.append(f'<path class="recipe" d="M{at:.1f} {_TOP:g}V{floor:g}"/>')
    parts.append(_axis(known[0][0] == 0.0, floor, right))
    parts += [
        f'<text x="{x_of(level):.1f}" y="{floor + 13:g}" text-anchor="middle">{level:g}</text>'
        for level in _spaced([level for level, *_ in known], x_of)
    ]
    parts += [axes.x_title("times the weight", below=32.0), axes.y_title("change (%)", at=9.0)]
    parts += _flat_bars(curve, x_of, floor)
    parts += _points(curve, known, x_of, axes.y_of)
    name = f"{curve.factor}: change of {label_of(curve.metric)} over its weight"
    return svg(_WIDTH, _HEIGHT, parts, name=name, kind="dose")


def _points(
    curve: DoseCurve,
    known: Sequence[tuple[float, float, tuple[float, float] | None]],
    x_of: Callable[[float], float],
    y_of: Callable[[float], float],
) -> list[str]:
    """The line through the levels (level, percent, interval), and each of them with its interval."""
    above = [(level, percent) for level, percent, _ in known if level > 0.0]
    line = "L".join(f"{x_of(level):.1f} {y_of(percent):.1f}" for level, percent in above)
    parts = [f'<path class="line" d="M{line}"/>']
    if known[0][0] == 0.0 and above:
        start, end = (f"{x_of(level):.1f} {y_of(p):.1f}" for level, p, _ in known[:2])
        parts.append(f'<path class="line off" d="M{start}L{end}"/>')
    for level, percent, span in known:
        x, y = x_of(level), y_of(percent)
        if span is not None:
            parts.append(
                f'<path class="span" d="M{x:.1f} {y_of(span[0]):.1f}V{y_of(span[1]):.1f}"/>'
            )
        if level == curve.best:
            parts.append(f'<circle class="best" cx="{x:.1f}" cy="{y:.1f}" r="7"/>')
        kind = "flat" if level in curve.flat else "told"
        words = f"times {level:g}: {signed(percent)} %"
        if span is not None:
            words += f" [{signed(span[0])}, {signed(span[1])}]"
        parts.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.6"><title>{words}</title></circle>'
        )
    return parts


def _level_places(levels: list[float]) -> Callable[[float], float]:
    """Where a level stands along the axis."""
    above = [level for level in levels if level > 0.0]
    least, most = math.log(min(above)), math.log(max(above))
    start = _LEFT + (_BREAK if levels[0] == 0.0 else 14.0)
    room = _WIDTH - _RIGHT - 12.0 - start

    def place(level: float) -> float:
        if level == 0.0:
            return _LEFT + _OFF
        share = (math.log(level) - least) / (most - least) if most > least else 0.5
        return start + room * share

    return place


def _spaced(levels: list[float], place: Callable[[float], float]) -> list[float]:
    """The levels whose numbers do not run into each other; 1 is always among them."""
    printed = [1.0]
    for level in levels:
        if all(abs(place(level) - place(other)) > 17.0 for other in printed):
            printed.append(level)
    return printed


def _axis(broken: bool, floor: float, right: float) -> str:
    left, gap = _LEFT, _LEFT + (_OFF + _BREAK) / 2
    if not broken:
        return f'<path class="axis" d="M{left:g} {_TOP:g}V{floor:g}H{right:g}"/>'
    return (
        f'<path class="axis" d="M{left:g} {_TOP:g}V{floor:g}H{gap - 3:g}M{gap + 3:g} {floor:g}H{right:g}"/>'
        f'<path class="axis" d="M{gap - 6:g} {floor + 5:g}l6 -10M{gap:g} {floor + 5:g}l6 -10"/>'
    )


def _flat_bars(curve: DoseCurve, place: Callable[[float], float], floor: float) -> list[str]:
    """A bar over each run of neighbouring levels that cannot be told from the best."""
    runs: list[list[float]] = []
    before = False
    for point in curve.points:
        flat = point.level in curve.flat
        if flat and before:
            runs[-1].append(point.level)
        elif flat:
            runs.append([point.level])
        before = flat
    return [
        f'<path class="range" d="M{place(run[0]) - 4:.1f} {floor - 4:g}H{place(run[-1]) + 4:.1f}"/>'
        for run in runs
    ]
