"""A thing built once and placed many times: a row of cars or trees costs little more than one of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from thermodepth.synthetic.grammar.colours import Colour
from thermodepth.synthetic.grammar.mesh import Lamp, Mesh, MeshBuilder, Surface
from thermodepth.synthetic.space.vectors import Placement


@dataclass(frozen=True, slots=True)
class Model:
    """Geometry about its own origin, and what its parts are made of."""

    mesh: Mesh
    surfaces: tuple[Surface, ...]


def model(build: Callable[[MeshBuilder], None]) -> Model:
    """What `build` adds about the origin, looking along +Y."""
    mesh = MeshBuilder()
    build(mesh)
    return Model(mesh.finish(), mesh.surfaces)


def thinned(prototype: Model, *, one_in: int) -> Model:
    """For far away: one leaf in so many, each the larger, so that the crown hides as much."""
    mesh = prototype.mesh
    names = [row.material == "leaf" for row in prototype.surfaces]
    leaf = np.array(names)[mesh.surface]
    keep = ~leaf | (np.arange(len(leaf)) % one_in == 0)
    positions, large = mesh.positions[keep], leaf[keep]
    middle = positions.mean(1, keepdims=True)
    grown = middle + math.sqrt(one_in) * (positions - middle)
    columns = ("normals", "uv", "surface", "shade", "object_id")
    return Model(
        replace(
            mesh,
            positions=np.where(large[:, None, None], grown, positions).astype(np.float32),
            **{name: getattr(mesh, name)[keep] for name in columns},
        ),
        prototype.surfaces,
    )


def place(
    mesh: MeshBuilder,
    prototype: Model,
    at: Placement,
    *,
    paint: Colour | None = None,
    lit: bool = False,
) -> None:
    """Add it as an object of its own; `paint` replaces the colour of car paint, `lit` takes its lamps."""
    surfaces = prototype.surfaces
    if paint is not None:
        surfaces = tuple(
            replace(row, colour=paint) if row.material == "car_paint" else row for row in surfaces
        )
    mesh.begin_object((at.x, at.y, at.z))
    mesh.add(prototype.mesh, surfaces, at)
    for lamp in prototype.mesh.lamps if lit else ():
        where, aim = at.point(*lamp.position), at.direction(*lamp.aim)
        mesh.lamp(Lamp(where, lamp.intensity, aim, beam=lamp.beam))
