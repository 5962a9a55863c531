"""People who stand or walk together: in pairs, in rings, in a crowd."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from thermodepth.synthetic.conditions import Conditions
from thermodepth.synthetic.grammar.mesh import MeshBuilder
from thermodepth.synthetic.grammar.people import person
from thermodepth.synthetic.vectors import Placement

_APART_M = 0.55  # between two of a group
_TRIES = 6


def group(
    mesh: MeshBuilder,
    rng: np.random.Generator,
    centre: tuple[float, float],
    conditions: Conditions,
    ground_m: Callable[[float, float], float],
    *,
    most: int = 12,
) -> None:
    """Two to `most` people about `centre`, looking the same way or at each other."""
    count = 2 + int((most - 1) * rng.random() ** 2)
    spread = float(rng.uniform(0.35, 0.8)) * math.sqrt(count)
    talking, heading = rng.random() < 0.5, float(rng.uniform(0, 2 * math.pi))
    standing: list[tuple[float, float]] = []
    for _ in range(count):
        for _ in range(_TRIES):
            dx, dy = (spread * rng.standard_normal(2)).tolist()
            if all(math.hypot(dx - a, dy - b) > _APART_M for a, b in standing):
                break
        else:
            continue
        standing.append((dx, dy))
        x, y = centre[0] + dx, centre[1] + dy
        yaw = math.atan2(dx, -dy) if talking else heading
        yaw += float(rng.normal(0, 0.3))
        swing = 0.0 if talking else float(rng.uniform(-0.28, 0.28))
        at = Placement(x, y, ground_m(x, y), yaw)
        person(mesh, rng, at, conditions, swing=swing, seated=False)
