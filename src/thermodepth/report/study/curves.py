"""Learning curves as small drawings inside the page: one per column of the log, one line per arm.

A line is the mean over the arm's seeds, the band around it reaches from the least seed to the largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from thermodepth.report.axes import Scale
from thermodepth.study.arm import ArmLabel
from thermodepth.study.results.training_logs import LoggedColumn, Reach

_WIDTH, _HEIGHT = 300.0, 170.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 8.0, 8.0, 22.0
_COLOURS = 8  # classes arm-0 .. arm-7; beyond, a class of dashes tells arms of one colour apart


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnCurves:
    """One column of the log for all cells."""

    name: str
    svg: str


def line_class(number: int) -> str:
    """The classes of an arm's line by its place among the arms."""
    dashes = f" dash-{number // _COLOURS}" if number >= _COLOURS else ""
    return f"line arm-{number % _COLOURS}{dashes}"


def draw_curves(columns: Sequence[LoggedColumn], *, arms: Sequence[ArmLabel]) -> list[DrawnCurves]:
    """A drawing a column.

    Colours come from the page: a line has the classes of `line_class`, and with its band the attribute
    `data-arm`, the place of its arm.
    """
    numbers = {arm.name: number for number, arm in enumerate(arms)}
    return [
        DrawnCurves(
            name=column.name,
            svg=_svg(column.name, [(numbers[a], reach) for a, reach in column.reaches.items()]),
        )
        for column in columns
    ]


def _svg(name: str, lines: Sequence[tuple[int, tuple[Reach, ...]]]) -> str:
    values = [end for _, points in lines for _, _, *ends in points for end in ends]
    low, high = min(values), max(values)
    logarithmic = low > 0
    if logarithmic and high < 1.05 * low:
        low, high = low / 1.05, high * 1.05
    elif high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    scale = Scale(low=low, high=high, logarithmic=logarithmic)
    last = max(points[-1][0] for _, points in lines) or 1.0
    plot_w, plot_h = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x_of(step: float) -> float:
        return _LEFT + plot_w * step / last

    def y_of(value: float) -> float:
        return _TOP + plot_h * (1 - scale.place(value))

    floor = _TOP + plot_h
    parts = [
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{escape(name)} over steps">'
    ]
    for tick in scale.ticks(apart=0.11):
        y = y_of(tick)
        parts.append(f'<path class="rule" d="M{_LEFT:g} {y:.1f}H{_WIDTH - _RIGHT:g}"/>')
        parts.append(f'<text x="{_LEFT - 5:g}" y="{y + 3.5:.1f}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<path class="axis" d="M{_LEFT:g} {_TOP:g}V{floor:g}H{_WIDTH - _RIGHT:g}"/>')
    parts.append(f'<text x="{_LEFT:g}" y="{floor + 15:g}">0</text>')
    parts.append(
        f'<text x="{_WIDTH - _RIGHT:g}" y="{floor + 15:g}" text-anchor="end">step {last:g}</text>'
    )
    # The reference is drawn last, on top of those that are compared with it.
    for number, points in reversed(lines):
        if any(low < high for _, _, low, high in points):
            upper = [f"{x_of(x):.1f} {y_of(high):.1f}" for x, _, _, high in points]
            back = [f"{x_of(x):.1f} {y_of(low):.1f}" for x, _, low, _ in reversed(points)]
            parts.append(
                f'<path class="reach arm-{number % _COLOURS}" data-arm="{number}" '
                f'd="M{"L".join(upper + back)}Z"/>'
            )
    for number, points in reversed(lines):
        path = "L".join(f"{x_of(x):.1f} {y_of(y):.1f}" for x, y, _, _ in points)
        if len(points) == 1:
            path += "h0.1"  # a lone point would not be drawn
        parts.append(f'<path class="{line_class(number)}" data-arm="{number}" d="M{path}"/>')
    return "".join([*parts, "</svg>"])
