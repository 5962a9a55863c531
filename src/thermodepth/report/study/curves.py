"""Learning curves as small drawings inside the page: one per column of the log, one line per arm.

A line is the mean over the arm's seeds, the band around it reaches from the least seed to the largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thermodepth.report.axes import Axes, Scale, band, curve, svg
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
    last = max(points[-1][0] for _, points in lines) or 1.0
    axes = Axes(
        left=_LEFT,
        right=_WIDTH - _RIGHT,
        top=_TOP,
        floor=_HEIGHT - _BOTTOM,
        x=Scale(low=0.0, high=last, logarithmic=False),
        y=Scale(low=low, high=high, logarithmic=logarithmic),
    )
    parts = [
        *axes.y_marks((tick, f"{tick:g}") for tick in axes.y.ticks(apart=0.11)),
        axes.line(),
        f'<text x="{axes.left:g}" y="{axes.floor + 15:g}">0</text>',
        f'<text x="{axes.right:g}" y="{axes.floor + 15:g}" text-anchor="end">step {last:g}</text>',
    ]
    # The reference is drawn last, on top of those that are compared with it.
    for number, points in reversed(lines):
        if any(low < high for _, _, low, high in points):
            reach = band(
                [axes.point(x, high) for x, _, _, high in points],
                [axes.point(x, low) for x, _, low, _ in points],
            )
            classes = f"reach arm-{number % _COLOURS}"
            parts.append(f'<path class="{classes}" data-arm="{number}" d="{reach}"/>')
    for number, points in reversed(lines):
        line = curve([axes.point(x, y) for x, y, _, _ in points])
        parts.append(f'<path class="{line_class(number)}" data-arm="{number}" d="{line}"/>')
    return svg(_WIDTH, _HEIGHT, parts, name=f"{name} over steps")
