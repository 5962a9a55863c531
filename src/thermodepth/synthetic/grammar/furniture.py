"""What stands in a room: desks, chairs, shelves, cabinets, boxes. Ahead is where a user would look."""

from __future__ import annotations

import numpy as np

from thermodepth.synthetic.grammar.colours import Colour, any_colour, grey, varied
from thermodepth.synthetic.grammar.mesh import Lamp, MeshBuilder, Surface
from thermodepth.synthetic.space.vectors import Placement

_DESK_M = 0.73
_STEEL = Surface("metal", (0.4, 0.4, 0.4))


def desk(mesh: MeshBuilder, rng: np.random.Generator, at: Placement) -> None:
    """A table, mostly with a monitor, cups (some full and hot) and books."""
    mesh.begin_object()
    colour: Colour = varied(rng, (0.4, 0.32, 0.22), 0.5, 1.5)
    width, depth = float(rng.uniform(1.0, 1.7)), float(rng.uniform(0.6, 0.8))
    top = Surface("wood", colour, "wood")
    mesh.box(at.point(0, 0, _DESK_M - 0.035), (width, depth, 0.035), top, yaw=at.yaw, bottom=True)
    for right in (-1, 1):
        for ahead in (-1, 1):
            x, y = right * (width / 2 - 0.05), ahead * (depth / 2 - 0.05)
            foot, head = at.point(x, y, 0), at.point(x, y, _DESK_M - 0.03)
            mesh.cylinder(foot, head, (0.025, 0.025), _STEEL, sides=7, caps=False)
    if rng.random() < 0.7:
        _monitor(mesh, rng, at)
    for _ in range(int(rng.integers(0, 4))):
        x, y = float(rng.uniform(-0.4, 0.4)) * width, float(rng.uniform(-0.4, 0.1)) * depth
        _desk_clutter(mesh, rng, at, x, y)


def _monitor(mesh: MeshBuilder, rng: np.random.Generator, at: Placement) -> None:
    x, on = float(rng.uniform(-0.3, 0.3)), rng.random() < 0.6
    mesh.begin_object()
    case = Surface("plastic", grey(0.04))
    mesh.box(at.point(x, 0.15, _DESK_M), (0.22, 0.16, 0.02), case, yaw=at.yaw)
    mesh.box(at.point(x, 0.15, _DESK_M + 0.02), (0.04, 0.03, 0.1), case, yaw=at.yaw)
    warm = case.heated(308.0, 0.6 if on else 0.0)
    foot = at.point(x, 0.15, _DESK_M + 0.12)
    mesh.box(foot, (0.54, 0.05, 0.33), warm, yaw=at.yaw, bottom=True)
    lit = 0.7 if on else 0.0
    screen = Surface(
        "plastic", grey(0.5 if on else 0.03), "screen" if on else "plain", 309.0, lit, lit
    )
    corner = at.point(x - 0.25, 0.12, _DESK_M + 0.14)
    mesh.quad(corner, at.direction(0.5, 0, 0), at.direction(0, 0, 0.29), screen)
    if on:
        aim = at.direction(0, -1, 0)
        mesh.lamp(Lamp(at.point(x, 0.08, _DESK_M + 0.28), (0.12, 0.15, 0.2), aim, beam=1.0))


def _desk_clutter(
    mesh: MeshBuilder, rng: np.random.Generator, at: Placement, x: float, y: float
) -> None:
    mesh.begin_object()
    if rng.random() < 0.5:
        full = 0.8 if rng.random() < 0.5 else 0.0
        cup = Surface(
            "plastic", any_colour(rng, 0.1, 0.9), "plain", float(rng.uniform(315, 345)), full
        )
        mesh.cylinder(at.point(x, y, _DESK_M), at.point(x, y, _DESK_M + 0.1), (0.04, 0.042), cup)
    else:
        paper = Surface("paper", any_colour(rng, 0.1, 0.8))
        size = (0.22, 0.3, float(rng.uniform(0.02, 0.12)))
        mesh.box(at.point(x, y, _DESK_M), size, paper, yaw=at.yaw + float(rng.normal(0, 0.3)))


def chair(
    mesh: MeshBuilder, rng: np.random.Generator, at: Placement, *, vacated: bool = False
) -> None:
    """A chair facing ahead; `vacated` keeps the warmth of somebody who just left."""
    mesh.begin_object()
    cloth = Surface("cloth", any_colour(rng, 0.05, 0.5))
    seat, back = cloth.heated(304.0, 0.5 * vacated), cloth.heated(303.0, 0.35 * vacated)
    mesh.box(at.point(0, 0, 0.43), (0.44, 0.44, 0.05), seat, yaw=at.yaw, bottom=True)
    mesh.box(at.point(0, -0.21, 0.55), (0.42, 0.05, 0.42), back, yaw=at.yaw, bottom=True)
    for right in (-0.19, 0.19):
        for ahead in (-0.19, 0.19):
            foot, top = at.point(right, ahead, 0), at.point(right, ahead, 0.44)
            mesh.cylinder(foot, top, (0.017, 0.017), _STEEL, sides=6, caps=False)
        low, high = at.point(right, -0.21, 0.45), at.point(right, -0.21, 0.6)
        mesh.cylinder(low, high, (0.017, 0.017), _STEEL, sides=6, caps=False)


def bookshelf(mesh: MeshBuilder, rng: np.random.Generator, at: Placement, ceiling_m: float) -> None:
    """Open boards with rows of books; its back is at `at`, it opens ahead."""
    mesh.begin_object()
    height, width = float(rng.uniform(0.8, min(2.2, ceiling_m - 0.2))), float(rng.uniform(0.6, 1.2))
    wood = Surface("wood", any_colour(rng, 0.15, 0.7))
    mesh.box(at.point(0, 0.02, 0), (width, 0.03, height), wood, yaw=at.yaw)
    for z in np.arange(0, height, 0.36).tolist():
        mesh.box(at.point(0, 0.17, z), (width, 0.3, 0.025), wood, yaw=at.yaw, bottom=True)
        if z + 0.3 < height and rng.random() < 0.85:
            mesh.begin_object()
            row = Surface("paper", grey(0.6), "books")
            size = (width * 0.75, 0.2, float(rng.uniform(0.2, 0.3)))
            mesh.box(at.point(-width * 0.08, 0.15, z + 0.025), size, row, yaw=at.yaw)
    for side in (-1, 1):
        board = at.point(side * width / 2, 0.17, 0)
        mesh.box(board, (0.025, 0.3, height), wood, yaw=at.yaw)


def cabinet(
    mesh: MeshBuilder, rng: np.random.Generator, at: Placement, ceiling_m: float, air_k: float
) -> None:
    """A cupboard with its back at `at`; now and then it holds something warm."""
    mesh.begin_object()
    height, width = float(rng.uniform(0.8, min(2.2, ceiling_m - 0.2))), float(rng.uniform(0.6, 1.2))
    material = str(rng.choice(["wood", "metal", "paint"], p=[0.4, 0.2, 0.4]))
    share = 0.5 if rng.random() < 0.2 else 0.0
    skin = Surface(material, any_colour(rng, 0.15, 0.7), "panels", air_k + 3, share)
    mesh.box(at.point(0, 0.22, 0), (width, 0.44, height), skin, yaw=at.yaw)
    handle = Surface("metal", grey(0.6))
    for side in (-0.04, 0.04):
        grip = at.point(side, 0.455, height * 0.5)
        mesh.box(grip, (0.015, 0.03, 0.14), handle, yaw=at.yaw, bottom=True)


def boxes(mesh: MeshBuilder, rng: np.random.Generator, at: Placement) -> None:
    """One to three cardboard boxes on the floor."""
    for _ in range(int(rng.integers(1, 4))):
        mesh.begin_object()
        x, y = rng.normal(0, 0.15, 2).tolist()
        dx, dy, dz = rng.uniform(0.25, 0.6, 3).tolist()
        card = Surface("paper", varied(rng, (0.5, 0.36, 0.22), 0.7, 1.2))
        mesh.box(at.point(x, y, 0), (dx, dy, dz), card, yaw=float(rng.uniform(0, 3)))
