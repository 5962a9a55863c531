"""The ground of a wide road: lanes both ways, median, kerbs, verges, pavements, one side road.

The road runs along Y with its middle at x = 0 and is bent afterwards (`bend`). Traffic keeps to the right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.grammar.bend import Bend
from thermodepth.synthetic.grammar.colours import Colour, grey, varied
from thermodepth.synthetic.grammar.mesh import MeshBuilder, Surface
from thermodepth.synthetic.space.vectors import unit
from thermodepth.synthetic.weather.conditions import Conditions

ALONG_M = (-70.0, 150.0)
EDGE_M = 62.0  # where the yards end, from the middle of the road
FIELD_Z = -0.12
KERB_M = 0.16
STRIP_M = {"none": 0.0, "shoulder": 1.4, "parallel": 2.4, "angled": 4.9}
_STEP_M = 5.0
_LEAST_RADIUS_M = 150.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AvenuePlan:
    """Widths in metres."""

    lanes: int  # each way
    lane_m: float
    median_m: float  # 0: none
    strips: tuple[str, str]  # a name of STRIP_M at the left and the right kerb
    kerb_up_m: float
    verge_m: float
    pavement_m: float
    crossing: tuple[float, float] | None  # from where to where along the road a side road joins
    bend: Bend

    def lane_x(self, side: int, lane: int) -> float:
        """Middle of a lane, counted outward from the median; side +1 drives along +Y."""
        return side * (self.median_m / 2 + (lane + 0.5) * self.lane_m)

    @property
    def driven_m(self) -> float:
        """From the middle to the edge of the outermost lane."""
        return self.median_m / 2 + self.lanes * self.lane_m

    def kerb_m(self, side: int) -> float:
        """From the middle to the kerb."""
        return self.driven_m + STRIP_M[self.strips[side > 0]]

    def walk_m(self, side: int) -> tuple[float, float]:
        """From the middle to both edges of the pavement."""
        inner = self.kerb_m(side) + KERB_M + self.verge_m
        return inner, inner + self.pavement_m

    def joins(self, near: float, far: float) -> bool:
        """Does the side road cut this stretch?"""
        return self.crossing is not None and near < self.crossing[1] and far > self.crossing[0]


def draw_avenue(rng: np.random.Generator) -> AvenuePlan:
    """Two to six lanes, half the roads bent, two in three with a side road."""
    lanes = int(rng.choice([1, 2, 3], p=[0.45, 0.4, 0.15]))
    names = list(STRIP_M)
    strips = [str(rng.choice(names, p=[0.15, 0.2, 0.4, 0.25])) for _ in range(2)]
    start = float(rng.uniform(8, 75))
    joined, wide = rng.random() < 0.65, float(rng.uniform(6, 14))
    radius = _LEAST_RADIUS_M * float(np.exp(rng.uniform(0, 1.6)))
    bent, left = rng.random() < 0.5, rng.random() < 0.5
    return AvenuePlan(
        lanes=lanes,
        lane_m=float(rng.uniform(2.9, 3.7)),
        median_m=float(rng.uniform(1.2, 6.0)) if rng.random() < 0.4 else 0.0,
        strips=(strips[0], strips[1]),
        kerb_up_m=float(rng.uniform(0.1, 0.2)),
        verge_m=float(rng.uniform(0.8, 4.0)) if rng.random() < 0.55 else 0.0,
        pavement_m=float(rng.uniform(1.4, 4.5)),
        crossing=(start, start + wide) if joined else None,
        bend=Bend((-1 if left else 1) / radius if bent else 0.0),
    )


def ribbon(
    mesh: MeshBuilder,
    left: tuple[float, float],
    right: tuple[float, float],
    along: tuple[float, float],
    surface: Surface,
) -> None:
    """A strip from (x, z) `left` to (x, z) `right`, cut every few metres so that it can bend."""
    count = max(int((along[1] - along[0]) / _STEP_M), 1)
    y = np.linspace(along[0], along[1], count + 1)
    edges = [np.stack([np.full_like(y, x), y, np.full_like(y, z)], -1) for x, z in (left, right)]
    a, b, c, d = edges[0][:-1], edges[1][:-1], edges[1][1:], edges[0][1:]
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    slope = np.array([left[1] - right[1], 0.0, right[0] - left[0]])
    normals = np.broadcast_to(unit(slope[None]), triangles.shape)
    across = triangles[..., 0] + triangles[..., 2]
    mesh.triangles(triangles, np.stack([across, triangles[..., 1]], -1), normals, surface)


def _stretches(plan: AvenuePlan) -> list[tuple[float, float]]:
    if plan.crossing is None:
        return [ALONG_M]
    return [(ALONG_M[0], plan.crossing[0]), (plan.crossing[1], ALONG_M[1])]


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the ground of one avenue is made of."""

    asphalt: Surface
    kerb: Surface
    grass: Surface
    paving: Surface

    @property
    def green(self) -> Colour:
        """Of what grows."""
        return self.grass.colour


def draw_grounds(rng: np.random.Generator) -> Grounds:
    """Asphalt from black to pale, paving, grass from green to dry."""
    grass = (0.12, 0.2, 0.06) if rng.random() < 0.7 else (0.3, 0.25, 0.13)
    dark = varied(rng, (0.13, 0.13, 0.13), 0.5, 2.2)
    material = "concrete" if rng.random() < 0.15 else "asphalt"
    return Grounds(
        Surface(material, dark, "asphalt"),
        Surface("concrete", grey(float(rng.uniform(0.25, 0.55)))),
        Surface("grass" if rng.random() < 0.8 else "soil", varied(rng, grass, 0.6, 1.3), "grass"),
        Surface("concrete", varied(rng, (0.35, 0.33, 0.3), 0.6, 1.4), "paving"),
    )


def lay_avenue(mesh: MeshBuilder, plan: AvenuePlan, grounds: Grounds) -> None:
    """Everything that is walked and driven on, and the yards up to `EDGE_M`."""
    up = plan.kerb_up_m
    mesh.begin_object()
    ribbon(mesh, (-plan.kerb_m(-1), 0.0), (plan.kerb_m(1), 0.0), ALONG_M, grounds.asphalt)
    for side in (-1, 1):
        kerb, (inner, outer) = plan.kerb_m(side), plan.walk_m(side)
        for stretch in _stretches(plan):
            mesh.begin_object()
            _kerb(mesh, side * kerb, side, up, stretch, grounds.kerb)
            for near, far, surface in (
                (kerb + KERB_M, inner, grounds.grass),
                (inner, outer, grounds.paving),
                (outer, EDGE_M, grounds.grass),
            ):
                if far > near:
                    mesh.begin_object()
                    edges = sorted(((side * near, up), (side * far, up)))
                    ribbon(mesh, edges[0], edges[1], stretch, surface)
            ribbon(
                mesh,
                (side * EDGE_M, up),
                (side * (EDGE_M + 0.5), FIELD_Z - 0.05),
                stretch,
                grounds.grass,
            )
        if plan.crossing is not None:
            mesh.begin_object()
            edges = sorted(((side * kerb, 0.0), (side * EDGE_M, 0.0)))
            ribbon(mesh, edges[0], edges[1], plan.crossing, grounds.asphalt)
            for y in plan.crossing:
                wide = (side * (EDGE_M - kerb), 0.0, 0.0)
                mesh.quad((side * kerb, y, -0.02), wide, (0.0, 0.0, up + 0.02), grounds.kerb)
    if plan.median_m:
        half = plan.median_m / 2
        top = grounds.grass if half > 0.9 else grounds.kerb
        for stretch in _stretches(plan):
            mesh.begin_object()
            for side in (-1, 1):
                _kerb(mesh, side * (half - 0.3), -side, up, stretch, grounds.kerb)
            ribbon(mesh, (-half + 0.3 + KERB_M, up), (half - 0.3 - KERB_M, up), stretch, top)


def _kerb(
    mesh: MeshBuilder, x: float, side: int, up: float, stretch: tuple[float, float], stone: Surface
) -> None:
    """Face and top of a kerb whose stones lie on the `side` of its face."""
    ribbon(mesh, (x, -0.02), (x + side * 1e-3, up), stretch, stone)
    left, right = sorted((x, x + side * KERB_M))
    ribbon(mesh, (left, up), (right, up), stretch, stone)


def mark_avenue(
    mesh: MeshBuilder, rng: np.random.Generator, plan: AvenuePlan, conditions: Conditions
) -> None:
    """Lines, crossings for walkers, and what years of tyres and repairs left on the lanes."""
    white, yellow = Surface("paint", grey(0.7)), Surface("paint", (0.6, 0.45, 0.1))
    first, last = ALONG_M
    if not plan.median_m:
        for x in (-0.18, 0.08):
            ribbon(
                mesh, (x, 0.006), (x + 0.1, 0.006), ALONG_M, yellow if rng.random() < 0.5 else white
            )
    for side in (-1, 1):
        for lane in range(1, plan.lanes):
            x = side * (plan.median_m / 2 + lane * plan.lane_m)
            for y in np.arange(first, last, 12.0).tolist():
                mesh.quad((x - 0.06, y, 0.006), (0.12, 0.0, 0.0), (0.0, 3.0, 0.0), white)
        if rng.random() < 0.7:
            x = side * plan.driven_m
            ribbon(mesh, (x - 0.06, 0.006), (x + 0.06, 0.006), ALONG_M, white)
        _mark_bays(mesh, plan, side, white)
    _wear(mesh, rng, plan, conditions)
    if plan.crossing is not None and rng.random() < 0.8:
        for y in (plan.crossing[0] - 4.0, plan.crossing[1] + 1.0):
            reach = plan.driven_m
            for x in np.arange(-reach + 0.3, reach - 0.4, 1.0).tolist():
                mesh.quad((x, y, 0.008), (0.5, 0.0, 0.0), (0.0, 3.0, 0.0), white)


def _mark_bays(mesh: MeshBuilder, plan: AvenuePlan, side: int, white: Surface) -> None:
    if plan.strips[side > 0] != "angled":
        return
    near, far = side * plan.driven_m, side * plan.kerb_m(side)
    for y in np.arange(ALONG_M[0], ALONG_M[1], 3.2).tolist():
        lean = 2.2 * side
        mesh.quad((near, y, 0.006), (far - near, lean, 0.0), (0.0, 0.1, 0.0), white)


def _wear(
    mesh: MeshBuilder, rng: np.random.Generator, plan: AvenuePlan, conditions: Conditions
) -> None:
    """Tyre tracks a little warmer or cooler, seams, patches, covers of the sewer."""
    track_k = conditions.air_k + float(rng.normal(0, 5))
    tracks = Surface("asphalt", grey(0.1), "asphalt", track_k, 0.25)
    seam = Surface("asphalt", grey(0.03), "plain", conditions.air_k + float(rng.normal(0, 5)), 0.35)
    worn, cracked = rng.random() < 0.5, rng.random() < 0.5
    for side in (-1, 1):
        for lane in range(plan.lanes):
            middle = plan.lane_x(side, lane)
            for aside in (-0.8, 0.8) if worn else ():
                mesh.begin_object()
                x = middle + aside
                ribbon(mesh, (x - 0.25, 0.003), (x + 0.25, 0.003), ALONG_M, tracks)
            if cracked:
                mesh.begin_object()
                x = middle + side * plan.lane_m * 0.42
                ribbon(mesh, (x - 0.04, 0.005), (x + 0.04, 0.005), ALONG_M, seam)
    for _ in range(int(rng.integers(2, 14))):
        mesh.begin_object()
        x = float(rng.uniform(-plan.driven_m + 0.8, plan.driven_m - 0.8))
        y = float(rng.uniform(-10, 70))
        if abs(x) < plan.median_m / 2 + 0.5:
            continue
        if rng.random() < 0.4:
            cover = Surface("asphalt", grey(0.1), "plain", 292.0, 0.35)
            mesh.cylinder((x, y, 0.0), (x, y, 0.009), (0.35, 0.35), cover, sides=12)
        else:
            patch = Surface("asphalt", varied(rng, (0.13, 0.13, 0.13), 0.3, 1.5), "asphalt")
            size = (float(rng.uniform(0.4, 1.5)), float(rng.uniform(1, 8)))
            mesh.quad((x - size[0] / 2, y, 0.007), (size[0], 0.0, 0.0), (0.0, size[1], 0.0), patch)
