"""What things are made of, in both bands. Adding a material is adding a row to `MATERIALS`.

Emissivities 8-14 um: looked-up tables of two camera makers where they list the material (asphalt .95-.97,
concrete .92-.97, brick .93, plaster .91, paint .94, glass .85-.94, skin .98, ...), else general
knowledge (car paint, plants). The other columns were set by eye.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """One row. `mirror` rows trace a reflected ray in both bands; others reflect diffusely."""

    emissivity: float  # along the normal, 8-14 um
    mirror: bool = False
    visible_r0: float = 0.0  # specular reflectance along the normal, visible
    roughness: float = 0.02  # spread of the mirror ray's direction
    inertia: float = 0.2  # 0 follows the sun at once, 1 remembers it for hours
    convection: float = 1.0  # heat exchange with the air relative to a flat wall
    mottle_k: float = 0.2  # sigma of the temperature unevenness
    mottle_per_m: float = 0.5  # how fine that unevenness is, relative to the noise tile
    living: bool = False  # keeps no film of water
    constants: str = ""  # measured n and k of `fresnel.CONSTANTS`, for its slanted reflectance


MATERIALS: dict[str, Material] = {
    "asphalt": Material(emissivity=0.95, inertia=0.75, mottle_k=0.55, mottle_per_m=0.25),
    "concrete": Material(emissivity=0.93, inertia=0.8, mottle_k=0.45, mottle_per_m=0.3),
    "brick": Material(emissivity=0.93, inertia=0.7, mottle_k=0.35, mottle_per_m=0.4),
    "plaster": Material(emissivity=0.92, inertia=0.6, mottle_k=0.35, mottle_per_m=0.35),
    # As black and as slow as the road it marks, so that lane lines show by their albedo alone: they
    # vanish at night.
    "paint": Material(emissivity=0.94, inertia=0.75, mottle_k=0.2),
    "roof": Material(emissivity=0.90, inertia=0.3, mottle_k=0.4, mottle_per_m=0.4),
    "wood": Material(emissivity=0.90, visible_r0=0.01, mottle_k=0.15, mottle_per_m=0.7),
    "plastic": Material(
        emissivity=0.93, visible_r0=0.03, inertia=0.1, mottle_k=0.12, mottle_per_m=1.0
    ),
    "paper": Material(emissivity=0.93, inertia=0.05, mottle_k=0.05, mottle_per_m=1.0),
    "rubber": Material(emissivity=0.94, inertia=0.3, mottle_k=0.15, mottle_per_m=1.0),
    "lamp": Material(emissivity=0.90, inertia=0.05, mottle_k=0.1, mottle_per_m=1.0),
    "skin": Material(emissivity=0.98, mottle_k=0.5, mottle_per_m=5.0),
    "cloth": Material(
        emissivity=0.92, inertia=0.05, convection=1.2, mottle_k=0.6, mottle_per_m=4.0
    ),
    "carpet": Material(emissivity=0.93, inertia=0.05, mottle_k=0.2, mottle_per_m=0.5),
    "leaf": Material(
        emissivity=0.97, inertia=0.02, convection=3.0, mottle_k=0.45, mottle_per_m=1.5, living=True
    ),
    "grass": Material(
        emissivity=0.97, inertia=0.25, convection=2.2, mottle_k=0.6, mottle_per_m=0.6, living=True
    ),
    "bark": Material(
        emissivity=0.95, inertia=0.4, convection=1.2, mottle_k=0.25, mottle_per_m=2.0, living=True
    ),
    "glass": Material(
        emissivity=0.88,
        mirror=True,
        visible_r0=0.06,
        roughness=0.004,
        inertia=0.15,
        mottle_k=0.15,
        constants="soda-lime glass",
    ),
    "car_paint": Material(
        emissivity=0.90,
        mirror=True,
        visible_r0=0.05,
        roughness=0.018,
        inertia=0.1,
        mottle_k=0.25,
        mottle_per_m=0.8,
    ),
    # Bare metal is nearly a mirror in the long-wave band: it shows the sky, not itself. One ray a sample
    # speckles when the roughness is much above .03.
    "metal": Material(
        emissivity=0.22, mirror=True, visible_r0=0.35, roughness=0.015, inertia=0.15, mottle_k=0.1
    ),
    "tile": Material(
        emissivity=0.91,
        mirror=True,
        visible_r0=0.04,
        roughness=0.03,
        inertia=0.7,
        mottle_k=0.15,
        mottle_per_m=0.3,
    ),
    "water": Material(
        emissivity=0.98,
        mirror=True,
        visible_r0=0.02,
        roughness=0.006,
        inertia=0.9,
        convection=2.5,
        mottle_k=0.1,
        constants="water",
    ),
    # At the end: a row's number names it in what is rendered already.
    "soil": Material(emissivity=0.94, inertia=0.5, mottle_k=0.7, mottle_per_m=0.6),
    "stone": Material(emissivity=0.93, inertia=0.8, mottle_k=0.3, mottle_per_m=1.5),
    # Weathered sheet metal of halls and roofs: rough, so that it shows the mean of the cold sky.
    "sheet": Material(emissivity=0.4, inertia=0.15, mottle_k=0.15, mottle_per_m=0.3),
}

MATERIAL_INDEX: dict[str, int] = {name: index for index, name in enumerate(MATERIALS)}


def _columns() -> Any:
    """The table turned on its side: one array [materials] per column, for shading many samples at once."""
    rows = MATERIALS.values()
    columns = {
        field.name: np.array(
            [getattr(row, field.name) for row in rows],
            bool if field.type == "bool" else np.float32,
        )
        for field in fields(Material)
        if field.type != "str"
    }
    return SimpleNamespace(**columns)


COLUMNS = _columns()
