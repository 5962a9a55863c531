"""Trees, bushes and pot plants. Leaves stay near the temperature of the air, whatever the sun does."""

from __future__ import annotations

import numpy as np

from thermodepth.synthetic.grammar.colours import Colour, scaled, varied
from thermodepth.synthetic.grammar.mesh import MeshBuilder, Surface
from thermodepth.synthetic.vectors import Placement, Vec, plus

_GREEN: Colour = (0.09, 0.2, 0.04)
_AUTUMN: Colour = (0.17, 0.16, 0.02)


def tree(mesh: MeshBuilder, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """Broad-leaved, bare or coniferous; `size` 1 is about 5 m."""
    mesh.begin_object()
    trunk_m = float(rng.uniform(2.0, 3.2)) * size
    kind = rng.choice(["broad", "conifer", "bare"], p=[0.64, 0.16, 0.2])
    bark = Surface("bark", varied(rng, (0.17, 0.12, 0.08), 0.6, 1.5), "wood")
    green = varied(rng, _AUTUMN if rng.random() < 0.15 else _GREEN, 0.6, 1.5)
    base = (x, y, 0.0)
    top = (x + float(rng.normal(0, 0.15)), y + float(rng.normal(0, 0.15)), trunk_m)
    mesh.cylinder(base, top, (0.16 * size, 0.11 * size), bark, sides=8)
    if kind == "conifer":
        _cone(mesh, rng, base, trunk_m, size, Surface("leaf", scaled(green, 0.7), "leaf"))
        return
    for _ in range(int(rng.integers(4, 7))):
        reach = (rng.normal(0, 0.8), rng.normal(0, 0.8), rng.uniform(0.3, 2.0))
        tip = plus(top, (float(reach[0]) * size, float(reach[1]) * size, float(reach[2]) * size))
        mesh.cylinder(top, tip, (0.08 * size, 0.03 * size), bark, sides=6, caps=False)
        if kind == "bare":
            _twigs(mesh, rng, tip, size, bark)
        else:
            _crown(mesh, rng, tip, size, green)


def _cone(
    mesh: MeshBuilder,
    rng: np.random.Generator,
    base: Vec,
    trunk_m: float,
    size: float,
    needles: Surface,
) -> None:
    for layer in range(5):
        centre = plus(base, (0.0, 0.0, trunk_m * 0.5 + layer * 0.75 * size))
        spread = (1.5 - 0.27 * layer) * size
        mesh.leaves(rng, centre, (spread, spread, 0.5 * size), 120, 0.22 * size, needles)


def _twigs(
    mesh: MeshBuilder, rng: np.random.Generator, tip: Vec, size: float, bark: Surface
) -> None:
    for _ in range(5):
        dx, dy, dz = (rng.normal(0, 0.6, 3) * size).tolist()
        end = plus(tip, (dx, dy, dz + 0.3))
        mesh.cylinder(tip, end, (0.03 * size, 0.01 * size), bark, sides=5, caps=False)


def _crown(
    mesh: MeshBuilder, rng: np.random.Generator, tip: Vec, size: float, green: Colour
) -> None:
    spread = float(rng.uniform(0.8, 1.25)) * size
    # A dark core stops the sky from shining through the middle of the crown.
    core = Surface("leaf", scaled(green, 0.35), "leaf")
    mesh.ellipsoid(tip, (0.55 * spread, 0.55 * spread, 0.42 * spread), core, detail=1)
    leaf = Surface("leaf", green, "leaf")
    mesh.leaves(rng, tip, (1.1 * spread, 1.1 * spread, 0.85 * spread), 260, 0.14 * size, leaf)


def bush(
    mesh: MeshBuilder, rng: np.random.Generator, x: float, y: float, radius: float, height: float
) -> None:
    """A round bush; in a row they make a hedge."""
    mesh.begin_object()
    green = varied(rng, _GREEN, 0.5, 1.4)
    core = Surface("leaf", scaled(green, 0.4), "leaf")
    mesh.ellipsoid((x, y, height * 0.45), (radius * 0.8, radius * 0.8, height * 0.45), core)
    size = (radius, radius, height * 0.5)
    mesh.leaves(rng, (x, y, height * 0.5), size, 260, 0.1, Surface("leaf", green, "leaf"))


def pot_plant(mesh: MeshBuilder, rng: np.random.Generator, at: Placement) -> None:
    """A bushy plant of about 1.4 m in a plastic pot."""
    mesh.begin_object()
    pot = Surface("plastic", varied(rng, (0.5, 0.3, 0.2), 0.5, 1.4))
    mesh.cylinder(at.point(0, 0, 0), at.point(0, 0, 0.35), (0.15, 0.2), pot, sides=12)
    stem = Surface("bark", (0.2, 0.13, 0.08))
    mesh.cylinder(at.point(0, 0, 0.3), at.point(0, 0, 0.9), (0.02, 0.015), stem, sides=6)
    green = Surface("leaf", varied(rng, (0.1, 0.25, 0.06), 0.7, 1.3), "leaf")
    mesh.leaves(rng, at.point(0, 0, 1.05), (0.33, 0.33, 0.42), 240, 0.06, green)
