"""What stands on a pavement. Adding a piece is a function and a row in `PIECES`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from thermodepth.synthetic.grammar.colours import any_colour, grey
from thermodepth.synthetic.grammar.mesh import Lamp, MeshBuilder, Surface
from thermodepth.synthetic.grammar.plants import bush
from thermodepth.synthetic.space.vectors import Placement
from thermodepth.synthetic.weather.conditions import Conditions

_SODIUM = (1.0, 0.78, 0.5)


def street_lamp(
    mesh: MeshBuilder, rng: np.random.Generator, x: float, y: float, conditions: Conditions
) -> None:
    """A mast with an arm over the road; at night its head is warm and shines."""
    mesh.begin_object()
    towards = -1.0 if x > 0 else 1.0
    height = float(rng.uniform(5, 8))
    mast = Surface("metal" if rng.random() < 0.5 else "paint", grey(0.3))
    mesh.cylinder((x, y, 0.0), (x, y, height), (0.09, 0.06), mast, sides=8)
    end = x + towards * 1.6
    mesh.cylinder((x, y, height), (end, y, height + 0.2), (0.05, 0.04), mast, sides=6)
    on = conditions.night
    head = Surface("lamp", grey(0.5), "plain", 318.0, 0.7 * on, 25.0 * on)
    head_x = x + towards * 1.7
    mesh.box((head_x, y, height + 0.08), (0.7, 0.28, 0.12), head, bottom=True)
    power = 26 * float(rng.uniform(0.6, 1.2))
    if on:
        r, g, b = (channel * power for channel in _SODIUM)
        mesh.lamp(Lamp((head_x, y, height), (r, g, b), (0.0, 0.0, -1.0)))


def _bin(mesh: MeshBuilder, rng: np.random.Generator, at: Placement) -> None:
    body = Surface("plastic", any_colour(rng, 0.05, 0.5))
    mesh.cylinder(at.point(0, 0, 0), at.point(0, 0, 1.0), (0.28, 0.3), body)


def _sign(mesh: MeshBuilder, rng: np.random.Generator, at: Placement) -> None:
    post = Surface("metal", grey(0.5))
    mesh.cylinder(at.point(0, 0, 0), at.point(0, 0, 2.6), (0.035, 0.035), post, sides=7)
    red, blue = (0.7, 0.08, 0.08), (0.05, 0.12, 0.5)
    plate = Surface("paint", red if rng.random() < 0.5 else blue)
    mesh.cylinder(at.point(0, -0.04, 2.3), at.point(0, -0.06, 2.3), (0.33, 0.33), plate, sides=14)


def _bollards(mesh: MeshBuilder, rng: np.random.Generator, at: Placement) -> None:
    iron = Surface("metal" if rng.random() < 0.4 else "paint", grey(0.3))
    for i in range(int(rng.integers(2, 6))):
        foot, top = at.point(0, 1.5 * i, 0), at.point(0, 1.5 * i, 0.9)
        mesh.cylinder(foot, top, (0.07, 0.07), iron, sides=8)


def _bench(mesh: MeshBuilder, rng: np.random.Generator, at: Placement) -> None:
    wood = Surface("wood", (0.35, 0.22, 0.12), "wood")
    mesh.box(at.point(0, 0, 0.4), (0.45, 1.6, 0.06), wood, yaw=at.yaw, bottom=True)
    mesh.box(at.point(0.22, 0, 0.5), (0.05, 1.6, 0.35), wood, yaw=at.yaw, bottom=True)
    legs = Surface("metal" if rng.random() < 0.5 else "concrete", grey(0.3))
    for ahead in (-0.6, 0.6):
        mesh.box(at.point(0, ahead, 0), (0.4, 0.08, 0.4), legs, yaw=at.yaw)


def _cabinet(mesh: MeshBuilder, rng: np.random.Generator, at: Placement) -> None:
    skin = "metal" if rng.random() < 0.3 else "paint"
    box = Surface(skin, any_colour(rng, 0.2, 0.6), "panels", 303.0, 0.25)
    mesh.box(at.point(0, 0, 0), (0.5, 0.9, 1.3), box, yaw=at.yaw)


PIECES: dict[str, Callable[[MeshBuilder, np.random.Generator, Placement], None]] = {
    "bin": _bin,
    "sign": _sign,
    "bollards": _bollards,
    "bench": _bench,
    "cabinet": _cabinet,
}


def any_piece(mesh: MeshBuilder, rng: np.random.Generator, at: Placement) -> None:
    """One of `PIECES`, each equally likely."""
    mesh.begin_object()
    pieces = list(PIECES.values())
    pieces[int(rng.integers(len(pieces)))](mesh, rng, at)


def boundary(mesh: MeshBuilder, rng: np.random.Generator, x: float) -> None:
    """A low wall, a picket fence or a hedge along the back of the pavement."""
    kind = rng.choice(["wall", "fence", "hedge"])
    shift = float(rng.uniform(0, 20))
    mesh.begin_object()
    if kind == "wall":
        brick = Surface("brick", (0.4, 0.22, 0.16), "brick")
        mesh.box((x, 40 + shift, 0.1), (0.2, 70.0, float(rng.uniform(0.6, 1.3))), brick)
    elif kind == "fence":
        wood = Surface("wood", any_colour(rng, 0.15, 0.7))
        for y in np.arange(-4 + shift * 0.3, 45, 0.35).tolist():
            mesh.box((x, y, 0.1), (0.04, 0.1, 1.0), wood)
        for z in (0.4, 0.9):
            mesh.box((x, 22.0, z), (0.05, 46.0, 0.08), wood)
    else:
        for y in np.arange(-2, 36, 1.1).tolist():
            bush(
                mesh, rng, x, y + float(rng.uniform(-0.2, 0.2)), 0.75, float(rng.uniform(0.8, 1.3))
            )
