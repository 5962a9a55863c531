"""Axes and colour bars: where a value stands on one, and which round numbers are written beside it.

A chart is a string of SVG whose colours come from the page, by the classes of its parts. Its field is given
in units of the drawing, y downwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

Point = tuple[float, float]  # in units of the drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The values from one end to the other."""

    low: float
    high: float
    logarithmic: bool  # equal factors are equal steps; else equal differences

    def place(self, value: float) -> float:
        """Where a value stands, 0 to 1 from `low` to `high`."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, *, apart: float) -> list[float]:
        """Round numbers to write, none nearer to the next than `apart`, three to six where they fit."""
        best: list[float] = []
        for marks in self._candidates():
            inside = [m for m in marks if -1e-9 <= self.place(m) <= 1 + 1e-9]
            positions = [self.place(m) for m in inside]
            fits = all(b - a >= apart for a, b in pairwise(positions)) and len(inside) <= 6
            if fits and len(inside) > len(best):
                best = inside
                if len(best) >= 3:
                    break
        return best

    def _candidates(self) -> Iterator[list[float]]:
        """Sets of round numbers, ascending, those to be preferred first."""
        if self.logarithmic:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            sets: list[tuple[float, ...]] = [(1, 2, 5), (1, 3), (1,)]
            for steps in sets:
                yield [float(f"{step}e{decade}") for decade in decades for step in steps]
            yield [float(f"1e{decade}") for decade in decades if decade % 2 == 0]
            sets = [(1, 2, 4, 7), (1, 1.5, 2, 3, 4, 6)]
            for steps in sets:
                yield [float(f"{step}e{decade}") for decade in decades for step in steps]
        # Also for a narrow range of distances, which has no decades in it.
        power = 10.0 ** math.floor(math.log10(self.high - self.low))
        for step in (power, power / 2, power * 2, power / 5, power / 10, power * 5):
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            yield [float(f"{n * step:.9g}") for n in range(first, last + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """The field of a chart: where values stand in it, and what is written along its two axes."""

    left: float
    right: float
    top: float
    floor: float  # of the axis line
    x: Scale
    y: Scale
    strip: float = 0.0  # room between the least value of y and the floor

    def x_of(self, value: float) -> float:
        """Where it stands across."""
        return self.left + (self.right - self.left) * self.x.place(value)

    def y_of(self, value: float) -> float:
        """Where it stands down."""
        height = self.floor - self.top - self.strip
        return self.top + height * (1 - self.y.place(value))

    def point(self, x: float, y: float) -> Point:
        """Where a pair of values stands."""
        return self.x_of(x), self.y_of(y)

    def line(self) -> str:
        """The two axes."""
        return f'<path class="axis" d="M{self.left:g} {self.top:g}V{self.floor:g}H{self.right:g}"/>'

    def x_marks(self, marks: Iterable[tuple[float, str]]) -> list[str]:
        """Values and what is written below them."""
        return [
            f'<text x="{self.x_of(value):.1f}" y="{self.floor + 13:g}" text-anchor="middle">'
            f"{escape(text)}</text>"
            for value, text in marks
        ]

    def y_marks(self, marks: Iterable[tuple[float, str]], *, kind: str = "rule") -> list[str]:
        """Values and what is written left of them, each with a rule across the field."""
        parts = []
        for value, text in marks:
            y = self.y_of(value)
            parts.append(
                f'<path class="{kind}" d="M{self.left:g} {y:.1f}H{self.right:g}"/>'
                f'<text x="{self.left - 5:g}" y="{y + 3.5:.1f}" text-anchor="end">{escape(text)}</text>'
            )
        return parts

    def x_title(self, text: str, *, below: float = 28.0) -> str:
        """What the axis across is of."""
        middle = (self.left + self.right) / 2
        return f'<text x="{middle:g}" y="{self.floor + below:g}" text-anchor="middle">{escape(text)}</text>'

    def y_title(self, text: str, *, at: float = 10.0) -> str:
        """What the axis upwards is of, written along it."""
        middle = (self.top + self.floor - self.strip) / 2
        return (
            f'<text transform="translate({at:g} {middle:g}) rotate(-90)" text-anchor="middle">'
            f"{escape(text)}</text>"
        )


def svg(width: float, height: float, parts: Iterable[str], *, name: str, kind: str = "") -> str:
    """A drawing with its name for those who do not see it; `kind` is its class."""
    of_kind = f'class="{kind}" ' if kind else ""
    head = (
        f'<svg {of_kind}viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(name)}">'
    )
    return "".join([head, *parts, "</svg>"])


def curve(points: Sequence[Point]) -> str:
    """The path through points; a lone one as a piece that is short but drawn."""
    return f"M{_points(points)}{'h0.1' * (len(points) == 1)}"


def band(upper: Sequence[Point], lower: Sequence[Point]) -> str:
    """The closed path along upper points and back along lower ones."""
    return f"M{_points([*upper, *reversed(lower)])}Z"


def _points(points: Iterable[Point]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
