"""Points and directions of the world: X right, Y ahead, Z up, metres; angles in radians."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Vec: TypeAlias = tuple[float, float, float]


def unit(vectors: Array) -> Array:
    """[n 3] -> [n 3] of length one; a zero vector stays zero."""
    length = np.sqrt(dot(vectors, vectors))[..., None]
    scaled: Array = vectors / (length + 1e-12)
    return scaled


def dot(a: Array, b: Array) -> Array:
    """Row by row: [n 3], [n 3] -> [n]."""
    product: Array = np.einsum("...i,...i->...", a, b)
    return product


def plus(*terms: Vec) -> Vec:
    """Sum of points and directions."""
    return (sum(t[0] for t in terms), sum(t[1] for t in terms), sum(t[2] for t in terms))


def minus(a: Vec, b: Vec) -> Vec:
    """a - b."""
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a thing stands: local axes right, ahead and up, turned by `yaw` about Z and scaled.

    yaw 0 looks along +Y with +X at its right; yaw grows counter-clockwise seen from above.
    """

    x: float
    y: float
    z: float = 0.0
    yaw: float = 0.0
    scale: float = 1.0

    def point(self, right: float, ahead: float, up: float) -> Vec:
        """A local point (before scaling) in world coordinates."""
        d = self.direction(right, ahead, up)
        return (self.x + d[0], self.y + d[1], self.z + d[2])

    def direction(self, right: float, ahead: float, up: float) -> Vec:
        """A local offset in world axes, scaled."""
        c, s, k = math.cos(self.yaw), math.sin(self.yaw), self.scale
        return (k * (c * right - s * ahead), k * (s * right + c * ahead), k * up)
