"""What a camera sees of its own carrier: the bonnet of the car that it is on, a mast, a bracket."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.grammar.colours import any_colour, grey
from thermodepth.synthetic.grammar.mesh import Mesh, MeshBuilder, Surface
from thermodepth.synthetic.grammar.vehicles import VEHICLES, vehicle
from thermodepth.synthetic.space.vectors import Placement
from thermodepth.synthetic.weather.conditions import Conditions

CLEARANCE_M = 2.6  # round a car
_KINDS = ("sedan", "hatch", "suv", "van")


@dataclass(frozen=True, slots=True)
class OnCar:
    """A pose on a car, and the car."""

    pose: CameraPose
    mesh: Mesh


def on_car(
    rng: np.random.Generator, pose: CameraPose, ground_m: float, conditions: Conditions
) -> OnCar:
    """Move a pose onto the roof or the windscreen of a car that looks the same way."""
    kind = _KINDS[int(rng.integers(len(_KINDS)))]
    row = VEHICLES[kind]
    along_ends, heights = zip(*row.contour, strict=True)
    # From the middle of the bonnet to the front of the roof.
    along = float(rng.uniform(0.5, row.contour[row.windscreen + 1][0] + 0.3))
    roof = float(np.interp(along, along_ends, heights))
    height = roof + float(rng.uniform(0.06, 0.4))
    aside = float(rng.normal(0, 0.2))
    # Mostly about level: who looks down sees little but the bonnet and the road before it.
    pitch = math.radians(2.0 - 26.0 * float(rng.random()) ** 2)
    x, y, _ = pose.position
    turned = -pose.yaw  # a placement turns the other way round
    ahead = row.length / 2 - along
    c, s = math.cos(turned), math.sin(turned)
    centre = (x - (c * aside - s * ahead), y - (s * aside + c * ahead))
    mesh = MeshBuilder()
    state = "running" if rng.random() < 0.8 else "warm"
    at = Placement(*centre, ground_m, turned)
    vehicle(mesh, rng, at, conditions, kind=kind, state=state)
    seated = CameraPose(
        position=(x, y, ground_m + height), yaw=pose.yaw, pitch=pitch, roll=pose.roll * 0.4
    )
    return OnCar(seated, mesh.finish())


def mast(rng: np.random.Generator, pose: CameraPose) -> Mesh:
    """A post, an arm or a cage bar a hand's breadth to a metre before the lens."""
    mesh = MeshBuilder()
    mesh.begin_object()
    material = "paint" if rng.random() < 0.6 else "metal"
    surface = Surface(material, any_colour(rng, 0.02, 0.6) if rng.random() < 0.5 else grey(0.3))
    right, up, ahead = pose.axes()
    centre = np.array(pose.position)
    near, radius = float(rng.uniform(0.2, 0.9)), float(rng.uniform(0.008, 0.04))
    aside = float(rng.choice([-1, 1])) * float(rng.uniform(0.15, 0.6)) * near
    lean = float(rng.normal(0, 0.15))
    if rng.random() < 0.65:  # upright
        foot = centre + ahead * near + right * aside - up * 3 * near
        head = centre + ahead * near + right * (aside + lean) + up * 3 * near
    else:
        foot = centre + ahead * near - right * 3 * near + up * (lean - abs(aside))
        head = centre + ahead * near + right * 3 * near - up * abs(aside)
    mesh.cylinder(tuple(foot.tolist()), tuple(head.tolist()), (radius, radius), surface, sides=12)
    return mesh.finish()
