"""Draws that every builder makes."""

from __future__ import annotations

import numpy as np


class Draws:
    """For builders that carry a scene's generator as `rng`; each call takes one number of it."""

    __slots__ = ()
    rng: np.random.Generator

    def between(self, low: float, high: float) -> float:
        """A uniform draw."""
        return float(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        """True in so many of all draws, 0..1."""
        return bool(self.rng.random() < share)
