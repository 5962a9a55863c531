"""Linear-light albedo colours as plain tuples, so that a `Surface` can be hashed and shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

Colour: TypeAlias = tuple[float, float, float]

BLACK: Colour = (0.03, 0.03, 0.03)


def grey(albedo: float) -> Colour:
    """A neutral colour."""
    return (albedo, albedo, albedo)


def scaled(colour: Colour, factor: float, ceiling: float = 0.88) -> Colour:
    """The same hue, brighter or darker; no real surface reflects more than the ceiling."""
    r, g, b = (min(channel * factor, ceiling) for channel in colour)
    return (r, g, b)


def varied(rng: np.random.Generator, colour: Colour, low: float, high: float) -> Colour:
    """`colour` times one uniform factor."""
    return scaled(colour, float(rng.uniform(low, high)))


def any_colour(rng: np.random.Generator, low: float, high: float) -> Colour:
    """Uniform channels, mostly drawn towards grey: few things are as bright as toys."""
    channels = rng.uniform(low, high, 3)
    saturation = 0.25 + 0.75 * rng.random() ** 2
    r, g, b = (channels.mean() + saturation * (channels - channels.mean())).tolist()
    return (r, g, b)


def one_of(rng: np.random.Generator, choices: Sequence[Colour]) -> Colour:
    """One entry, each equally likely."""
    return choices[int(rng.integers(len(choices)))]
