"""Every row of every table builds: materials, patterns, vehicles, pieces, fixtures."""

from __future__ import annotations

import numpy as np
import pytest

from thermodepth.synthetic.grammar.mesh import Mesh, MeshBuilder, Surface
from thermodepth.synthetic.grammar.people import person
from thermodepth.synthetic.grammar.street_furniture import PIECES
from thermodepth.synthetic.grammar.vehicles import VEHICLES, WARMTH, vehicle
from thermodepth.synthetic.grammar.walls import FIXTURES, Wall
from thermodepth.synthetic.materials.patterns import PATTERN_INDEX, PATTERNS, albedo
from thermodepth.synthetic.materials.registry import COLUMNS, MATERIALS
from thermodepth.synthetic.space.vectors import Placement
from thermodepth.synthetic.weather.conditions import draw_conditions


def _check(mesh: Mesh) -> None:
    triangles = len(mesh.positions)
    assert triangles > 0
    for values in (mesh.normals, mesh.uv, mesh.surface, mesh.shade, mesh.object_id):
        assert len(values) == triangles
    for values in (mesh.positions, mesh.normals, mesh.uv, mesh.colour, mesh.source_k):
        assert np.isfinite(values).all()
    assert (mesh.source_share >= 0).all()
    assert (mesh.source_share <= 1).all()
    assert ((mesh.source_k > 250) | (mesh.source_share == 0)).all()
    assert mesh.object_id.max() < len(mesh.object_random)


@pytest.mark.parametrize("name", list(MATERIALS))
def test_material(name: str) -> None:
    row = MATERIALS[name]
    assert 0 < row.emissivity < 1
    for share in (row.visible_r0, row.inertia, row.roughness):
        assert 0 <= share <= 1
    assert row.mottle_per_m > 0


def test_material_columns_follow_the_rows() -> None:
    assert COLUMNS.emissivity.tolist() == pytest.approx(
        [row.emissivity for row in MATERIALS.values()]
    )
    assert COLUMNS.mirror.dtype == bool


@pytest.mark.parametrize("name", list(PATTERNS))
def test_pattern(name: str) -> None:
    rng = np.random.default_rng(0)
    n = 500
    uv, offset = rng.uniform(-9, 9, (n, 2)), rng.random(n)
    colour = np.full((n, 3), 0.4, np.float32)
    pattern = np.full(n, PATTERN_INDEX[name])
    near = albedo(colour, pattern, uv, np.full(n, 1e-3), offset)
    assert near.shape == (n, 3)
    assert near.min() >= 0.01
    assert near.max() <= 0.95
    assert near.std() > 0


def test_far_patterns_fade() -> None:
    rng = np.random.default_rng(0)
    uv, n = rng.uniform(-9, 9, (500, 2)), 500
    pattern = np.full(n, PATTERN_INDEX["brick"])
    colour = np.full((n, 3), 0.4, np.float32)
    near, far = (albedo(colour, pattern, uv, np.full(n, m), np.zeros(n)) for m in (1e-3, 1.0))
    assert far.std() < 0.2 * near.std()


@pytest.mark.parametrize("state", list(WARMTH))
@pytest.mark.parametrize("kind", list(VEHICLES))
def test_vehicle(kind: str, state: str) -> None:
    builder, rng = MeshBuilder(), np.random.default_rng(1)
    conditions = draw_conditions(rng, "night")
    vehicle(builder, rng, Placement(2.0, 10.0, 0.0, 0.3), conditions, kind=kind, state=state)
    mesh = builder.finish()
    _check(mesh)
    size = np.ptp(mesh.positions.reshape(-1, 3), axis=0)
    assert 1.2 < size[2] < 3.5
    assert len(mesh.lamps) == (state == "running")  # headlights at night


@pytest.mark.parametrize("name", list(PIECES))
def test_piece(name: str) -> None:
    builder = MeshBuilder()
    PIECES[name](builder, np.random.default_rng(2), Placement(3.0, 8.0, 0.1))
    _check(builder.finish())


@pytest.mark.parametrize("name", list(FIXTURES))
def test_fixture_stays_on_its_wall(name: str) -> None:
    builder, rng = MeshBuilder(), np.random.default_rng(3)
    conditions = draw_conditions(rng, "lit")
    wall = Wall(builder, rng, conditions, Placement(0.0, 0.0), 6.0, (0.6, 0.6, 0.6), True)
    width = FIXTURES[name].add(wall, 1.0)
    mesh = builder.finish()
    _check(mesh)
    assert 0 < width < 5
    x, y, z = mesh.positions.reshape(-1, 3).T
    assert x.min() > 0.5
    assert x.max() < 6.0
    assert y.min() > -0.1
    assert y.max() < 0.5
    assert z.min() >= 0


@pytest.mark.parametrize("seated", [False, True])
def test_person_stands_on_the_ground(seated: bool) -> None:
    builder, rng = MeshBuilder(), np.random.default_rng(4)
    person(builder, rng, Placement(0.0, 5.0), draw_conditions(rng, "day"), seated=seated)
    mesh = builder.finish()
    _check(mesh)
    z = mesh.positions[..., 2]
    assert z.min() == pytest.approx(0.0, abs=0.02)
    assert (1.0 if seated else 1.4) < z.max() < 2.1


def test_box_is_closed_and_as_large_as_asked() -> None:
    builder = MeshBuilder()
    builder.box((1.0, 2.0, 0.5), (2.0, 3.0, 4.0), Surface("wood", (0.4, 0.3, 0.2)), bottom=True)
    mesh = builder.finish()
    corners = mesh.positions.reshape(-1, 3)
    np.testing.assert_allclose(corners.min(0), [0.0, 0.5, 0.5])
    np.testing.assert_allclose(corners.max(0), [2.0, 3.5, 4.5])
    a, b = (mesh.positions[:, k] - mesh.positions[:, 0] for k in (1, 2))
    area = np.linalg.norm(np.cross(a, b), axis=1).sum() / 2
    assert area == pytest.approx(2 * (2 * 3 + 2 * 4 + 3 * 4))


def test_ball_has_its_radius_and_outward_normals() -> None:
    builder = MeshBuilder()
    builder.ellipsoid((0.0, 0.0, 0.0), (2.0, 2.0, 2.0), Surface("wood", (0.4, 0.3, 0.2)), detail=2)
    mesh = builder.finish()
    assert len(mesh.positions) == 20 * 16
    np.testing.assert_allclose(np.linalg.norm(mesh.positions, axis=-1), 2.0, rtol=1e-5)
    np.testing.assert_allclose(mesh.normals, mesh.positions / 2, atol=1e-5)
