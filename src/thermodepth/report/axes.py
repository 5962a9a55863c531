"""Axes and colour bars: where a value stands on one, and which round numbers are written beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise


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
            places = [self.place(m) for m in inside]
            fits = all(b - a >= apart for a, b in pairwise(places)) and len(inside) <= 6
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
