"""Streets and rooms through several lenses: known lens and sky, one sensor, levels that stay level."""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest

from thermodepth.camera import unproject
from thermodepth.data.synthetic import open_synthetic
from thermodepth.errors import DataError, SettingsError
from thermodepth.synthetic.cameras.rig import coaxial_rig, ms2_rig
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.storage.order import RenderOrder
from thermodepth.synthetic.storage.pack import Pack, write_pack
from thermodepth.synthetic.worlds.several import MOUNTS
from thermodepth.types import ThermalUnit

SEEDS = range(16)


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    pytest.importorskip("embreex", reason="rendering needs the ray caster")
    from thermodepth.synthetic.worlds.world import render_several_cameras

    return [render_several_cameras(seed, width=48, height=36, samples=1) for seed in SEEDS]


@pytest.fixture(scope="module")
def pack(frames: list[Frame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("several") / "several.zip"
    write_pack(path, {"train": frames[:-2], "test": frames[-2:]}, cameras="several")
    return path


def _field_deg(frame: Frame) -> float:
    return math.degrees(2 * math.atan(frame.depth_m.shape[1] / 2 / frame.intrinsics[0, 0]))


def test_every_lens_is_one_of_the_mounts_and_all_come(frames: list[Frame]) -> None:
    fields = {round(_field_deg(frame)) for frame in frames}
    assert fields == {round(mount.field_deg) for mount in MOUNTS}


def test_cameras_are_tilted_by_more_than_one_camera_is(frames: list[Frame]) -> None:
    pitch_deg = [math.degrees(math.asin(frame.world_from_camera[2, 2])) for frame in frames]
    assert np.std(pitch_deg) > 2
    assert max(map(abs, pitch_deg)) < 25


def test_level_ground_is_level_by_depth_and_lens(frames: list[Frame]) -> None:
    for frame in frames:
        points = unproject(frame.depth_m, frame.intrinsics).reshape(3, -1)
        pose = frame.world_from_camera
        height_m = (pose[:3, :3] @ points + pose[:3, 3:])[2]
        levels = np.abs(height_m[np.isfinite(height_m), None] - [0.0, -0.08, 0.1, 0.125]).min(1)
        # The camera stands above a floor or a carriageway that it sees, at one of these heights.
        assert (levels < 2e-3).sum() > 20, frame.frame_id


def test_a_pack_knows_lens_and_sky_and_draws_the_noise_of_one_sensor(
    pack: Path, frames: list[Frame]
) -> None:
    assert json.loads(zipfile.ZipFile(pack).read("pack.json"))["cameras"] == "several"
    dataset = open_synthetic(pack)
    assert "five lenses" in dataset.note
    for index, frame in enumerate(frames[:-2]):
        sample = dataset.splits["train"].read(index)
        assert sample.thermal_unit is ThermalUnit.COUNTS
        assert sample.intrinsics is not None
        assert sample.intrinsics[0, 0] == pytest.approx(frame.intrinsics[0, 0], abs=1e-3)
        assert sample.sky is not None
        np.testing.assert_array_equal(sample.sky, frame.sky)
    again = dataset.splits["train"].read(0, draw=1).thermal
    assert not np.array_equal(dataset.splits["train"].read(0).thermal, again)


def test_a_kind_of_cameras_that_is_none_is_refused(pack: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack) as source, zipfile.ZipFile(tmp_path / "p.zip", "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "pack.json":
                content = json.dumps({**json.loads(content), "cameras": "seven"}).encode()
            target.writestr(name, content)
    with pytest.raises(DataError, match=r"cameras 'seven'.*several"):
        Pack.open(tmp_path / "p.zip")


def test_sequences_and_other_rigs_are_refused() -> None:
    scenes = {"train": range(3)}
    with pytest.raises(SettingsError, match="several cameras there are stills only"):
        RenderOrder(scenes=scenes, rig=coaxial_rig(48, 36), cameras="several", frames=2)
    with pytest.raises(SettingsError, match="several cameras have lenses of their own"):
        RenderOrder(scenes=scenes, rig=ms2_rig(), cameras="several")


def test_seeds_of_the_pack_that_ships_give_its_frames_again() -> None:
    """But for the last bits, which are the processor's."""
    pytest.importorskip("embreex", reason="rendering needs the ray caster")
    from thermodepth.data.synthetic import shipped_pack
    from thermodepth.synthetic.worlds.world import GENERATOR_VERSION, render_several_cameras

    with Pack.open(shipped_pack()) as pack:
        assert pack.header.generator_version == GENERATOR_VERSION
        rows, columns = pack.size
        for row in (pack.rows[0], pack.rows[-1]):
            frame = render_several_cameras(row.seed, width=columns, height=rows)
            packed = pack.read(row.frame_id)
            assert frame.frame_id == row.frame_id
            off_m = np.abs(np.nan_to_num(frame.depth_m) - np.nan_to_num(packed.depth_m))
            assert (off_m <= 1 / 256).mean() > 0.995
            off_k = np.abs(frame.apparent_temperature_k - packed.apparent_temperature_k)
            assert (off_k <= 0.03).mean() > 0.9
