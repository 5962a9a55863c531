"""The world with many cameras: wide draws, known sky, near scenes, lenses that agree with the rays."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from thermodepth.camera import project, unproject
from thermodepth.data.synthetic import open_synthetic
from thermodepth.data.transform import crop_resize, mirror
from thermodepth.errors import DataError, SettingsError
from thermodepth.synthetic.cameras.lens import ASPECT, FIELD_OF_VIEW_DEG, draw_rig
from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.cameras.rig import coaxial_rig, ms2_rig
from thermodepth.synthetic.cameras.standpoint import Room
from thermodepth.synthetic.grammar.mesh import MeshBuilder
from thermodepth.synthetic.grammar.open_ground import lay_open_ground
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.rendering.thermal_shading import sky_radiance
from thermodepth.synthetic.storage.building import build_pack
from thermodepth.synthetic.storage.order import RenderOrder
from thermodepth.synthetic.storage.pack import Pack, write_pack
from thermodepth.synthetic.weather.conditions import draw_conditions
from thermodepth.synthetic.weather.skies import vary_conditions
from thermodepth.synthetic.worlds.sites import SITES, Built, draw_site, place_camera
from thermodepth.types import ThermalUnit

PIXELS = 48 * 40
SEEDS = range(24)


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    pytest.importorskip("embreex", reason="rendering needs the ray caster")
    from thermodepth.synthetic.worlds.world import render_any_camera

    return [render_any_camera(seed, pixels=PIXELS, samples=1) for seed in SEEDS]


@pytest.fixture(scope="module")
def pack(frames: list[Frame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "many.zip"
    write_pack(path, {"train": frames[:-2], "test": frames[-2:]}, cameras="many")
    return path


def _pitch_deg(frame: Frame) -> float:
    return math.degrees(math.asin(frame.world_from_camera[2, 2]))


class TestLens:
    def test_fields_and_shapes_fill_their_ranges(self) -> None:
        fields, aspects, areas = [], [], []
        for seed in range(400):
            rig = draw_rig(np.random.default_rng(seed), 160 * 128)
            own = rig.thermal
            assert rig.coaxial
            assert own.intrinsics[0, 0] == own.intrinsics[1, 1]
            fields.append(2 * math.degrees(math.atan(own.width / 2 / own.intrinsics[0, 0])))
            aspects.append(own.width / own.height)
            areas.append(own.width * own.height / (160 * 128))
        low, high = FIELD_OF_VIEW_DEG
        assert low - 1e-6 < min(fields) < low + 3 < high - 5 < max(fields) < high + 1e-6
        assert ASPECT[0] <= min(aspects) < 1.4 < 2.3 < max(aspects) <= ASPECT[1]
        np.testing.assert_allclose(areas, 1, atol=0.03)

    def test_intrinsics_agree_with_the_rays(self, frames: list[Frame]) -> None:
        """Ground that is level in the world, seen by depth and intrinsics, is level again."""
        checked = 0
        for frame in frames:
            if frame.kind not in ("avenue", "carpark", "fields", "street"):
                continue
            points = unproject(frame.depth_m, frame.intrinsics).reshape(3, -1)
            pose = frame.world_from_camera
            world = pose[:3, :3] @ points + pose[:3, 3:]
            height = world[2][np.isfinite(world[2])]
            # The carriageway, the tarmac or the open field: at one of these heights, to a millimetre
            # and a part in a hundred thousand of the distance.
            for level in (0.0, -0.08, -0.12, 0.1, 0.125):
                at_level = np.abs(height - level) < 2e-3
                checked += int(at_level.sum())
        assert checked > 2000

    def test_a_known_point_is_seen_where_the_matrix_says(self) -> None:
        pytest.importorskip("embreex", reason="rendering needs the ray caster")
        from thermodepth.synthetic.cameras.pose import CameraPose
        from thermodepth.synthetic.cameras.view import View
        from thermodepth.synthetic.grammar.mesh import MeshBuilder, Surface
        from thermodepth.synthetic.rendering.render import exact_depth_m
        from thermodepth.synthetic.space.rays import EmbreeCaster

        ball = np.array([1.2, 6.0, 0.9])
        mesh = MeshBuilder()
        mesh.ellipsoid(
            tuple(ball.tolist()), (0.4, 0.4, 0.4), Surface("paper", (0.5, 0.5, 0.5)), detail=3
        )
        caster = EmbreeCaster(mesh.finish().positions)
        for seed in range(8):
            rig = draw_rig(np.random.default_rng(seed), 160 * 128)
            pose = CameraPose(position=(0.5, 0.0, 1.5), yaw=0.1, pitch=-0.12, roll=0.1)
            view = View(rig.thermal, pose.matrix())
            hit = np.isfinite(exact_depth_m(caster, view))
            rows, columns = np.nonzero(hit)
            centre = np.linalg.inv(pose.matrix()) @ [*ball, 1.0]
            column, row = project(centre[:3, None].astype(np.float32), rig.thermal.intrinsics)
            inside = 5 < column[0] < rig.thermal.width - 5 and 5 < row[0] < rig.thermal.height - 5
            whole = hit.any() and not (
                hit[0].any() or hit[-1].any() or hit[:, 0].any() or hit[:, -1].any()
            )
            if inside and whole:
                assert columns.mean() + 0.5 == pytest.approx(column[0], abs=1.0)
                assert rows.mean() + 0.5 == pytest.approx(row[0], abs=1.0)


class TestFrames:
    def test_the_same_seed_gives_the_same_frame(self, frames: list[Frame]) -> None:
        from thermodepth.synthetic.worlds.world import render_any_camera

        for seed in (0, 5):
            again = render_any_camera(seed, pixels=PIXELS, samples=1)
            for name in ("rgb", "apparent_temperature_k", "depth_m", "sky", "intrinsics"):
                np.testing.assert_array_equal(getattr(again, name), getattr(frames[seed], name))

    def test_heights_and_tilts_are_wide(self, frames: list[Frame]) -> None:
        pitches = [_pitch_deg(frame) for frame in frames]
        rolls = [math.degrees(math.asin(-f.world_from_camera[2, 0])) for f in frames]
        assert min(pitches) > -90.5
        assert max(pitches) < 15.5
        assert np.ptp(pitches) > 40
        assert np.std(pitches) > 12
        assert 2 < np.std(rolls) < 10
        assert max(abs(roll) for roll in rolls) < 10.5
        heights = [f.world_from_camera[2, 3] for f in frames if f.kind in ("street", "carpark")]
        assert 0.25 < min(heights) < max(heights) < 130.5

    def test_all_sites_come(self) -> None:
        counts = [draw_site(np.random.default_rng(seed), None) for seed in range(400)]
        for name, row in SITES.items():
            assert counts.count(name) / 400 == pytest.approx(row.share, abs=0.06)

    def test_near_scenes_are_near(self, frames: list[Frame]) -> None:
        near = [frame for frame in frames if frame.kind == "near"]
        assert len(near) >= 3
        assert min(float(np.nanmin(frame.depth_m)) for frame in near) < 0.5
        assert all(np.isfinite(frame.depth_m).all() for frame in near)  # in a room there is no sky
        assert all(np.nanpercentile(frame.depth_m, 20) < 3 for frame in near)

    def test_sky_is_what_no_ray_meets_and_lies_above_the_horizon(self, frames: list[Frame]) -> None:
        with_sky = 0
        for frame in frames:
            assert frame.sky is not None
            np.testing.assert_array_equal(frame.sky, np.isnan(frame.depth_m))
            rays = unproject(np.ones_like(frame.depth_m), frame.intrinsics).reshape(3, -1)
            up = (frame.world_from_camera[2, :3] @ rays / np.linalg.norm(rays, axis=0)).reshape(
                frame.sky.shape
            )
            # The ground ends 12 km away: from 130 m up that is .6 degrees below the horizon.
            assert up[frame.sky].min(initial=1.0) > -0.012
            with_sky += bool(frame.sky.any())
        assert with_sky >= 5


class TestOwnBody:
    """What of its own carrier a camera sees."""

    @pytest.fixture
    def place(self) -> Callable[[Callable[[float, float], float] | None], list[bool]]:
        pytest.importorskip("embreex", reason="the pose is chosen with the ray caster")
        builder = MeshBuilder()
        lay_open_ground(builder, np.random.default_rng(0), -0.1)
        mesh = builder.finish()
        pose = CameraPose(position=(0.0, 0.0, 30.0), yaw=0.0, pitch=-0.8, roll=0.0)

        def bodies(ground_m: Callable[[float, float], float] | None) -> list[bool]:
            """Whether one was put before the camera, for sixty draws."""
            room = Room(around_m=0.0, nearest_m=0.5)
            built = Built(mesh=mesh, propose=lambda _: pose, room=room, ground_m=ground_m)
            rig = coaxial_rig(48, 40)
            conditions = draw_conditions(np.random.default_rng(0), "day")
            generators = (np.random.default_rng(seed) for seed in range(60))
            return [place_camera(built, conditions, rig, rng)[0] is not mesh for rng in generators]

        return bodies

    def test_near_the_ground_some_see_it_and_from_above_none_does(self, place) -> None:
        assert not any(place(None))
        assert 0.1 < np.mean(place(lambda *_: 0.0)) < 0.6


class TestSkies:
    def test_sky_is_not_whatever_is_cold(self) -> None:
        """Zenith against a wall that lost its heat: colder in most weathers, warmer in many."""
        up = np.array([[0.0, 0.3, 0.95], [0.3, 0.2, 0.9]])
        up /= np.linalg.norm(up, axis=1, keepdims=True)
        from thermodepth.synthetic.materials.radiance import apparent_temperature_k

        warmer = []
        for seed in range(200):
            rng = np.random.default_rng(seed)
            plain = draw_conditions(rng, ("day", "overcast", "night", "rain")[seed % 4])
            conditions = vary_conditions(rng, plain)
            sky_k = apparent_temperature_k(sky_radiance(up, conditions)).mean()
            cold_wall_k = conditions.air_k - 4
            warmer.append(sky_k > cold_wall_k)
        assert 0.1 < np.mean(warmer) < 0.6

    def test_a_sky_without_layers_is_as_it_was(self) -> None:
        conditions = draw_conditions(np.random.default_rng(3), "day")
        assert conditions.layers == ()


class TestPack:
    def test_a_sample_has_its_own_lens_size_and_sky(self, pack: Path, frames: list[Frame]) -> None:
        split = open_synthetic(pack).split("train")
        units = set()
        for index, frame in enumerate(frames[:-2]):
            sample = split.read(index)
            units.add(sample.thermal_unit)
            assert sample.size == frame.depth_m.shape == sample.thermal.shape
            assert sample.rgb is not None
            assert sample.rgb.shape[:2] == sample.size
            np.testing.assert_allclose(sample.intrinsics, frame.intrinsics, atol=1e-5)
            np.testing.assert_array_equal(sample.sky, frame.sky)
            assert sample.thermal.dtype == (
                np.uint8 if sample.thermal_unit is ThermalUnit.DISPLAY else np.uint16
            )
        assert units == {ThermalUnit.DISPLAY, ThermalUnit.COUNTS}

    def test_sky_moves_with_the_picture(self, pack: Path) -> None:
        split = open_synthetic(pack).split("train")
        sample = next(s for s in map(split.read, range(len(split.sample_ids))) if s.sky.any())
        np.testing.assert_array_equal(mirror(sample).sky, sample.sky[:, ::-1])
        small = crop_resize(sample, (24, 32), zoom=1.3)
        assert small.sky.shape == (24, 32)
        assert not np.isfinite(small.depth_m[small.sky]).any()

    def test_one_cameras_pack_takes_the_depthless_for_sky(self, tiny_pack: Path) -> None:
        sample = open_synthetic(tiny_pack).split("train").read(0)
        np.testing.assert_array_equal(sample.sky, np.isnan(sample.depth_m))
        assert Pack.open(tiny_pack).sky(sample.sample_id) is None

    def test_every_draw_is_another_camera(self, pack: Path) -> None:
        split = open_synthetic(pack).split("train")
        units = {split.read(0, draw=draw).thermal_unit for draw in range(30)}
        assert len(units) == 2
        one, two, again = (split.read(0, draw=draw).thermal for draw in (1, 2, 1))
        np.testing.assert_array_equal(one, again)
        assert one.dtype != two.dtype or not np.array_equal(one, two)

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("frame_id,width", "frame_id,breadth", "must begin with"),
            (",40,", ",0,", "size"),
            (",40,", ",forty,", "line 2"),
        ],
    )
    def test_a_broken_cameras_csv_is_named(self, old: str, new: str, message: str) -> None:
        from thermodepth.synthetic.storage.csv_files import IndexRow, parse_cameras

        row = IndexRow(frame_id="a", split="train", kind="near", condition="lit", seed=1)
        text = "frame_id,width,height,fx,fy,cx,cy\na,40,30,50.0,50.0,20.0,15.0\n"
        assert parse_cameras("x.zip", text, [row])["a"].width == 40
        with pytest.raises(DataError, match=message):
            parse_cameras("x.zip", text.replace(old, new), [row])
        with pytest.raises(DataError, match="no line for 'b'"):
            parse_cameras("x.zip", text, [IndexRow(**{**_fields(row), "frame_id": "b"})])

    def test_a_frame_without_a_sky_map_is_refused(self, tmp_path: Path, made_frame) -> None:
        with pytest.raises(DataError, match="no sky map"):
            write_pack(tmp_path / "p.zip", {"train": [made_frame(1)]}, cameras="many")


def _fields(row: object) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(row)  # type: ignore[call-overload, no-any-return]


class TestOrder:
    def test_one_camera_is_the_default_and_leaves_no_trace(
        self, tmp_path: Path, made_frame
    ) -> None:
        order = RenderOrder(scenes={"train": [1]}, rig=coaxial_rig(40, 32))
        assert "cameras" not in order.facts(3)
        write_pack(tmp_path / "p.zip", {"train": [made_frame(1)]})
        facts = json.loads(Pack.open(tmp_path / "p.zip").header.text())
        assert facts["format_version"] == 2
        assert list(facts) == [
            "format", "format_version", "generator_version", "rig", "width", "height", "intrinsics",
            "pixel_centre", "temperature", "depth", "lidar", "rgb", "sensor",
        ]  # fmt: skip

    def test_impossible_orders(self, tmp_path: Path) -> None:
        scenes = {"train": [1]}
        with pytest.raises(SettingsError, match="cameras 'few'"):
            RenderOrder(scenes=scenes, rig=coaxial_rig(40, 32), cameras="few")
        with pytest.raises(SettingsError, match="stills only"):
            RenderOrder(scenes=scenes, rig=coaxial_rig(40, 32), cameras="many", frames=3)
        with pytest.raises(SettingsError, match="rig 'ms2'"):
            RenderOrder(scenes=scenes, rig=ms2_rig(), cameras="many")
        order = RenderOrder(
            scenes=scenes, rig=coaxial_rig(40, 32), cameras="many", lidar_channels=16
        )
        with pytest.raises(SettingsError, match="layout ms2"):
            build_pack(tmp_path / "out", order, layout="ms2")

    def test_a_rendered_folder_reads_back(self, tmp_path: Path) -> None:
        pytest.importorskip("embreex", reason="rendering needs the ray caster")
        order = RenderOrder(
            scenes={"train": range(3)}, rig=coaxial_rig(40, 32), cameras="many", samples=1
        )
        build_pack(tmp_path / "a", order)
        build_pack(tmp_path / "b.zip", order)
        folder, zipped = Pack.open(tmp_path / "a"), Pack.open(tmp_path / "b.zip")
        sizes = set()
        for row in folder.rows:
            name = row.frame_id
            sizes.add(folder.size_of(name))
            np.testing.assert_array_equal(folder.sky(name), zipped.sky(name))
            np.testing.assert_array_equal(folder.intrinsics(name), zipped.intrinsics(name))
            np.testing.assert_array_equal(folder.kelvin(name), zipped.kelvin(name))
        assert len(sizes) > 1
        assert build_pack(tmp_path / "a", order).rendered == 0

    def test_one_that_was_killed_goes_on_to_the_same_bytes(self, tmp_path: Path) -> None:
        """Also where a sky map of a finished frame was damaged meanwhile."""
        pytest.importorskip("embreex", reason="rendering needs the ray caster")
        order = RenderOrder(
            scenes={"train": [3, 4], "test": [5]},
            rig=coaxial_rig(40, 32),
            samples=1,
            cameras="many",
        )

        class Killed(BaseException):
            """As a kill: nothing catches it."""

        def kill(done: int, _: int) -> None:
            if done >= 2:
                raise Killed

        whole, killed = tmp_path / "whole", tmp_path / "killed"
        build_pack(whole, order)
        with pytest.raises(Killed):
            build_pack(killed, order, progress=kill)
        first = min((killed / "sky").iterdir())
        first.write_bytes(first.read_bytes()[:-1] + b"x")
        assert build_pack(killed, order).rendered == 2  # the damaged one, and what was to come
        files = [
            {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}
            for root in (whole, killed)
        ]
        assert files[0] == files[1]
        assert {"cameras.csv", "pack.json"} <= {path.name for path in files[0]}
