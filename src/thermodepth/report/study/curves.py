"""Learning curves as small drawings inside the page: one per column of the log, one line per arm.

A line is the mean over the arm's seeds, the band around it reaches from the least seed to the largest.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from thermodepth.errors import DataError, StudyError
from thermodepth.files import read_text
from thermodepth.report.axes import Scale
from thermodepth.study.results.lines import ArmLabel
from thermodepth.training.run_folder import check_grown

Points = tuple[tuple[float, float], ...]  # (step, value)
Reach = tuple[float, float, float, float]  # step, mean, least and largest over seeds

_WIDTH, _HEIGHT = 300.0, 170.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 8.0, 8.0, 22.0
_MOST_POINTS = 120  # more than this is finer than the drawing
_NOT_A_CURVE = ("step", "learning_rate")
_COLOURS = 8  # classes arm-0 .. arm-7; beyond, a class of dashes tells arms of one colour apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The log of one cell."""

    arm: str
    seed: int
    columns: Mapping[str, Points]  # total, each term, gradient_norm; steps without a value left out


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnCurves:
    """One column of the log for all cells."""

    name: str
    svg: str


def read_curve(path: Path, *, arm: str, seed: int) -> Curve:
    """A cell's `log.csv`.

    Raises:
        StudyError: naming the file, when it is missing or no such log.
    """
    columns: dict[str, list[tuple[float, float]]] = {}
    try:
        check_grown(path, path.parent)
        for line in csv.DictReader(io.StringIO(read_text(path))):
            step = float(line["step"])
            for name, text in line.items():
                if name not in _NOT_A_CURVE and text:
                    columns.setdefault(name, []).append((step, float(text)))
    except DataError as error:
        raise StudyError(f"the log of a training: {error}") from None
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise StudyError(f"{path}: not a training log ({error})") from None
    return Curve(arm=arm, seed=seed, columns={name: tuple(p) for name, p in columns.items()})


def line_class(number: int) -> str:
    """The classes of an arm's line by its place among the arms."""
    dashes = f" dash-{number // _COLOURS}" if number >= _COLOURS else ""
    return f"line arm-{number % _COLOURS}{dashes}"


def draw_curves(curves: Sequence[Curve], *, arms: Sequence[ArmLabel]) -> list[DrawnCurves]:
    """A drawing per column that any cell has, in the order they first appear; `gradient_norm` last.

    Colours come from the page: a line has the classes of `line_class`, and with its band the attribute
    `data-arm`, the place of its arm.
    """
    names = list(dict.fromkeys(name for curve in curves for name in curve.columns))
    names.sort(key=lambda name: name == "gradient_norm")
    drawn = []
    for name in names:
        lines = []
        for number, arm in enumerate(arms):
            own = [c.columns[name] for c in curves if c.arm == arm.name and name in c.columns]
            if reach := over_seeds(own):
                lines.append((number, reach))
        if lines:
            drawn.append(DrawnCurves(name=name, svg=_svg(name, lines)))
    return drawn


def over_seeds(curves: Sequence[Points]) -> tuple[Reach, ...]:
    """Mean and range at every step, over the seeds that have a finite value there, thinned."""
    at: dict[float, list[float]] = {}
    for points in curves:
        for step, value in points:
            if math.isfinite(value):
                at.setdefault(step, []).append(value)
    whole = [(step, _mean(v), min(v), max(v)) for step, v in sorted(at.items())]
    size = math.ceil(len(whole) / _MOST_POINTS)
    if size < 2:
        return tuple(whole)
    chunks = [whole[n : n + size] for n in range(0, len(whole), size)]
    return tuple(
        (
            _mean(x for x, *_ in c),
            _mean(y for _, y, *_ in c),
            min(v[2] for v in c),
            max(v[3] for v in c),
        )
        for c in chunks
    )


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return math.fsum(known) / len(known)


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
            there = [f"{x_of(x):.1f} {y_of(high):.1f}" for x, _, _, high in points]
            back = [f"{x_of(x):.1f} {y_of(low):.1f}" for x, _, low, _ in reversed(points)]
            parts.append(
                f'<path class="reach arm-{number % _COLOURS}" data-arm="{number}" '
                f'd="M{"L".join(there + back)}Z"/>'
            )
    for number, points in reversed(lines):
        path = "L".join(f"{x_of(x):.1f} {y_of(y):.1f}" for x, y, _, _ in points)
        if len(points) == 1:
            path += "h0.1"  # a lone point would not be drawn
        parts.append(f'<path class="{line_class(number)}" data-arm="{number}" d="M{path}"/>')
    return "".join([*parts, "</svg>"])
