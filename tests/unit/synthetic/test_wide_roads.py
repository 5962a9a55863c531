"""Wide roads and open ground: things stand on the ground and in nothing, roads bend, seeds repeat."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from thermodepth.synthetic.grammar import avenue
from thermodepth.synthetic.grammar.avenue import FRONTAGES, build_avenue
from thermodepth.synthetic.grammar.avenue_road import EDGE_M, STRIP_M, draw_avenue
from thermodepth.synthetic.grammar.avenue_traffic import Parked
from thermodepth.synthetic.grammar.bend import Bend
from thermodepth.synthetic.grammar.fields import FIELD_Z, PLOTS, build_fields
from thermodepth.synthetic.grammar.mesh import MeshBuilder, Surface
from thermodepth.synthetic.grammar.models import model, place, thinned
from thermodepth.synthetic.grammar.open_ground import far_hills
from thermodepth.synthetic.grammar.plants import ROADSIDE
from thermodepth.synthetic.grammar.vehicles import VEHICLES
from thermodepth.synthetic.space.vectors import Placement
from thermodepth.synthetic.weather.conditions import Conditions, draw_conditions

SEEDS = range(5)


def _conditions(seed: int = 0) -> Conditions:
    return draw_conditions(np.random.default_rng(seed), "day")


def _corners(car: Parked) -> np.ndarray:
    half, long = VEHICLES[car.kind].width / 2, car.length / 2
    places = [(-half, -long), (half, -long), (half, long), (-half, long)]
    return np.array([car.at.point(right, ahead, 0.0)[:2] for right, ahead in places])


def _overlap(first: Parked, second: Parked) -> bool:
    """Two rectangles: is there no line between them along the sides of either?"""
    a, b = _corners(first), _corners(second)
    for shape in (a, b):
        for side in (shape[1] - shape[0], shape[2] - shape[1]):
            along_a, along_b = a @ side, b @ side
            if along_a.max() <= along_b.min() or along_b.max() <= along_a.min():
                return False
    return True


class TestAvenue:
    def test_plans_vary(self) -> None:
        plans = [draw_avenue(np.random.default_rng(seed)) for seed in range(80)]
        assert {plan.lanes for plan in plans} == {1, 2, 3}
        assert {name for plan in plans for name in plan.strips} == set(STRIP_M)
        assert 0.2 < np.mean([plan.median_m > 0 for plan in plans]) < 0.6
        assert all(0.1 <= plan.kerb_up_m <= 0.2 for plan in plans)
        # The inside of a bend never folds over its own middle.
        assert all(abs(plan.bend.per_m) * (EDGE_M + 1) < 1 for plan in plans)

    def test_frontages_pass_every_side_road(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where 1 m behind the side road less 1 m is nearer than the side road, by rounding, too."""
        plans = [draw_avenue(np.random.default_rng(seed)) for seed in range(300)]
        crossed = [plan for plan in plans if plan.crossing is not None]
        assert any(p.crossing[1] + 1.0 - 1 < p.crossing[1] for p in crossed if p.crossing)
        blocks: list[tuple[float, float]] = []

        def block(roadside: object, near: float, far: float) -> None:
            del roadside
            blocks.append((near, far))

        monkeypatch.setattr(avenue, "FRONTAGES", {"block": block})
        for plan in crossed:
            blocks.clear()
            draws = iter((14.0, 23.0, 34.0) * 40)  # and no more: it must come to an end
            roadside = SimpleNamespace(
                plan=plan, rng=np.random.default_rng(0), between=lambda *_, d=draws: next(d)
            )
            avenue._line(roadside, np.array([1.0]))  # type: ignore[arg-type]
            assert all(not plan.joins(near, far) for near, far in blocks)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_vehicles_stand_in_no_other(self, seed: int) -> None:
        cars = build_avenue(np.random.default_rng(seed), _conditions()).cars
        assert len(cars) > 5
        for number, car in enumerate(cars):
            for other in cars[number + 1 :]:
                assert not _overlap(car, other), (car, other)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_parked_rows_are_at_the_kerb_and_traffic_keeps_right(self, seed: int) -> None:
        avenue = build_avenue(np.random.default_rng(seed), _conditions())
        plan = avenue.plan
        for car in avenue.cars:
            side = 1 if car.at.x > 0 else -1
            off = np.abs(_corners(car)[:, 0])
            assert off.max() < plan.kerb_m(side) + 0.35
            assert off.min() > plan.median_m / 2 - 0.3
            if car.moving:
                assert off.max() < plan.driven_m + 0.4
                assert math.cos(car.at.yaw) * side > 0.99

    @pytest.mark.parametrize("seed", SEEDS)
    def test_everything_stands_on_the_ground(self, seed: int) -> None:
        """Every object begins within a kerb's height of the road, but for the wires of two sides."""
        avenue = build_avenue(np.random.default_rng(seed), _conditions())
        lowest = np.full(len(avenue.mesh.object_random), np.inf)
        up = avenue.mesh.positions[..., 2].min(1)
        np.minimum.at(lowest, avenue.mesh.object_id, up)
        placed = np.isfinite(lowest)
        assert placed.sum() > 60
        assert (lowest[placed] > 0.25).sum() <= 2
        assert np.isfinite(avenue.mesh.positions).all()
        assert np.isfinite(avenue.mesh.normals).all()

    def test_the_same_seed_gives_the_same_road(self) -> None:
        first, second = (build_avenue(np.random.default_rng(3), _conditions()) for _ in range(2))
        np.testing.assert_array_equal(first.mesh.positions, second.mesh.positions)
        np.testing.assert_array_equal(first.mesh.source_k, second.mesh.source_k)
        assert first.cars == second.cars

    def test_every_frontage_has_something_to_show(self) -> None:
        assert {"house", "shops", "tall", "lot", "green", "thicket", "hall"} <= set(FRONTAGES)


class TestBend:
    def test_lengths_along_the_middle_stay(self) -> None:
        bend = Bend(1 / 200)
        points = np.array([bend.point(0.0, along) for along in np.linspace(0, 100, 201)])
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        np.testing.assert_allclose(steps, 0.5, atol=1e-4)
        assert points[-1, 0] > 20  # to the right
        assert bend.heading(100.0) == pytest.approx(0.5)

    def test_a_thing_keeps_its_shape_and_turns(self) -> None:
        mesh = MeshBuilder()
        mesh.begin_object()
        mesh.box((8.0, 60.0, 0.0), (2.0, 5.0, 1.5), Surface("paint", (0.5, 0.5, 0.5)))
        straight = mesh.finish()
        bent = Bend(-1 / 160).things(straight)
        for number in range(3):
            before, after = (
                np.linalg.norm(m.positions[:, number] - m.positions[:, number - 1], axis=-1)
                for m in (straight, bent)
            )
            np.testing.assert_allclose(after, before, rtol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(bent.normals, axis=-1), 1, atol=1e-5)
        edges = np.diff(bent.positions[:, :2], axis=1)[:, 0]
        np.testing.assert_allclose((edges * bent.normals[:, 0]).sum(-1), 0, atol=1e-4)

    def test_no_bend_changes_nothing(self) -> None:
        mesh = MeshBuilder()
        mesh.box((3.0, 20.0, 0.0), (1.0, 1.0, 1.0), Surface("paint", (0.5, 0.5, 0.5)))
        straight = mesh.finish()
        np.testing.assert_allclose(
            Bend(0.0).ground(straight).positions, straight.positions, atol=1e-5
        )


class TestModels:
    def test_a_copy_stands_where_it_is_put(self) -> None:
        def build(part: MeshBuilder) -> None:
            part.box((0.0, 0.0, 0.0), (1.0, 3.0, 2.0), Surface("car_paint", (0.1, 0.1, 0.1)))

        mesh = MeshBuilder()
        at = Placement(10.0, 5.0, 0.5, math.pi / 2, 2.0)
        place(mesh, model(build), at, paint=(0.7, 0.0, 0.0))
        done = mesh.finish()
        low, high = done.positions.min((0, 1)), done.positions.max((0, 1))
        np.testing.assert_allclose(low, [7.0, 4.0, 0.5], atol=1e-5)
        np.testing.assert_allclose(high, [13.0, 6.0, 4.5], atol=1e-5)
        np.testing.assert_allclose(done.colour, [[0.7, 0.0, 0.0]], atol=1e-6)

    @pytest.mark.parametrize("name", ROADSIDE)
    def test_plants_grow_from_the_ground_and_thin_out(self, name: str) -> None:
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            plant = model(lambda part, rng=rng: ROADSIDE[name](part, rng))
            up = plant.mesh.positions[..., 2]
            assert -0.6 < up.min() < 0.2 < up.max() < 25
            far = thinned(plant, one_in=3)
            assert len(far.mesh.positions) <= len(plant.mesh.positions)
            assert far.mesh.positions.max() < plant.mesh.positions.max() * 1.2 + 0.5


class TestFields:
    @pytest.mark.parametrize("name", PLOTS)
    def test_every_kind_of_plot_stands_on_level_ground(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The hills and crowns around are bodies half sunk in the ground, so they are left out."""
        from thermodepth.synthetic.grammar import fields

        monkeypatch.setattr(fields, "PLOTS", {name: PLOTS[name]})
        monkeypatch.setattr(fields, "far_hills", lambda *_: None)
        mesh, looks = build_fields(np.random.default_rng(1), _conditions())
        assert len(looks) >= 4
        up = mesh.positions[..., 2]
        assert np.isfinite(mesh.positions).all()
        assert -0.6 < up.min() < FIELD_Z
        assert 2 < up.max() < 30
        lowest = np.full(len(mesh.object_random), np.inf)
        np.minimum.at(lowest, mesh.object_id, up.min(1))
        placed = np.isfinite(lowest)
        # Feet on the ground, on a slab or on a terrace (the highest of eight is below 17 m).
        assert (lowest[placed] < (18 if name == "terraces" else 0.25)).all()

    def test_hills_begin_beyond_the_origin_and_nothing_floats(self) -> None:
        """Their lowest corners lie below the ground, where no ray comes."""
        mesh = MeshBuilder()
        far_hills(mesh, np.random.default_rng(0))
        x, y, z = np.moveaxis(mesh.finish().positions, -1, 0)
        assert np.hypot(x, y).min() > 70
        assert z.min() < 0 < z.max() < 50

    def test_the_same_seed_gives_the_same_ground(self) -> None:
        first, second = (build_fields(np.random.default_rng(2), _conditions())[0] for _ in range(2))
        np.testing.assert_array_equal(first.positions, second.positions)


class TestFrames:
    @pytest.mark.parametrize("site", ["avenue", "fields"])
    def test_sky_is_known_and_the_camera_in_nothing(
        self, site: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("embreex", reason="rendering needs the ray caster")
        from thermodepth.synthetic.worlds import world

        monkeypatch.setattr(world, "draw_site", lambda *_: site)
        heights = []
        for seed in range(6):
            frame = world.render_any_camera(seed, pixels=48 * 40, samples=1)
            assert frame.kind == site
            np.testing.assert_array_equal(frame.sky, np.isnan(frame.depth_m))
            assert np.nanpercentile(frame.depth_m, 50) > 0.8
            heights.append(float(frame.world_from_camera[2, 3]))
        assert min(heights) > 0.25
        assert (max(heights) > 20) == (site == "fields")
