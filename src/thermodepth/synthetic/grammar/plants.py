"""Trees, bushes, palms, hedges, pot plants. Leaves stay near the air's temperature, whatever the sun does.

What grows along wide roads and on open ground is a function and a row in `ROADSIDE`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from thermodepth.synthetic.grammar.colours import Colour, scaled, varied
from thermodepth.synthetic.grammar.mesh import MeshBuilder, Surface
from thermodepth.synthetic.space.vectors import Placement, Vec, plus, unit

_GREEN: Colour = (0.09, 0.2, 0.04)
_AUTUMN: Colour = (0.17, 0.16, 0.02)
_GREENS: tuple[Colour, ...] = ((0.09, 0.2, 0.04), (0.12, 0.17, 0.05), (0.06, 0.13, 0.05))
_FROND_PARTS = 5


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


def _any_green(rng: np.random.Generator) -> Colour:
    return varied(rng, _GREENS[int(rng.integers(len(_GREENS)))], 0.5, 1.4)


def palm(mesh: MeshBuilder, rng: np.random.Generator) -> None:
    """At the origin, 4 to 17 m: a thin trunk, fronds that hang over, now and then a skirt of dead ones."""
    height = float(rng.uniform(4, 17))
    lean = (rng.normal(0, 0.02, 2) * height).tolist()
    bark = Surface("bark", varied(rng, (0.2, 0.16, 0.11), 0.6, 1.4), "wood")
    radius = float(rng.uniform(0.14, 0.3))
    top = (lean[0], lean[1], height)
    mesh.cylinder((0.0, 0.0, -0.1), top, (radius * 1.25, radius * 0.8), bark, sides=8)
    leaf = Surface("leaf", _any_green(rng), "leaf")
    reach = float(rng.uniform(1.5, 3.0))
    for turn in np.linspace(0, 2 * np.pi, int(rng.integers(13, 24)))[:-1].tolist():
        rise = float(rng.uniform(-0.6, 1.3))
        _frond(mesh, top, turn + float(rng.normal(0, 0.2)), reach, rise, leaf)
    if rng.random() < 0.4:
        dead = Surface("leaf", varied(rng, (0.3, 0.22, 0.12), 0.5, 1.2), "leaf")
        skirt = (0.5 * reach, 0.5 * reach, 0.5 * reach)
        below = (top[0], top[1], height - 0.35 * reach)
        mesh.leaves(rng, below, skirt, 90, 0.22, dead)


def _frond(
    mesh: MeshBuilder,
    top: tuple[float, float, float],
    turn: float,
    reach: float,
    rise: float,
    leaf: Surface,
) -> None:
    """Two rows of leaflets along a rib that rises and falls; both hang from it."""
    way = np.linspace(0, 1, _FROND_PARTS + 1)
    out = np.array([math.sin(turn), math.cos(turn), 0.0])
    across = np.array([out[1], -out[0], 0.0])
    up = (rise * way - (rise + 1.0) * way**2.2)[:, None] * np.array([0.0, 0.0, 0.6 * reach])
    rib = np.array(top) + (reach * np.sin(way * 1.4) / 0.985)[:, None] * out + up
    wide = (0.17 * reach * np.sin(np.pi * (0.12 + 0.85 * way)))[:, None]
    for side in (-1, 1):
        edge = rib + side * wide * across - wide * np.array([0.0, 0.0, 0.7])
        low, high, edge_low, edge_high = rib[:-1], rib[1:], edge[:-1], edge[1:]
        middle, edge_middle = (low + high) / 2, (edge_low + edge_high) / 2
        # Leaflets with gaps between them: half of every part is open to what is behind.
        teeth = np.concatenate(
            [np.stack([low, middle, edge_middle], 1), np.stack([middle, high, edge_high], 1)]
        )
        facing = np.broadcast_to(
            unit(side * 0.6 * across + np.array([0, 0, 0.8]))[None, None], teeth.shape
        )
        mesh.triangles(teeth, teeth[..., :2], facing, leaf)


def street_tree(mesh: MeshBuilder, rng: np.random.Generator) -> None:
    """At the origin, 5 to 15 m: it forks above a walker's head and its crown is as wide as high."""
    height, fork = float(rng.uniform(5, 15)), float(rng.uniform(2.0, 4.0))
    spread = (height - fork) * float(rng.uniform(0.4, 0.75))
    radius = 0.022 * height + float(rng.uniform(0.0, 0.12))
    bark = Surface("bark", varied(rng, (0.17, 0.12, 0.08), 0.6, 1.5), "wood")
    leaf = Surface("leaf", _any_green(rng), "leaf")
    top = (float(rng.normal(0, 0.2)), float(rng.normal(0, 0.2)), fork)
    mesh.cylinder((0.0, 0.0, -0.1), top, (radius * 1.2, radius), bark, sides=8)
    bare, dense = rng.random() < 0.2, float(rng.uniform(0.5, 1.2))
    boughs = int(rng.integers(6, 11))
    for number in range(boughs):
        turn = 2 * math.pi * number / boughs + float(rng.normal(0, 0.3))
        out = spread * float(rng.uniform(0.25, 1.0))
        lift = (height - fork) * float(rng.uniform(0.35, 0.9))
        tip = (top[0] + out * math.sin(turn), top[1] + out * math.cos(turn), fork + lift)
        mesh.cylinder(top, tip, (radius * 0.5, radius * 0.15), bark, sides=5, caps=False)
        if bare:
            _fine_twigs(mesh, rng, tip, 0.25 * spread + 0.4, bark)
            continue
        puff = 0.42 * spread + 0.3
        mesh.leaves(rng, tip, (puff, puff, puff * 0.7), int(125 * dense), 0.09 + 0.07 * puff, leaf)


def _fine_twigs(
    mesh: MeshBuilder,
    rng: np.random.Generator,
    tip: tuple[float, float, float],
    reach: float,
    bark: Surface,
) -> None:
    for _ in range(7):
        dx, dy, dz = (rng.normal(0, 0.8, 3) * reach).tolist()
        end = (tip[0] + dx, tip[1] + dy, tip[2] + abs(dz))
        mesh.cylinder(tip, end, (0.035, 0.012), bark, sides=4, caps=False)


def _any_tree(mesh: MeshBuilder, rng: np.random.Generator) -> None:
    tree(mesh, rng, 0.0, 0.0, float(rng.uniform(0.7, 2.2)))


def _shrub(mesh: MeshBuilder, rng: np.random.Generator) -> None:
    bush(mesh, rng, 0.0, 0.0, float(rng.uniform(0.4, 1.6)), float(rng.uniform(0.5, 2.5)))


def _agave(mesh: MeshBuilder, rng: np.random.Generator) -> None:
    """Stiff blades from one point at the ground, .6 to 1.5 m."""
    reach = float(rng.uniform(0.6, 1.5))
    leaf = Surface("leaf", varied(rng, (0.15, 0.2, 0.12), 0.6, 1.4))
    for _ in range(26):
        turn, rise = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.2, 1.4))
        tip = (
            reach * math.cos(rise) * math.sin(turn),
            reach * math.cos(rise) * math.cos(turn),
            reach * math.sin(rise),
        )
        mesh.cylinder((0.0, 0.0, 0.05), tip, (0.07, 0.01), leaf, sides=4, caps=False)


#: Each builds one plant at the origin.
ROADSIDE: dict[str, Callable[[MeshBuilder, np.random.Generator], None]] = {
    "palm": palm,
    "street tree": street_tree,
    "tree": _any_tree,
    "shrub": _shrub,
    "agave": _agave,
}


def hedge(
    mesh: MeshBuilder,
    rng: np.random.Generator,
    start: tuple[float, float, float],
    size: tuple[float, float, float],
    green: Colour,
) -> None:
    """A clipped hedge along +Y from `start`; `size` (across, along, up) in metres."""
    mesh.begin_object()
    x, y, z = start
    across, along, up = size
    core = Surface("leaf", scaled(green, 0.6), "leaf")
    mesh.box((x, y + along / 2, z - 0.05), (across * 0.85, along, up * 0.93), core)
    count = int(22 * along * (up + across * 0.5))
    roots = rng.random((count, 3)) * [across, along, up] + [x - across / 2, y, z]
    # Onto the nearest of both sides or the top.
    pick = rng.random(count)
    roots[pick < 0.35, 0] = x - across / 2
    roots[(pick >= 0.35) & (pick < 0.7), 0] = x + across / 2
    roots[pick >= 0.7, 2] = z + up
    tip, side = unit(rng.normal(size=(count, 3))), unit(rng.normal(size=(count, 3)))
    leaf_m = rng.uniform(0.05, 0.13, (count, 1))
    corners = np.stack([roots + tip * leaf_m, roots + side * leaf_m, roots - side * leaf_m], 1)
    facing = unit(np.cross(tip, side))
    facing[facing[:, 2] < 0] *= -1
    normals = np.repeat(facing[:, None], 3, 1)
    leaf = Surface("leaf", green, "leaf")
    mesh.triangles(corners, corners[..., :2], normals, leaf, rng.uniform(0.6, 1.3, count))
