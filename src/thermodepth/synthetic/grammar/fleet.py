"""A handful of vehicles and people of one scene, built once and placed many times."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from thermodepth.synthetic.grammar.colours import Colour, any_colour, grey
from thermodepth.synthetic.grammar.mesh import MeshBuilder, Surface
from thermodepth.synthetic.grammar.models import Model, model, place, thinned
from thermodepth.synthetic.grammar.people import person
from thermodepth.synthetic.grammar.plants import ROADSIDE
from thermodepth.synthetic.grammar.vehicles import Use, draw_kind, vehicle
from thermodepth.synthetic.space.vectors import Placement
from thermodepth.synthetic.weather.conditions import Conditions

_MODELS = 5  # of each use
_WALKERS = 6
_FAR_LEAVES = 3  # one leaf in so many is left
_LIT_CARS = 2  # whose head lamps light the road
_SADDLE_M = 0.42  # how much higher a rider sits than on a chair


@dataclass(slots=True)
class Fleet:
    """Builds what it is asked for the first time, and places copies from then on."""

    rng: np.random.Generator
    conditions: Conditions
    _models: dict[tuple[str, int], Model] = field(default_factory=dict)
    _kinds: dict[tuple[Use, int], str] = field(default_factory=dict)
    _lit: int = 0

    def kind(self, use: Use) -> tuple[str, int]:
        """A vehicle that is `parked` or `moving`: its kind in `VEHICLES`, and its number."""
        number = int(self.rng.integers(_MODELS))
        if (use, number) not in self._kinds:
            self._kinds[use, number] = draw_kind(self.rng, use)
        return self._kinds[use, number], number

    def car(self, mesh: MeshBuilder, use: Use, number: int, at: Placement) -> None:
        """Place that vehicle in a colour of its own."""
        kind = self._kinds[use, number]
        warm = "warm" if self.rng.random() < 0.2 else "cold"
        state = "running" if use == "moving" else warm

        def build(part: MeshBuilder) -> None:
            vehicle(part, self.rng, Placement(0.0, 0.0), self.conditions, kind=kind, state=state)

        prototype = self._get(f"{use} {state}", number, build)
        lit = use == "moving" and self._lit < _LIT_CARS
        self._lit += lit
        place(mesh, prototype, at, paint=self._paint(), lit=lit)

    def walker(self, mesh: MeshBuilder, at: Placement, *, standing: bool = False) -> None:
        """Somebody who walks or stands."""
        number = int(self.rng.integers(_WALKERS))
        swing = 0.0 if standing else float(self.rng.uniform(-0.3, 0.3))

        def build(part: MeshBuilder) -> None:
            person(part, self.rng, Placement(0.0, 0.0), self.conditions, swing=swing)

        place(mesh, self._get(f"walker {standing}", number, build), at)

    def rider(self, mesh: MeshBuilder, at: Placement) -> None:
        """A cyclist, or somebody on a motor scooter."""
        motor = bool(self.rng.random() < 0.3)

        def build(part: MeshBuilder) -> None:
            _bicycle(part, self.rng, motor=motor)
            seat = Placement(0.0, -0.15, _SADDLE_M)
            person(part, self.rng, seat, self.conditions, seated=True)

        place(mesh, self._get(f"rider {motor}", int(self.rng.integers(2)), build), at)

    def plant(
        self, mesh: MeshBuilder, name: str, at: Placement, warmer_k: float, *, far: bool = False
    ) -> None:
        """A plant of `ROADSIDE`; its leaves are `warmer_k` warmer than the balance would have them."""
        number = int(self.rng.integers(3))
        source = self.conditions.air_k + 2 * warmer_k

        def build(part: MeshBuilder) -> None:
            ROADSIDE[name](part, self.rng)

        prototype = self._get(name, number, build)
        if far:
            key = (f"far {name}", number)
            prototype = self._models.setdefault(key, thinned(prototype, one_in=_FAR_LEAVES))
        rows = tuple(
            row.heated(source, 0.5) if row.material == "leaf" else row for row in prototype.surfaces
        )
        place(mesh, Model(prototype.mesh, rows), at)

    def _get(self, use: str, number: int, build: Callable[[MeshBuilder], None]) -> Model:
        key = (use, number)
        if key not in self._models:
            self._models[key] = model(build)
        return self._models[key]

    def _paint(self) -> Colour:
        if self.rng.random() < 0.3:
            return any_colour(self.rng, 0.05, 0.7)
        return grey(float(self.rng.choice([0.03, 0.06, 0.2, 0.35, 0.6, 0.75])))


def _bicycle(mesh: MeshBuilder, rng: np.random.Generator, *, motor: bool) -> None:
    """Two wheels, a frame and a handlebar about the origin; a scooter has a warm block between them."""
    frame = Surface("paint", any_colour(rng, 0.03, 0.6))
    tyre = Surface("rubber", grey(0.03), "plain", 300.0, 0.15)
    radius = 0.26 if motor else 0.34
    thick = 0.05 if motor else 0.02
    for ahead in (-0.52, 0.52):
        turn = np.linspace(0, 2 * math.pi, 11)
        rim = [(0.0, ahead + radius * math.cos(t), radius + radius * math.sin(t)) for t in turn]
        for a, b in itertools.pairwise(rim):
            mesh.cylinder(a, b, (thick, thick), tyre, sides=5, caps=False)
    hub, crank, head, seat = (
        (0.0, -0.52, radius),
        (0.0, -0.05, 0.32),
        (0.0, 0.42, 0.85),
        (0.0, -0.2, 0.9),
    )
    for a, b in ((hub, crank), (crank, head), (crank, seat), (seat, head), (hub, seat)):
        mesh.cylinder(a, b, (0.022, 0.022), frame, sides=5)
    mesh.cylinder((0.0, 0.52, radius), (0.0, 0.38, 1.02), (0.025, 0.025), frame, sides=5)
    mesh.cylinder((-0.28, 0.36, 1.02), (0.28, 0.36, 1.02), (0.016, 0.016), frame, sides=5)
    if motor:
        block = Surface("plastic", any_colour(rng, 0.05, 0.6), "plain", 330.0, 0.4)
        mesh.box((0.0, -0.3, 0.35), (0.3, 0.8, 0.5), block, bottom=True)
